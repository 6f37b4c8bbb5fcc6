import type { CONTROL_ROUTES, ResponseOf } from '#contract';
import { misuse } from '../arguments.ts';
import { choose } from '../choose.ts';
import { serverOf } from '../client.ts';
import type { CommandContext } from '../command.ts';
import { agoText, timeText, wordPiece } from '../pieces.ts';

type Device = ResponseOf<(typeof CONTROL_ROUTES)['devices']>['items'][number];

/** `cordon devices list` */
export async function list(context: CommandContext): Promise<number> {
  const { world, out } = context;
  const found = await serverOf(context).ask('devices', {});
  if (out.isJson) {
    out.document(found);
    return 0;
  }
  const now = world.clock.now();
  out.table(
    [
      { title: 'ID' },
      { title: 'NAME', shrinkTo: 10 },
      { title: 'FORM' },
      { title: 'OWNER', shrinkTo: 12 },
      { title: 'STATUS' },
      { title: 'VERDICT' },
      { title: 'CHECKED' },
      { title: 'TO FIX', isWrapped: true },
    ],
    found.items.map((device) => [
      device.id,
      device.name,
      device.form,
      device.owner ?? '',
      wordPiece(device.status),
      wordPiece(device.verdict),
      device.collectedAt === undefined ? 'never' : agoText(device.collectedAt, now),
      failingText(device),
    ]),
    'no devices yet; make a token for one with `cordon devices token`',
  );
  return 0;
}

function failingText({ results }: Device): string {
  return results
    .flatMap(({ check, outcome, detail }) => (outcome === 'fail' ? [`${check}: ${detail}`] : []))
    .join('; ');
}

/** `cordon devices token` */
export async function token(context: CommandContext): Promise<number> {
  const { world, args, out } = context;
  const [name, ownerEmail] = [args.text('name'), args.text('owner')];
  const body = {
    ...(name === undefined ? {} : { name }),
    ...(ownerEmail === undefined ? {} : { ownerEmail }),
    labels: labelsOf(context),
  };
  const made = await serverOf(context).ask('enrolDevice', { body });
  if (out.isJson) {
    out.document(made);
    return 0;
  }
  const { command, expiresAt } = made;
  out.line(command);
  const until = `until ${timeText(expiresAt)} (${agoText(expiresAt, world.clock.now())})`;
  out.note(`run it on the host; the token works once, ${until}`);
  return 0;
}

function labelsOf({ args }: CommandContext): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const text of args.list('label')) {
    const at = text.indexOf('=');
    if (at < 1) throw misuse(args.row, `\`--label ${text}\` is not \`KEY=VALUE\``);
    const key = text.slice(0, at);
    if (Object.hasOwn(labels, key)) throw misuse(args.row, `the label \`${key}\` is given twice`);
    labels[key] = text.slice(at + 1);
  }
  return labels;
}

/** `cordon devices revoke` */
export async function revoke(context: CommandContext): Promise<number> {
  const { args, out } = context;
  const server = serverOf(context);
  const { items } = await server.ask('devices', {});
  const candidates = items.map(({ id, name }) => ({ id, names: [name] }));
  const { id, names } = choose({ noun: 'device', list: 'devices list' }, args.at(0), candidates);
  await server.ask('revokeDevice', { params: { id } });
  if (out.isJson) out.document({ ok: true, id });
  else out.line(`device ${names.join('')} (${id}) is revoked`);
  return 0;
}
