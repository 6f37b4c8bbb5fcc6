import { misuse } from '../arguments.ts';
import { serverOf } from '../client.ts';
import type { CommandContext } from '../command.ts';
import { timeText } from '../pieces.ts';

/** `cordon policy history` */
export async function history(context: CommandContext): Promise<number> {
  const { out } = context;
  const found = await serverOf(context).ask('policyHistory', {});
  if (out.isJson) {
    out.document(found);
    return 0;
  }
  out.table(
    [
      { title: 'VERSION', align: 'right' },
      { title: 'WHEN' },
      { title: 'BY' },
      { title: 'MESSAGE', isWrapped: true },
      { title: '' },
    ],
    found.items.map(({ version, createdAt, author, message, active }) => [
      String(version),
      timeText(createdAt),
      author,
      message,
      active ? { text: 'in force', look: 'green' } : '',
    ]),
    'no policies were ever activated',
  );
  return 0;
}

/** `cordon policy rollback` */
export async function rollback(context: CommandContext): Promise<number> {
  const { args, out } = context;
  const [wanted] = args.positionals;
  const version = wanted === undefined ? undefined : Number(wanted);
  if (version !== undefined && !(Number.isSafeInteger(version) && version > 0)) {
    throw misuse(args.row, `\`${wanted ?? ''}\` is not the number of a version`, '`cordon policy history` lists them');
  }
  const body = { message: args.required('message'), ...(version === undefined ? {} : { version }) };
  const done = await serverOf(context).ask('rollbackPolicies', { body });
  if (out.isJson) out.document(done);
  else out.line(`the policies of version ${done.from} are in force again, as version ${done.version}`);
  return 0;
}
