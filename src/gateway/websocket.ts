import { createHash } from 'node:crypto';
import { closePayload, encodeFrame, OPCODE } from '#wire';

/** Close code of a connection that was cut because the answer to "may they?" changed. Private use range of RFC 6455. */
export const CUT_CODE = 4403;

/** What a server answers to a client's key. @see RFC 6455 section 4.2.2 */
export function acceptKey(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/** A close frame, as servers send it; the reason is cut to what fits. */
export function closeFrame(code: number, reason: string): Buffer {
  return encodeFrame(OPCODE.close, closePayload(code, reason));
}

/**
 * Follows the frames of one direction, to know where one ends: only there may a close frame be put in. Counts headers and lengths;
 * payloads are not looked at.
 */
export class FrameBoundary {
  #head: number[] = [];
  #payloadLeft = 0n;
  #isClosed = false;

  /** True between two frames while no close frame has passed. */
  get isOpen(): boolean {
    return !this.#isClosed && this.#payloadLeft === 0n && this.#head.length === 0;
  }

  /** True once a close frame has begun. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Notes bytes that pass. */
  feed(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#payloadLeft > 0n) {
        const rest = BigInt(chunk.length - at);
        const step = rest < this.#payloadLeft ? rest : this.#payloadLeft;
        this.#payloadLeft -= step;
        at += Number(step);
        continue;
      }
      this.#head.push(chunk[at] ?? 0);
      at += 1;
      this.#readHead();
    }
  }

  #readHead(): void {
    const [first = 0, second = 0] = this.#head;
    if (this.#head.length < 2) return;
    const short = second & 0x7f;
    const extra = short === 126 ? 2 : short === 127 ? 8 : 0;
    const mask = (second & 0x80) === 0 ? 0 : 4;
    if (this.#head.length < 2 + extra + mask) return;
    let length = BigInt(short);
    if (extra > 0) {
      length = 0n;
      for (const byte of this.#head.slice(2, 2 + extra)) length = (length << 8n) | BigInt(byte);
    }
    if ((first & 0x0f) === 0x8) this.#isClosed = true;
    this.#payloadLeft = length;
    this.#head = [];
  }
}
