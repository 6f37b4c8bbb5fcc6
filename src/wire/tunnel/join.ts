import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { closePayload, encodeFrame, FrameReader, newMask, OPCODE, type TunnelEvent } from './frames.ts';
import { TUNNEL, TUNNEL_CLOSE } from './protocol.ts';

/** How a tunnel ended: the close frame that was sent or came first; code 1006 when there was none. */
export interface TunnelEnd {
  readonly code: number;
  readonly reason: string;
}

/** Who ended a tunnel: the other end of it, the connection behind this end, the silence of the other end, or whoever holds this end. */
export type TunnelEnder = 'peer' | 'connection' | 'silence' | 'holder';

/** How a tunnel came to its end. */
export interface TunnelEnding {
  /** Where both directions came to their own end, the side that ended first. */
  readonly by: TunnelEnder;
  /** True when both directions came to their own end, so that nothing is missing. */
  readonly isWhole: boolean;
}

/** What to join. */
export interface TunnelEnds {
  /** Carries frames; the handshake is over. */
  readonly frames: Duplex;
  /** Carries the bytes of the connection; must allow that one direction ends before the other. */
  readonly socket: Duplex;
  /** Which end of the tunnel this is. */
  readonly role: 'client' | 'gateway';
  /** Silence after which the other end is asked, and again after which it is taken for dead, milliseconds. */
  readonly keepAliveMs?: number;
  /** Called once. */
  readonly onEnd: (end: TunnelEnd, ending: TunnelEnding) => void;
  /** Told of the bytes of the connection as they are handed on. */
  readonly onBytes?: (bytes: number, to: 'peer' | 'connection') => void;
}

/** A tunnel that carries bytes. */
export interface JoinedTunnel {
  /** Ends both directions at once, with the reason; no byte passes after it returns. */
  close(code: number, reason: string): void;
}

/** How long the other end may take to read what was sent before it is let go, milliseconds. */
const FLUSH_MS = 1000;
const KEEP_ALIVE_MS = 30_000;

/**
 * Carries bytes between a tunnel and a connection until both directions have ended or one end fails. Each side waits for the other to
 * take what was sent. INVARIANT: only `end` both ways looks like an end to the connection; everything else is a reset (attack: whoever
 * cuts the way makes a part look like the whole).
 */
export function joinTunnel(ends: TunnelEnds): JoinedTunnel {
  return new Joint(ends);
}

class Joint implements JoinedTunnel {
  readonly #ends: TunnelEnds;
  readonly #reader: FrameReader;
  readonly #timer: NodeJS.Timeout;
  #isOver = false;
  #endedFirst: TunnelEnder | undefined;
  #hasSentEnd = false;
  #hasGotEnd = false;
  /** True while the connection has to take what came before more is read. */
  #isPaused = false;
  /** True when the other end was heard since the timer last looked; asked: it was sent a ping since then. */
  #isHeard = true;
  #isAsked = false;

  constructor(ends: TunnelEnds) {
    this.#ends = ends;
    this.#reader = new FrameReader(ends.role === 'gateway');
    this.#timer = setInterval(() => {
      this.#keepAlive();
    }, ends.keepAliveMs ?? KEEP_ALIVE_MS).unref();
    this.#listen();
  }

  close(code: number, reason: string): void {
    this.#close({ code, reason }, 'holder');
  }

  #close(end: TunnelEnd, by: TunnelEnder): void {
    if (this.#isOver) return;
    this.#sayClose(end.code, end.reason);
    this.#finish(end, by, end.code === TUNNEL_CLOSE.done);
  }

  #listen(): void {
    const { frames, socket } = this.#ends;
    frames.on('data', (chunk: Buffer) => {
      this.#onFrames(chunk);
    });
    socket.on('data', (chunk: Buffer) => {
      this.#onBytes(chunk);
    });
    onceEnded(socket, () => {
      if (this.#isOver) return;
      this.#hasSentEnd = true;
      this.#endedFirst ??= 'connection';
      this.#send(OPCODE.text, Buffer.from(TUNNEL.end));
      this.#closeWhenDone();
    });
    const onLost = (): void => {
      if (!this.#isOver) this.#lose('the tunnel broke off', 'peer');
    };
    const onFailed = (): void => {
      this.#close({ code: TUNNEL_CLOSE.failed, reason: 'the connection behind the tunnel broke off' }, 'connection');
    };
    frames.on('error', onLost).on('close', onLost);
    onceEnded(frames, onLost);
    socket.on('error', onFailed).on('close', onFailed);
  }

  #onFrames(chunk: Buffer): void {
    this.#isHeard = true;
    if (this.#isOver) return;
    for (const event of this.#reader.read(chunk)) if (!this.#isOver) this.#onEvent(event);
  }

  #onEvent(event: TunnelEvent): void {
    const { frames, socket } = this.#ends;
    switch (event.kind) {
      case 'data':
        this.#ends.onBytes?.(event.bytes.length, 'connection');
        if (!socket.write(event.bytes)) this.#pause();
        break;
      case 'end':
        this.#hasGotEnd = true;
        this.#endedFirst ??= 'peer';
        socket.end();
        this.#closeWhenDone();
        break;
      case 'ping':
        // Who asks without reading the answers must not fill the memory with them.
        if (!frames.writableNeedDrain) this.#send(OPCODE.pong, event.payload);
        break;
      case 'pong':
        break;
      case 'violation':
        this.#close({ code: event.code, reason: event.reason }, 'peer');
        break;
      default: {
        const isWhole = event.code === TUNNEL_CLOSE.done && this.#hasGotEnd && this.#hasSentEnd;
        this.#sayClose(event.code === 1005 ? TUNNEL_CLOSE.done : event.code, '');
        this.#finish({ code: event.code, reason: event.reason }, 'peer', isWhole);
      }
    }
  }

  #onBytes(chunk: Buffer): void {
    if (this.#isOver) return;
    const { frames, socket } = this.#ends;
    this.#ends.onBytes?.(chunk.length, 'peer');
    let isTaken = true;
    for (let at = 0; at < chunk.length; at += TUNNEL.frameBytes) {
      isTaken = this.#send(OPCODE.binary, chunk.subarray(at, at + TUNNEL.frameBytes));
    }
    if (isTaken) return;
    socket.pause();
    frames.once('drain', () => socket.resume());
  }

  #pause(): void {
    if (this.#isPaused) return;
    const { frames, socket } = this.#ends;
    this.#isPaused = true;
    frames.pause();
    socket.once('drain', () => {
      this.#isPaused = false;
      this.#isHeard = true; // nothing was heard because nothing was read
      frames.resume();
    });
  }

  #keepAlive(): void {
    if (this.#isPaused) {
      // Nothing is read, so nothing is answered either: this says that somebody is here. An end that is gone is noticed by nothing else.
      if (!this.#ends.frames.writableNeedDrain) this.#send(OPCODE.ping, Buffer.alloc(0));
      return;
    }
    if (!this.#isHeard && this.#isAsked) {
      this.#lose('the other end of the tunnel does not answer', 'silence');
      return;
    }
    this.#isAsked = !this.#isHeard;
    if (this.#isAsked) this.#send(OPCODE.ping, Buffer.alloc(0));
    this.#isHeard = false;
  }

  #send(opcode: number, payload: Buffer): boolean {
    const { frames, role } = this.#ends;
    return frames.write(encodeFrame(opcode, payload, role === 'client' ? newMask() : undefined));
  }

  #sayClose(code: number, reason: string): void {
    const { frames } = this.#ends;
    if (!frames.destroyed && !frames.writableEnded) {
      this.#send(OPCODE.close, closePayload(code, reason));
      frames.end();
    }
    setTimeout(() => frames.destroy(), FLUSH_MS).unref();
  }

  #closeWhenDone(): void {
    if (this.#hasSentEnd && this.#hasGotEnd) this.#close({ code: TUNNEL_CLOSE.done, reason: '' }, 'holder');
  }

  #lose(reason: string, by: TunnelEnder): void {
    this.#ends.frames.destroy();
    this.#finish({ code: TUNNEL_CLOSE.brokenOff, reason }, by, false);
  }

  #finish(end: TunnelEnd, by: TunnelEnder, isWhole: boolean): void {
    const { frames, socket, onEnd } = this.#ends;
    this.#isOver = true;
    clearInterval(this.#timer);
    if (!isWhole) breakOff(socket);
    frames.resume(); // what still comes is dropped
    onEnd(end, { by: isWhole ? (this.#endedFirst ?? by) : by, isWhole });
  }
}

/** Calls back when no more comes. What ended before it was joined, as a client that left during the dial, says so only once. */
function onceEnded(stream: Duplex, work: () => void): void {
  if (stream.readableEnded) process.nextTick(work);
  else stream.once('end', work);
}

/** Ends a connection so that its other end sees that something is missing. */
function breakOff(socket: Duplex): void {
  if (socket instanceof Socket) socket.resetAndDestroy();
  else socket.destroy();
}
