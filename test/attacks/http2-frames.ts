/** HTTP/2 as bytes, for clients that no library would be. */
import { connect, type TLSSocket } from 'node:tls';

/** Frame types of RFC 9113 section 6. */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Flags of the frames used here. */
export const FLAG = { endStream: 1, endHeaders: 4 } as const;

/** What a client says first. */
export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** One frame. */
export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** 32 bits, as window sizes and error codes are written. */
export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** One setting. */
export function setting(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(id);
  bytes.writeUInt32BE(value, 2);
  return bytes;
}

/** A field as a literal of HPACK, not indexed, or put into the dynamic table. @see RFC 7541 section 6.2 */
export function field(name: string, value: string, { isIndexed = false } = {}): Buffer {
  return Buffer.concat([Buffer.from([isIndexed ? 0x40 : 0]), text(name), text(value)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  const length: number[] = [];
  if (bytes.length < 127) length.push(bytes.length);
  else {
    length.push(127);
    let rest = bytes.length - 127;
    for (; rest >= 128; rest >>= 7) length.push((rest & 127) | 128);
    length.push(rest);
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}

/** The fields of a request. */
export function request(host: string, method = 'GET'): Buffer {
  const fields = [field(':method', method), field(':scheme', 'https'), field(':path', '/'), field(':authority', host)];
  return Buffer.concat(fields);
}

/** A client that speaks in frames. */
export interface FrameClient {
  readonly socket: TLSSocket;
  /** Everything that came. */
  received(): Buffer;
  /** True once the other end has closed, or said GOAWAY with an error. */
  isEnded(): boolean;
  /** Writes as fast as the other end takes it; false when it has ended. */
  send(bytes: Buffer): Promise<boolean>;
}

/** Connects with ALPN `h2` and sends preface and settings, and in the same write what is to follow `atOnce`. */
export async function frames(
  port: number,
  host: string,
  settings: readonly Buffer[] = [],
  atOnce: readonly Buffer[] = [],
): Promise<FrameClient> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    servername: host,
    ALPNProtocols: ['h2'],
    rejectUnauthorized: false,
  });
  await new Promise((resolve, reject) => {
    socket.once('secureConnect', () => resolve(undefined)).once('error', reject);
  });
  if (socket.alpnProtocol !== 'h2') throw new Error(`the listener speaks \`${String(socket.alpnProtocol)}\``);
  const chunks: Buffer[] = [];
  let isClosed = false;
  socket.on('error', () => undefined).on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.once('close', () => (isClosed = true));
  const client: FrameClient = {
    socket,
    received: () => Buffer.concat(chunks),
    isEnded: () => isClosed,
    send: async (bytes) => {
      if (isClosed || socket.destroyed) return false;
      if (!socket.write(bytes)) {
        await Promise.race([
          new Promise((resolve) => socket.once('drain', resolve)),
          new Promise((resolve) => socket.once('close', resolve)),
          new Promise((resolve) => setTimeout(resolve, 2000)),
        ]);
      }
      return !socket.destroyed;
    },
  };
  const first = frame(FRAME.settings, 0, 0, Buffer.concat(settings));
  await client.send(Buffer.concat([Buffer.from(PREFACE), first, ...atOnce]));
  return client;
}
