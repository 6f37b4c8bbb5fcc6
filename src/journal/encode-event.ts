import { CordonError } from '#base';
import type { OcsfEvent } from '#model';
import { MAX_EVENT_BYTES } from './line.ts';

const LAST_TIME = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
// A lone surrogate as JSON.stringify writes it, with the backslashes before it in pairs.
const LONE_SURROGATE = /(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g;

/** Renders an event as the JSON that will be hashed. Fails with `event-invalid` on what could not be partitioned or read back. */
export function encodeEvent(event: OcsfEvent): string {
  const { time, class_uid: classUid } = event;
  if (!Number.isInteger(time) || time < 0 || time > LAST_TIME) {
    throw invalid('its `time` is not milliseconds since 1970');
  }
  if (!Number.isSafeInteger(classUid) || classUid < 0) throw invalid('its `class_uid` is not a whole number');
  let text: string;
  try {
    text = JSON.stringify(event);
  } catch (cause) {
    throw invalid('it cannot be written as JSON', cause);
  }
  // Half a character has no UTF-8 form. Readers refuse such JSON, so one of them could keep a whole segment unreadable.
  if (text.includes('\\ud')) text = text.replace(LONE_SURROGATE, '$1\\ufffd');
  if (
    text.length > MAX_EVENT_BYTES ||
    (text.length > MAX_EVENT_BYTES / 3 && Buffer.byteLength(text) > MAX_EVENT_BYTES)
  ) {
    throw invalid(`it is longer than ${MAX_EVENT_BYTES} bytes`);
  }
  return text;
}

function invalid(reason: string, cause?: unknown): CordonError {
  return new CordonError('event-invalid', `an event cannot be recorded: ${reason}`, {
    cause,
    hint: 'this is a fault in the part of Cordon or the importer that made the event; report it',
  });
}
