import { hash } from 'node:crypto';
import { err, ok, type Result } from '#base';

/** The `prev` of the first line of a journal. */
export const GENESIS: string = 'A'.repeat(43);

/** Longest event accepted, in bytes of JSON. */
export const MAX_EVENT_BYTES: number = 1024 * 1024;

/** A line longer than this was not written by Cordon; readers stop there instead of filling memory. */
export const MAX_LINE_BYTES: number = MAX_EVENT_BYTES + 1024;

/** What a line says about itself, once its own hash has been checked. */
export interface Line {
  readonly seq: number;
  readonly prev: string;
  readonly hash: string;
  /** The event's JSON text, byte for byte as it was hashed. */
  readonly event: string;
}

const HASH_MEMBER = ',"hash":"';
const SUFFIX_BYTES = HASH_MEMBER.length + 43 + 2;
const HEADER = /^\{"seq":([1-9]\d{0,14}),"prev":"([\w-]{43})","event":(?=\{)/;
const HASH_SUFFIX = /^,"hash":"([\w-]{43})"\}$/;

/** Renders one line, without the newline: `{"seq":1,"prev":"…","event":{…},"hash":"…"}`. */
export function encodeLine(position: { seq: number; prev: string }, event: string): { text: string; hash: string } {
  return stamp(`{"seq":${position.seq},"prev":"${position.prev}","event":${event}`);
}

/** Closes an unfinished JSON object with the SHA-256 (base64url) of everything before the member `hash`. */
export function stamp(body: string): { text: string; hash: string } {
  const digest = hash('sha256', body, 'base64url');
  return { text: `${body}${HASH_MEMBER}${digest}"}`, hash: digest };
}

/**
 * Checks what `stamp` made and returns its hash. There is exactly one encoding of a stamped object:
 * the hash is compared as text, so not even the unused bits of its last character can be changed.
 */
export function checkStamp(bytes: Buffer): Result<string, string> {
  const end = bytes.length - SUFFIX_BYTES;
  const claimed = end < 1 ? null : HASH_SUFFIX.exec(bytes.toString('latin1', end));
  if (claimed === null) return err('does not end in a hash');
  const digest = hash('sha256', bytes.subarray(0, end), 'base64url');
  return digest === claimed[1] ? ok(digest) : err('does not have the hash it claims');
}

/** Reads one line (without its newline) and checks its own hash. Refuses every other encoding of the same data. */
export function decodeLine(bytes: Buffer): Result<Line, string> {
  const header = HEADER.exec(bytes.toString('latin1', 0, 96));
  const [start, seq, prev] = header ?? [];
  if (start === undefined || seq === undefined || prev === undefined) return err('is not a journal line');
  const checked = checkStamp(bytes);
  if (!checked.ok) return checked;
  const event = bytes.toString('utf8', start.length, bytes.length - SUFFIX_BYTES);
  return ok({ seq: Number(seq), prev, hash: checked.value, event });
}
