import { CordonError } from '#base';
import type { OcsfEvent, WrittenEvent } from '#model';
import { MAX_EVENT_BYTES } from './line.ts';

const LAST_TIME = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
// A lone surrogate as JSON.stringify writes it, with the backslashes before it in pairs.
const LONE_SURROGATE = /(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g;

/** Renders an event as the JSON that will be hashed. Fails with `event-invalid` on what could not be partitioned or read back. */
export function encodeEvent(event: OcsfEvent): string {
  checkPlace(event);
  let text: string;
  try {
    text = JSON.stringify(event);
  } catch (cause) {
    throw invalid('it cannot be written as JSON', cause);
  }
  return checkedText(text);
}

/** The same for an event that is written already. */
export function encodeWritten(event: WrittenEvent): string {
  checkPlace(event);
  // A line that is two would end the chain there.
  if (event.text.includes('\n')) throw invalid('it is more than one line');
  return checkedText(event.text);
}

/** What an event is partitioned by. */
function checkPlace({ time, class_uid: classUid }: Pick<OcsfEvent, 'time' | 'class_uid'>): void {
  if (!Number.isInteger(time) || time < 0 || time > LAST_TIME) {
    throw invalid('its `time` is not milliseconds since 1970');
  }
  if (!Number.isSafeInteger(classUid) || classUid < 0) throw invalid('its `class_uid` is not a whole number');
}

function checkedText(text: string): string {
  // Half a character has no UTF-8 form. Readers refuse such JSON, so one of them could keep a whole segment unreadable.
  const whole = text.includes('\\ud') ? text.replace(LONE_SURROGATE, '$1\\ufffd') : text;
  if (
    whole.length > MAX_EVENT_BYTES ||
    (whole.length > MAX_EVENT_BYTES / 3 && Buffer.byteLength(whole) > MAX_EVENT_BYTES)
  ) {
    throw invalid(`it is longer than ${MAX_EVENT_BYTES} bytes`);
  }
  return whole;
}

function invalid(reason: string, cause?: unknown): CordonError {
  return new CordonError('event-invalid', `an event cannot be recorded: ${reason}`, {
    cause,
    hint: 'this is a fault in the part of Cordon or the importer that made the event; report it',
  });
}
