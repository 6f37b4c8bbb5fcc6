import { serverOf } from '../client.ts';
import type { CommandContext } from '../command.ts';
import { eventCells } from '../events.ts';
import { countText } from '../pieces.ts';
import { withProgress } from '../progress.ts';

/** `cordon events list` */
export async function list(context: CommandContext): Promise<number> {
  const { args, out } = context;
  const [correlation, limit] = [args.text('correlation'), args.integer('limit', 1, 1000)];
  const classUid = args.integer('class', 0, 999_999);
  const query = {
    ...(limit === undefined ? {} : { limit }),
    ...(correlation === undefined ? {} : { correlation }),
    ...(classUid === undefined ? {} : { class: classUid }),
  };
  const found = await serverOf(context).ask('events', { query });
  const isMissing = correlation !== undefined && found.items.length === 0;
  if (out.isJson) out.document(found);
  else {
    out.table(
      [{ title: 'TIME' }, { title: 'WHAT', shrinkTo: 16 }, { title: 'MESSAGE', isWrapped: true }],
      found.items.map(eventCells),
      isMissing ? `no event has the correlation id \`${correlation}\`` : 'no events',
    );
  }
  return isMissing ? 1 : 0;
}

/** `cordon events query` */
export async function query(context: CommandContext): Promise<number> {
  const { world, args, out } = context;
  const { rows } = await withProgress(world, 'asking', async () => {
    return await serverOf(context).ask('queryEvents', { body: { sql: args.at(0) } });
  });
  if (out.isJson) {
    out.document({ rows });
    return 0;
  }
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  out.table(
    names.map((title) => ({ title, shrinkTo: 12, ...(isNumeric(rows, title) ? { align: 'right' as const } : {}) })),
    rows.map((row) => names.map((name) => valueText(row[name]))),
    'no rows',
  );
  if (rows.length > 0) out.note(countText(rows.length, 'row'));
  return 0;
}

function isNumeric(rows: readonly Readonly<Record<string, unknown>>[], name: string): boolean {
  return rows.every((row) => ['number', 'bigint'].includes(typeof row[name]) || row[name] === null);
}

function valueText(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
