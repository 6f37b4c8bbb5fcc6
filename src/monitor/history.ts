import { isJsonObject, type Json, parseJson } from '#base';
import type { Journal } from '#journal';
import type { OcsfEvent } from '#model';
import type { Cursor } from './commit.ts';

const ROWS = 9000; // below what one query may return

/** What happened before the monitor listened: what is written already, and what is not. Both oldest first. */
export interface History {
  readonly known: readonly OcsfEvent[];
  readonly unknown: readonly OcsfEvent[];
}

/**
 * Takes what the journal has in memory, and where that does not reach back far enough (a busy gateway fills it in seconds) asks the
 * journal for the refusals before it. `onFailure` is told when that is not possible; what is in memory counts all the same.
 */
export async function readHistory(
  journal: Pick<Journal, 'query'>,
  recent: readonly OcsfEvent[],
  input: {
    readonly cursor: Cursor | undefined;
    readonly since: number;
    readonly classIds: readonly number[];
    readonly isWhole: boolean;
    readonly onFailure: (cause: unknown) => void;
  },
): Promise<History> {
  const { cursor, since, classIds, isWhole, onFailure } = input;
  let events = recent;
  const reaches = isWhole || (recent[0]?.time ?? 0) < since;
  if (!reaches) {
    try {
      const inMemory = new Set(recent.map(({ metadata }) => metadata.uid));
      const from = Math.min(since, cursor?.time ?? since);
      const older = await readRefusals(journal, { from, classIds });
      events = [...older.filter(({ metadata }) => !inMemory.has(metadata.uid)), ...recent];
    } catch (cause) {
      onFailure(cause);
    }
  }
  return split(events, cursor);
}

async function readRefusals(
  journal: Pick<Journal, 'query'>,
  { from, classIds }: { from: number; classIds: readonly number[] },
): Promise<OcsfEvent[]> {
  const classes = classIds.map((id) => String(Math.trunc(id))).join(', ');
  const rows = await journal.query(
    // The same as `isRefusal` of the engine: whatever it would judge has to be found again.
    `select event from events where class_uid in (${classes}) and time >= ?
      and (status_id = 2 or action_id = 2 or json_extract_string(event, '$.disposition_id') = '2')
      order by seq desc limit ${ROWS}`,
    [from],
  );
  return rows.reverse().flatMap(({ event }) => eventOf(event) ?? []);
}

function eventOf(value: Json | undefined): OcsfEvent | undefined {
  const parsed = typeof value === 'string' ? parseJson(value) : undefined;
  const event = parsed?.ok === true ? parsed.value : value;
  if (!isJsonObject(event) || !isJsonObject(event['metadata']) || typeof event['metadata']['uid'] !== 'string') {
    return undefined;
  }
  // The journal holds nothing but events that buildEvent made.
  return event as unknown as OcsfEvent;
}

function split(events: readonly OcsfEvent[], cursor: Cursor | undefined): History {
  if (cursor === undefined) return { known: [], unknown: events };
  const at = events.findIndex(({ metadata }) => metadata.uid === cursor.eventId);
  if (at >= 0) return { known: events.slice(0, at + 1), unknown: events.slice(at + 1) };
  // Not there any more, or a journal that lost its end: what is not newer than the cursor was judged.
  const isKnown = ({ time }: OcsfEvent): boolean => time <= cursor.time;
  return { known: events.filter(isKnown), unknown: events.filter((event) => !isKnown(event)) };
}
