import { choose } from '../choose.ts';
import { serverOf } from '../client.ts';
import type { CommandContext } from '../command.ts';
import { agoText, wordPiece } from '../pieces.ts';

/** `cordon alerts list` */
export async function list(context: CommandContext): Promise<number> {
  const { world, args, out } = context;
  const isAll = args.has('all');
  const found = await serverOf(context).ask('alerts', { query: { status: isAll ? 'all' : 'open' } });
  if (out.isJson) {
    out.document(found);
    return 0;
  }
  const now = world.clock.now();
  out.table(
    [
      { title: 'SEVERITY' },
      { title: 'ID' },
      { title: 'STATUS' },
      { title: 'LAST' },
      { title: 'TIMES', align: 'right' },
      { title: 'SUBJECT', shrinkTo: 14 },
      { title: 'RESPONSE', shrinkTo: 8 },
      { title: 'ALERT', isWrapped: true },
    ],
    found.items.map(({ severity, id, status, lastAt, count, subjectName, title, detail, response }) => [
      wordPiece(severity),
      id,
      wordPiece(status),
      agoText(lastAt, now),
      String(count),
      subjectName,
      response === undefined ? '' : `${response.action} (${response.mode})`,
      `${title}: ${detail}`,
    ]),
    isAll ? 'no alerts' : 'no open alerts',
  );
  return 0;
}

/** `cordon alerts close` */
export async function close(context: CommandContext): Promise<number> {
  const { args, out } = context;
  const server = serverOf(context);
  const { items } = await server.ask('alerts', { query: { status: 'all' } });
  const { id } = choose(
    { noun: 'alert', list: 'alerts list --all' },
    args.at(0),
    items.map((alert) => ({ id: alert.id, names: [] })),
  );
  await server.ask('closeAlert', { params: { id }, body: { reason: args.required('reason') } });
  if (out.isJson) out.document({ ok: true, id });
  else out.line(`alert ${id} is closed`);
  return 0;
}
