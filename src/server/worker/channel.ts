import type { Duplex } from 'node:stream';

/** Bytes before each frame that say how long it is. */
const LENGTH_BYTES = 4;
/** A frame is sent at once when this many characters have gathered. */
const FULL_FRAME = 1024 * 1024;
/** How long what is to be sent soon waits for more, milliseconds. */
const SOON_MS = 5;
/** A longer frame is none of ours. */
const MAX_FRAME_BYTES = 512 * 1024 * 1024;

/** What a channel tells its owner. */
export interface ChannelHandlers<In> {
  /** Called for every message, in the order they were sent. One that throws ends the channel: what it missed would be missing for good. */
  readonly onMessage: (message: In) => void;
  /** Called once, when nothing comes any more; with an error when that was not the wish of the other side. */
  readonly onClose: (error?: Error) => void;
}

/**
 * Messages between two processes of one Cordon, over a socket pair that nobody else can open: JSON in frames with their length before
 * them. Nothing is dropped or reordered. Messages of one turn of the event loop share a frame.
 */
export class Channel<In, Out> {
  readonly #stream: Duplex;
  readonly #handlers: ChannelHandlers<In>;
  #texts: string[] = [];
  #characters = 0;
  #received: Buffer[] = [];
  #receivedBytes = 0;
  /** Bytes that make the frame under way whole, its length included; unknown while even that is not there. */
  #wanted = LENGTH_BYTES;
  #isClosed = false;
  #now: NodeJS.Immediate | undefined;
  #soon: NodeJS.Timeout | undefined;

  constructor(stream: Duplex, handlers: ChannelHandlers<In>) {
    this.#stream = stream;
    this.#handlers = handlers;
    stream.on('data', (chunk: Buffer) => this.#read(chunk));
    stream.on('error', (error) => this.#end(error));
    stream.on('end', () => this.#end());
    stream.on('close', () => this.#end());
  }

  /** What is waiting to be taken by the other side, in bytes or characters. */
  get queued(): number {
    return this.#characters + this.#stream.writableLength;
  }

  /**
   * Sends a message as it is now, with others of this turn. Where nobody waits for it, it may go `soon`: within a few milliseconds, with
   * others of that time. After the end it does nothing: `onClose` has told.
   */
  send(message: Out, urgency: 'now' | 'soon' = 'now'): void {
    if (this.#isClosed) return;
    const text = JSON.stringify(message);
    this.#characters += text.length;
    this.#texts.push(text);
    if (this.#characters >= FULL_FRAME) this.flush();
    else if (urgency === 'now') this.#now ??= setImmediate(() => this.flush());
    else this.#soon ??= setTimeout(() => this.flush(), SOON_MS);
  }

  /** Sends what has gathered. */
  flush(): void {
    clearImmediate(this.#now);
    clearTimeout(this.#soon);
    this.#now = undefined;
    this.#soon = undefined;
    if (this.#texts.length === 0 || this.#isClosed) return;
    const body = Buffer.from(`[${this.#texts.join(',')}]`);
    this.#texts = [];
    this.#characters = 0;
    const length = Buffer.allocUnsafe(LENGTH_BYTES);
    length.writeUInt32BE(body.length);
    this.#stream.cork();
    this.#stream.write(length);
    this.#stream.write(body);
    this.#stream.uncork();
  }

  /** Sends what has gathered, and ends. */
  close(): void {
    this.flush();
    this.#stream.end();
  }

  #read(chunk: Buffer): void {
    this.#received.push(chunk);
    this.#receivedBytes += chunk.length;
    if (this.#isClosed || this.#receivedBytes < this.#wanted) return;
    let bytes = this.#received.length === 1 ? chunk : Buffer.concat(this.#received);
    try {
      for (;;) {
        const length = bytes.length < LENGTH_BYTES ? 0 : bytes.readUInt32BE();
        if (length > MAX_FRAME_BYTES) throw new Error('the other side sent what is no frame');
        this.#wanted = LENGTH_BYTES + length;
        if (bytes.length < this.#wanted || bytes.length < LENGTH_BYTES) break;
        this.#take(bytes.toString('utf8', LENGTH_BYTES, this.#wanted));
        bytes = bytes.subarray(this.#wanted);
        this.#wanted = LENGTH_BYTES;
      }
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#received = bytes.length === 0 ? [] : [bytes];
    this.#receivedBytes = bytes.length;
  }

  #take(text: string): void {
    // Both sides are of one version and one program, so the type is restored, not checked.
    for (const message of JSON.parse(text) as In[]) this.#handlers.onMessage(message);
  }

  #end(error?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stream.destroy();
    this.#handlers.onClose(error);
  }
}

/** Milliseconds of the machine's monotonic clock: the same for all processes of it, so that ages can be told across them. */
export function machineTime(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
