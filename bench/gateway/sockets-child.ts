/** Holds WebSockets open through the gateway, with the app behind it, in a process of its own, and notes when each is cut. */
import { createHash } from 'node:crypto';
import { type AddressInfo, connect, createServer } from 'node:net';

/** Opens `perPerson` WebSockets for each person; answered with `{ opened }`. Without a port: waits for `count` cuts. */
export interface SocketOrder {
  readonly port?: number;
  readonly people?: readonly (readonly string[])[];
  readonly perPerson?: number;
  readonly count?: number;
}

/** When a WebSocket got its close frame (milliseconds, monotonic), its code, and whose it was. */
export interface CutSeen {
  readonly at: number;
  readonly code: number;
  readonly person: number;
}

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = createHash('sha1').update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const ACCEPTED = `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${ACCEPT}\r\n\r\n`;

let seen: CutSeen[] = [];

const app = createServer((socket) => {
  socket.on('error', () => socket.destroy()).on('end', () => socket.end());
  socket.once('data', () => socket.write(ACCEPTED)).resume();
});

function open(port: number, lines: readonly string[], person: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    socket.write(
      `GET /live HTTP/1.1\r\n${lines.join('\r\n')}\r\norigin: http://reports.localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${KEY}\r\n\r\n`,
    );
    let isOpen = false;
    socket.on('data', (chunk) => {
      if (isOpen) {
        // The app is silent, so what comes is the close frame.
        seen.push({ at: Number(process.hrtime.bigint()) / 1e6, code: chunk.readUInt16BE(2), person });
        socket.end();
        return;
      }
      isOpen = chunk.toString('latin1').startsWith('HTTP/1.1 101');
      if (isOpen) resolve();
      else reject(new Error(chunk.toString('latin1').slice(0, 200)));
    });
    socket.on('error', reject);
  });
}

async function follow({ port, people = [], perPerson = 1, count = 0 }: SocketOrder): Promise<void> {
  if (port !== undefined) {
    for (const [person, lines] of people.entries()) {
      await Promise.all(Array.from({ length: perPerson }, () => open(port, lines, person)));
    }
    process.send?.({ opened: people.length * perPerson });
    return;
  }
  for (let i = 0; i < 500 && seen.length < count; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  process.send?.(seen);
  seen = [];
}

process.on('message', (order: SocketOrder) => {
  void follow(order).catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  });
});
process.on('disconnect', () => process.exit());
app.listen(0, '127.0.0.1', 2048, () => process.send?.({ port: (app.address() as AddressInfo).port }));
