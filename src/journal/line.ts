import { hash } from 'node:crypto';
import { err, ok, type Result } from '#base';
import { Pages } from './pages.ts';

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
  /** The event's JSON, byte for byte as it was hashed; a part of the bytes that were read. */
  readonly event: Buffer;
}

const HASH_MEMBER = ',"hash":"';
const SUFFIX_BYTES = HASH_MEMBER.length + 43 + 2;
/** All of a line but its event, with a newline, is never longer. */
const MAX_FRAME_BYTES = 160;
const HEADER = /^\{"seq":([1-9]\d{0,14}),"prev":"([\w-]{43})","event":(?=\{)/;
const HASH_SUFFIX = /^,"hash":"([\w-]{43})"\}$/;

/** Renders one line, without the newline: `{"seq":1,"prev":"…","event":{…},"hash":"…"}`. */
export function encodeLine(position: { seq: number; prev: string }, event: string): { text: string; hash: string } {
  return stamp(`${headerOf(position.seq, position.prev)}${event}`);
}

function headerOf(seq: number, prev: string): string {
  return `{"seq":${seq},"prev":"${prev}","event":`;
}

/** A line among others in one buffer, and where in it the event's text is. */
export interface EncodedLine {
  readonly seq: number;
  readonly hash: string;
  readonly from: number;
  readonly to: number;
}

/** Renders lines that follow `head`, each ended by a newline, as the bytes that are hashed and written. They lie in one of the `pages`. */
export function encodeLines(
  head: { readonly seq: number; readonly hash: string },
  events: readonly string[],
  pages: Pages = new Pages(),
): { readonly bytes: Buffer; readonly lines: readonly EncodedLine[] } {
  const lengths = events.map((event) => Buffer.byteLength(event));
  const room = pages.room(lengths.reduce((sum, length) => sum + length + MAX_FRAME_BYTES, 0));
  const lines: EncodedLine[] = [];
  let { seq, hash: prev } = head;
  let at = 0;
  for (const [index, event] of events.entries()) {
    seq += 1;
    const start = at;
    const from = at + room.write(headerOf(seq, prev), at, 'latin1');
    // A text of as many bytes as characters is ASCII, and copied as it is.
    const isAscii = lengths[index] === event.length;
    const to = from + room.write(event, from, isAscii ? 'latin1' : 'utf8');
    prev = hash('sha256', room.subarray(start, to), 'base64url');
    at = to + room.write(`${HASH_MEMBER}${prev}"}\n`, to, 'latin1');
    lines.push({ seq, hash: prev, from, to });
  }
  pages.take(at);
  return { bytes: room.subarray(0, at), lines };
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
  const event = bytes.subarray(start.length, bytes.length - SUFFIX_BYTES);
  return ok({ seq: Number(seq), prev, hash: checked.value, event });
}
