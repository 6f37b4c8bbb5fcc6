/** Streams of HTTP/2 that are nearly right: good fields and frames, changed in a few places. */
import fc from 'fast-check';
import { FLAG, FRAME, field, frame, word } from '../http2-frames.ts';

/** A field as it goes into the head; names of pseudo-fields begin with a colon. */
export type Field = readonly [name: string, value: string];

/** One stream before it is changed. */
export interface Stream {
  readonly fields: readonly Field[];
  readonly body?: string;
  /** Fields after the body. */
  readonly trailers?: readonly Field[];
}

/** Put in, or put in the place of a field that is there. */
const FIELDS: readonly Field[] = [
  [':path', '/admin'],
  [':path', '/a b'],
  [':path', '*'],
  [':path', 'http://evil.example/'],
  [':path', '/%2e%2e/admin'],
  [':method', 'POST'],
  [':method', 'get'],
  [':method', 'CONNECT'],
  [':method', 'GET / HTTP/1.1\r\nx: '],
  [':authority', 'evil.example'],
  [':authority', 'wiki.localhost:443'],
  [':authority', 'wiki.localhost\0'],
  [':scheme', 'http'],
  [':protocol', 'websocket'],
  [':status', '200'],
  [':constructor', 'x'],
  ['host', 'evil.example'],
  ['host', 'wiki.localhost'],
  ['Host', 'evil.example'],
  ['content-length', '5'],
  ['content-length', '0'],
  ['content-length', '+5'],
  ['transfer-encoding', 'chunked'],
  ['te', 'trailers'],
  ['connection', 'x-cordon-assertion, authorization'],
  ['upgrade', 'websocket'],
  ['http2-settings', 'AAMAAABkAAQAAP__'],
  ['expect', '100-continue'],
  ['x-forwarded-user', 'forged'],
  ['x_forwarded_user', 'forged'],
  ['x-forwarded-for', 'forged'],
  ['remote-user', 'forged'],
  ['x-cordon-assertion', 'forged'],
  ['x-cordon-assertion\r\nx-a', 'forged'],
  ['x-a', 'b\r\nx-cordon-assertion: forged'],
  ['x-a', 'b\nremote-user: forged'],
  ['x-a', ' b '],
  ['x-a', 'b\0c'],
  ['', 'forged'],
  ['constructor', 'x'],
  ['__proto__', 'x'],
  ['cookie', '__Host-cordon_app=forged'],
  ['cookie', 'a=b'],
  ['authorization', 'Bearer cordon_at_forged'],
  ['sec-websocket-version', '13'],
  ['origin', 'https://evil.example'],
];

/** One change, at a place between the beginning (0) and the end (1). */
export type Change =
  | { readonly kind: 'insert' | 'replace'; readonly place: number; readonly field: Field; readonly isAfter: boolean }
  | { readonly kind: 'repeat' | 'remove' | 'swap'; readonly place: number; readonly isAfter: boolean }
  | { readonly kind: 'split' | 'pad' | 'reset' | 'flip' | 'repeat-frame' | 'drop-frame'; readonly place: number };

const place = fc.double({ min: 0, max: 0.999, noNaN: true });
const isAfter = fc.integer({ min: 0, max: 4 }).map((n) => n === 0);
const ofFields = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('insert', 'insert', 'replace'),
      place,
      field: fc.constantFrom(...FIELDS),
      isAfter,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('repeat', 'remove', 'swap'), place, isAfter }) },
);
const ofFrames = fc.record({
  kind: fc.constantFrom('split', 'split', 'pad', 'reset', 'flip', 'repeat-frame', 'drop-frame'),
  place,
});
/** Mostly of fields: what is wrong with frames ends all that comes after. */
export const changes: fc.Arbitrary<Change[]> = fc
  .tuple(fc.array(ofFields, { maxLength: 2 }), fc.option(ofFrames, { freq: 5 }))
  .map(([fields, last]): Change[] => (last === null ? fields : [...fields, last]));

/** The bytes of a stream with its changes. */
export function mutated(stream: Stream, id: number, all: readonly Change[]): Buffer {
  let head = stream.fields;
  let after = stream.trailers ?? [];
  for (const change of all) {
    if (!('isAfter' in change)) continue;
    if (change.isAfter) after = changedFields(after, change);
    else head = changedFields(head, change);
  }
  let frames = framesOf({ ...stream, fields: head, trailers: after }, id);
  for (const change of all) if (!('isAfter' in change)) frames = changedFrames(frames, id, change);
  return Buffer.concat(frames);
}

function changedFields(fields: readonly Field[], change: Extract<Change, { isAfter: boolean }>): Field[] {
  const pseudo = fields.filter(([name]) => name.startsWith(':')).length;
  const isOfPseudo = 'field' in change && change.field[0].startsWith(':');
  // Where it may stand; a place where it may not is soon tried.
  const [from, to] = isOfPseudo ? [0, pseudo] : [change.place > 0.9 ? 0 : pseudo, fields.length];
  const at = from + Math.floor(change.place * (to - from + 1));
  if (change.kind === 'insert') return [...fields.slice(0, at), change.field, ...fields.slice(at)];
  if (change.kind === 'replace') {
    const same = fields.findIndex(([name]) => name === change.field[0]);
    const which = same === -1 ? at : same;
    return [...fields.slice(0, which), change.field, ...fields.slice(which + 1)];
  }
  const which = Math.floor(change.place * fields.length);
  const here = fields.slice(which, which + 1);
  if (change.kind === 'repeat') return [...fields.slice(0, which), ...here, ...fields.slice(which)];
  const others = [...fields.slice(0, which), ...fields.slice(which + 1)];
  return change.kind === 'remove' ? others : [...here, ...others];
}

function framesOf({ fields, body, trailers = [] }: Stream, id: number): Buffer[] {
  const block = (all: readonly Field[]): Buffer => Buffer.concat(all.map(([name, value]) => field(name, value)));
  const isLast = body === undefined && trailers.length === 0;
  const frames = [frame(FRAME.headers, FLAG.endHeaders | (isLast ? FLAG.endStream : 0), id, block(fields))];
  if (body !== undefined)
    frames.push(frame(FRAME.data, trailers.length === 0 ? FLAG.endStream : 0, id, Buffer.from(body, 'latin1')));
  if (trailers.length > 0) frames.push(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, id, block(trailers)));
  return frames;
}

function changedFrames(frames: Buffer[], id: number, { kind, place: where }: Change): Buffer[] {
  const at = Math.floor(where * frames.length);
  const here = frames[at] ?? Buffer.alloc(0);
  const changed = (...with_: Buffer[]): Buffer[] => [...frames.slice(0, at), ...with_, ...frames.slice(at + 1)];
  switch (kind) {
    case 'split': {
      // What is left of the head goes on in a second frame.
      const [type = 0, flags = 0] = [here[3], here[4]];
      const cut = 9 + Math.floor(where * (here.length - 9));
      const first = frame(
        type,
        flags & ~(FLAG.endHeaders | (type === FRAME.data ? FLAG.endStream : 0)),
        id,
        here.subarray(9, cut),
      );
      const next = type === FRAME.data ? FRAME.data : FRAME.continuation;
      return changed(first, frame(next, type === FRAME.data ? flags : FLAG.endHeaders, id, here.subarray(cut)));
    }
    case 'pad':
      return changed(here, frame(FRAME.data, 0, id, Buffer.from('GET /admin HTTP/1.1\r\n\r\n')));
    case 'reset':
      return changed(here, frame(FRAME.reset, 0, id, word(8)));
    case 'repeat-frame':
      return changed(here, here);
    case 'drop-frame':
      return changed();
    default: {
      const flipped = Buffer.from(here);
      const bit = Math.floor(where * 8191) % 8;
      const octet = Math.floor(((where * 7919) % 1) * flipped.length);
      flipped[octet] = (flipped[octet] ?? 0) ^ (1 << bit);
      return changed(flipped);
    }
  }
}
