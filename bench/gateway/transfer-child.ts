/**
 * Client and app of the transfer benchmark, in a process of their own. The app sends as many bytes as the path says, and swallows what
 * it is sent; the client does the other half, and says how long it took.
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** One transfer of `bytes`. Answered with milliseconds. */
export interface TransferOrder {
  readonly port: number;
  readonly lines: readonly string[];
  readonly direction: 'down' | 'up';
  readonly bytes: number;
}

const CHUNK = Buffer.alloc(256 * 1024, 'x');
const HEAD_END = '\r\n\r\n';

/** Writes as the other side takes. */
function pour(socket: Socket, bytes: number): void {
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      const chunk = left >= CHUNK.length ? CHUNK : CHUNK.subarray(0, left);
      left -= chunk.length;
      if (!socket.write(chunk)) {
        socket.once('drain', more);
        return;
      }
    }
  };
  more();
}

/** Reads a head, then as many bytes as it says, then calls back. */
function take(socket: Socket, onHead: (head: string) => number, onAll: () => void): void {
  let head = '';
  let left = -1;
  socket.on('data', (chunk) => {
    let body = chunk;
    if (left === -1) {
      head += chunk.toString('latin1');
      const end = head.indexOf(HEAD_END);
      if (end === -1) return;
      body = chunk.subarray(chunk.length - (head.length - end - HEAD_END.length));
      left = onHead(head.slice(0, end));
      head = '';
    }
    left -= body.length;
    if (left > 0) return;
    left = -1;
    onAll();
  });
}

function lengthIn(head: string): number {
  return Number(/^content-length: *(\d+)$/im.exec(head)?.[1] ?? 0);
}

const app = createServer((socket) => {
  socket.on('error', () => socket.destroy());
  let answer = 0;
  take(
    socket,
    (head) => {
      answer = Number(/^GET \/(\d+) /.exec(head)?.[1] ?? 0);
      return lengthIn(head);
    },
    () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${answer}${HEAD_END}`);
      pour(socket, answer);
    },
  );
});

async function transfer({ port, lines, direction, bytes }: TransferOrder): Promise<number> {
  const start = performance.now();
  await new Promise<void>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', reject);
    const isDown = direction === 'down';
    const first = isDown ? `GET /${bytes} HTTP/1.1` : `POST /upload HTTP/1.1\r\ncontent-length: ${bytes}`;
    socket.write(`${first}\r\n${lines.join('\r\n')}${HEAD_END}`);
    if (!isDown) pour(socket, bytes);
    take(
      socket,
      (head) => {
        if (!head.startsWith('HTTP/1.1 200')) reject(new Error(head.slice(0, 200)));
        return isDown ? bytes : lengthIn(head);
      },
      () => {
        socket.end();
        resolve();
      },
    );
  });
  return performance.now() - start;
}

process.on('message', (order: TransferOrder) => {
  transfer(order).then(
    (milliseconds) => process.send?.({ milliseconds }),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit());
app.listen(0, '127.0.0.1', () => process.send?.({ port: (app.address() as AddressInfo).port }));
