import type { Duplex } from 'node:stream';

/** Bytes before each frame: how long it is, and how much of it is messages. */
const HEAD_BYTES = 8;
/** A frame is sent at once when this many characters have gathered. */
const FULL_FRAME = 1024 * 1024;
/** A longer frame is none of ours. */
const MAX_FRAME_BYTES = 512 * 1024 * 1024;

/** What a channel tells its owner. */
export interface ChannelHandlers<In> {
  /**
   * Called for every message, in the order they were sent, with the text that went along. One that throws ends the channel: what it missed
   * would be missing for good.
   */
  readonly onMessage: (message: In, text: string) => void;
  /** Called once, when nothing comes any more; with an error when that was not the wish of the other side. */
  readonly onClose: (error?: Error) => void;
}

/**
 * Messages between two processes of one Cordon, over a socket pair that nobody else can open: JSON in frames with their length before
 * them. Nothing is dropped or reordered. Messages of one turn of the event loop share a frame; one that takes a text along has its own.
 */
export class Channel<In, Out> {
  readonly #stream: Duplex;
  readonly #handlers: ChannelHandlers<In>;
  #texts: string[] = [];
  #characters = 0;
  #received: Buffer[] = [];
  #receivedBytes = 0;
  /** Bytes that make the frame under way whole, its length included; unknown while even that is not there. */
  #wanted = HEAD_BYTES;
  #isClosed = false;
  #now: NodeJS.Immediate | undefined;

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

  /** Sends a message as it is now, with others of this turn. After the end it does nothing: `onClose` has told. */
  send(message: Out): void {
    if (this.#isClosed) return;
    const text = JSON.stringify(message);
    this.#characters += text.length;
    this.#texts.push(text);
    if (this.#characters >= FULL_FRAME) this.flush();
    else this.#now ??= setImmediate(() => this.flush());
  }

  /** Sends a message at once, and a text with it that is neither escaped nor read on the way. */
  sendWith(message: Out, text: string): void {
    this.flush();
    if (!this.#isClosed) this.#write(JSON.stringify([message]), text);
  }

  /** Sends what has gathered. */
  flush(): void {
    clearImmediate(this.#now);
    this.#now = undefined;
    if (this.#texts.length === 0 || this.#isClosed) return;
    const messages = `[${this.#texts.join(',')}]`;
    this.#texts = [];
    this.#characters = 0;
    this.#write(messages, '');
  }

  #write(messages: string, text: string): void {
    const messageBytes = Buffer.byteLength(messages);
    const frame = Buffer.allocUnsafe(HEAD_BYTES + messageBytes + Buffer.byteLength(text));
    frame.writeUInt32BE(frame.length - HEAD_BYTES);
    frame.writeUInt32BE(messageBytes, HEAD_BYTES / 2);
    frame.write(messages, HEAD_BYTES);
    frame.write(text, HEAD_BYTES + messageBytes);
    this.#stream.write(frame);
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
        const length = bytes.length < HEAD_BYTES ? 0 : bytes.readUInt32BE();
        if (length > MAX_FRAME_BYTES) throw new Error('the other side sent what is no frame');
        this.#wanted = HEAD_BYTES + length;
        if (bytes.length < this.#wanted || bytes.length < HEAD_BYTES) break;
        const end = HEAD_BYTES + bytes.readUInt32BE(HEAD_BYTES / 2);
        if (end > this.#wanted) throw new Error('the other side sent what is no frame');
        this.#take(bytes.toString('utf8', HEAD_BYTES, end), bytes.toString('utf8', end, this.#wanted));
        bytes = bytes.subarray(this.#wanted);
        this.#wanted = HEAD_BYTES;
      }
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#received = bytes.length === 0 ? [] : [bytes];
    this.#receivedBytes = bytes.length;
  }

  #take(messages: string, text: string): void {
    // Both sides are of one version and one program, so the type is restored, not checked.
    for (const message of JSON.parse(messages) as In[]) this.#handlers.onMessage(message, text);
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
