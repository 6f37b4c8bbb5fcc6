import { randomOctets } from '#base';
import { TUNNEL, TUNNEL_CLOSE } from './protocol.ts';

/** What came through a tunnel. After `close` or `violation` nothing follows. */
export type TunnelEvent =
  | { readonly kind: 'data'; readonly bytes: Buffer }
  | { readonly kind: 'end' }
  | { readonly kind: 'ping'; readonly payload: Buffer }
  | { readonly kind: 'pong' }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }
  | { readonly kind: 'violation'; readonly code: number; readonly reason: string };

/** Operation codes of frames. @see RFC 6455 section 11.8 */
export const OPCODE = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

/** Longest payload of a control frame. */
const CONTROL_BYTES = 125;
const UTF8 = new TextDecoder('utf-8', { fatal: true });
const NO_KEY = Buffer.alloc(0);

/**
 * One frame; with a key, masked as clients must (section 5.3). The key is no secret from the peer: it keeps a program behind the tunnel
 * from choosing what a broken proxy on the way sees (section 10.3).
 */
export function encodeFrame(opcode: number, payload: Buffer, key: Buffer = NO_KEY): Buffer {
  const { length } = payload;
  const extra = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const start = 2 + extra + key.length;
  const frame = Buffer.allocUnsafe(start + length);
  frame[0] = 0x80 | opcode;
  frame[1] = (key.length === 0 ? 0 : 0x80) | (extra === 0 ? length : extra === 2 ? 126 : 127);
  if (extra === 2) frame.writeUInt16BE(length, 2);
  if (extra === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  key.copy(frame, 2 + extra);
  payload.copy(frame, start);
  if (key.length > 0) mask(frame.subarray(start), key, 0);
  return frame;
}

/** A key for the next frame of a client. */
export function newMask(): Buffer {
  return randomOctets(4);
}

/** Payload of a close frame; the reason is cut to what fits, never inside a character. */
export function closePayload(code: number, reason: string): Buffer {
  let text = reason;
  while (Buffer.byteLength(text) > CONTROL_BYTES - 2) text = [...text].slice(0, -1).join('');
  const payload = Buffer.alloc(2 + Buffer.byteLength(text));
  payload.writeUInt16BE(code, 0);
  payload.write(text, 2);
  return payload;
}

interface Head {
  readonly isLast: boolean;
  readonly opcode: number;
  readonly length: number;
  readonly key: Buffer;
}

/**
 * Reads the frames of one direction as they come, in pieces of any size. Payload of binary messages is passed on at once; nothing but
 * a head or a control frame is ever kept, so a peer cannot fill the memory.
 */
export class FrameReader {
  readonly #isMasked: boolean;
  readonly #head = Buffer.alloc(14);
  #headBytes = 0;
  #frame: Head | undefined;
  /** Bytes of the payload read so far. */
  #read = 0;
  /** What a control frame or the text has said so far. */
  #kept: Buffer[] = [];
  /** True inside a binary message of several frames. */
  #isInMessage = false;
  #hasEnded = false;
  #isOver = false;

  /** `isMasked`: whether the peer is a client, whose frames are masked; others' must not be (section 5.1). */
  constructor(isMasked: boolean) {
    this.#isMasked = isMasked;
  }

  /** What the bytes hold. The payload of a masked frame is unmasked in place. */
  read(chunk: Buffer): TunnelEvent[] {
    const events: TunnelEvent[] = [];
    let at = 0;
    while (!this.#isOver && (at < chunk.length || this.#isComplete())) {
      if (this.#frame === undefined) at += this.#readHead(chunk.subarray(at), events);
      else at += this.#readPayload(this.#frame, chunk.subarray(at), events);
    }
    return events;
  }

  /** True when the frame at hand has no payload (any more). */
  #isComplete(): boolean {
    return this.#frame !== undefined && this.#read === this.#frame.length;
  }

  #readHead(chunk: Buffer, events: TunnelEvent[]): number {
    // The second byte says how long the head is.
    const wanted = this.#headBytes < 2 ? 2 : this.#headLength();
    const taken = chunk.copy(this.#head, this.#headBytes, 0, wanted - this.#headBytes);
    this.#headBytes += taken;
    if (this.#headBytes < 2 || this.#headBytes < this.#headLength()) return taken;
    const violation = this.#takeHead();
    if (violation !== undefined) this.#violate(events, ...violation);
    return taken;
  }

  #headLength(): number {
    const [, second = 0] = this.#head;
    const short = second & 0x7f;
    return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + ((second & 0x80) === 0 ? 0 : 4);
  }

  #takeHead(): [code: number, reason: string] | undefined {
    const [first = 0, second = 0] = this.#head;
    const bytes = this.#headLength();
    const short = second & 0x7f;
    const isMasked = (second & 0x80) !== 0;
    const long =
      short === 126 ? BigInt(this.#head.readUInt16BE(2)) : short === 127 ? this.#head.readBigUInt64BE(2) : 0n;
    const length = short < 126 ? BigInt(short) : long;
    const opcode = first & 0x0f;
    const isLast = (first & 0x80) !== 0;
    const { violation } = TUNNEL_CLOSE;
    if ((first & 0x70) !== 0) return [violation, 'a reserved bit is set'];
    if (isMasked !== this.#isMasked) return [violation, isMasked ? 'the frame is masked' : 'the frame is not masked'];
    if ((short === 126 && long < 126n) || (short === 127 && long < 65_536n)) {
      return [violation, 'the length is not in its shortest form'];
    }
    if (length > BigInt(TUNNEL.frameBytes)) return [TUNNEL_CLOSE.frameTooLong, 'the frame is too long'];
    const problem = this.#placeProblem(opcode, isLast, Number(length));
    if (problem !== undefined) return [violation, problem];
    this.#frame = {
      isLast,
      opcode,
      length: Number(length),
      key: isMasked ? Buffer.from(this.#head.subarray(bytes - 4, bytes)) : NO_KEY,
    };
    this.#read = 0;
    this.#headBytes = 0;
    if (opcode === OPCODE.binary || opcode === OPCODE.continuation) this.#isInMessage = !isLast;
    return undefined;
  }

  /** Why a frame may not stand here. */
  #placeProblem(opcode: number, isLast: boolean, length: number): string | undefined {
    switch (opcode) {
      case OPCODE.binary:
        if (this.#isInMessage) return 'a message begins inside another';
        return this.#hasEnded && length > 0 ? 'bytes after the end' : undefined;
      case OPCODE.continuation:
        return this.#isInMessage ? undefined : 'a continuation of nothing';
      case OPCODE.text:
        if (this.#isInMessage) return 'a message begins inside another';
        if (this.#hasEnded) return 'a second end';
        return isLast && length === TUNNEL.end.length ? undefined : 'a text that is not `end`';
      case OPCODE.close:
      case OPCODE.ping:
      case OPCODE.pong:
        return isLast && length <= CONTROL_BYTES ? undefined : 'a control frame that is fragmented or too long';
      default:
        return 'an unknown operation code';
    }
  }

  #readPayload(frame: Head, chunk: Buffer, events: TunnelEvent[]): number {
    const piece = chunk.subarray(0, frame.length - this.#read);
    if (frame.key.length > 0) mask(piece, frame.key, this.#read);
    this.#read += piece.length;
    if (frame.opcode === OPCODE.binary || frame.opcode === OPCODE.continuation) {
      if (piece.length > 0) events.push({ kind: 'data', bytes: piece });
    } else if (piece.length > 0) this.#kept.push(Buffer.from(piece));
    if (this.#isComplete()) this.#finish(frame.opcode, events);
    return piece.length;
  }

  #finish(opcode: number, events: TunnelEvent[]): void {
    const payload = Buffer.concat(this.#kept);
    this.#kept = [];
    this.#frame = undefined;
    switch (opcode) {
      case OPCODE.text:
        this.#hasEnded = true;
        if (payload.toString('latin1') === TUNNEL.end) events.push({ kind: 'end' });
        else this.#violate(events, TUNNEL_CLOSE.violation, 'a text that is not `end`');
        break;
      case OPCODE.ping:
        events.push({ kind: 'ping', payload });
        break;
      case OPCODE.pong:
        events.push({ kind: 'pong' });
        break;
      case OPCODE.close:
        this.#finishClose(payload, events);
        break;
      default:
    }
  }

  /** @see RFC 6455 section 5.5.1 */
  #finishClose(payload: Buffer, events: TunnelEvent[]): void {
    // 1005: there was none.
    const code = payload.length === 0 ? 1005 : payload.length === 1 ? 0 : payload.readUInt16BE(0);
    const isDefined =
      code === 1005 ? payload.length === 0 : (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
    if (!isDefined && (code < 3000 || code > 4999)) {
      this.#violate(events, TUNNEL_CLOSE.violation, 'a close code that must not be sent');
      return;
    }
    try {
      events.push({ kind: 'close', code, reason: UTF8.decode(payload.subarray(2)) });
      this.#isOver = true;
    } catch {
      this.#violate(events, TUNNEL_CLOSE.violation, 'a close reason that is not UTF-8');
    }
  }

  #violate(events: TunnelEvent[], code: number, reason: string): void {
    this.#isOver = true;
    events.push({ kind: 'violation', code, reason });
  }
}

/** XOR with the key, which stands at `offset` of the payload: four bytes at once, where memory is aligned for it. */
function mask(bytes: Buffer, key: Buffer, offset: number): void {
  const first = Math.min(bytes.length, -bytes.byteOffset & 3);
  const words = (bytes.length - first) >> 2;
  const xor = (from: number, to: number): void => {
    for (let i = from; i < to; i++) bytes[i] = (bytes[i] ?? 0) ^ (key[(offset + i) & 3] ?? 0);
  };
  xor(0, first);
  if (words > 0) {
    const [word = 0] = new Int32Array(Uint8Array.from([0, 1, 2, 3], (i) => key[(offset + first + i) & 3] ?? 0).buffer);
    const aligned = new Int32Array(bytes.buffer, bytes.byteOffset + first, words);
    for (let i = 0; i < words; i++) aligned[i] = (aligned[i] ?? 0) ^ word;
  }
  xor(first + words * 4, bytes.length);
}
