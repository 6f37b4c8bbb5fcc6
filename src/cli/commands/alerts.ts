import type { CONTROL_ROUTES, ResponseOf } from '#contract';
import { choose } from '../choose.ts';
import { serverOf } from '../client.ts';
import type { CommandContext } from '../command.ts';
import { type Piece, styled } from '../output.ts';
import { agoText, wordPiece } from '../pieces.ts';

type Alert = ResponseOf<(typeof CONTROL_ROUTES)['alerts']>['items'][number];

/** `cordon alerts list` */
export async function list(context: CommandContext): Promise<number> {
  const { args, out } = context;
  const isAll = args.has('all');
  const found = await serverOf(context).ask('alerts', { query: { status: isAll ? 'all' : 'open' } });
  if (out.isJson) {
    out.document(found);
    return 0;
  }
  for (const alert of found.items) tell(context, alert);
  if (found.items.length === 0) out.note(isAll ? 'no alerts' : 'no open alerts');
  return 0;
}

const INDENT = 10;

function tell({ world, out }: CommandContext, alert: Alert): void {
  const { severity, id, status, lastAt, count, subjectName, title, detail, response } = alert;
  out.line(pieceOf(severity), { text: title, look: 'bold' }, `: ${subjectName}`);
  out.paragraph(INDENT, detail);
  const times = `${count === 1 ? 'once' : `${count} times`}, last ${agoText(lastAt, world.clock.now())}`;
  const then = response === undefined ? '' : `; ${response.action} (${response.mode})`;
  out.line(' '.repeat(INDENT), { text: `${id}, ${status}, ${times}${then}`, look: 'dim' });
}

function pieceOf(severity: Alert['severity']): Piece {
  const piece = wordPiece(severity);
  return styled(typeof piece === 'string' ? undefined : piece.look, severity.padEnd(INDENT));
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
