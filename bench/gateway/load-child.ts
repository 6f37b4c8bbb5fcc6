/**
 * The client and the app of the gateway's benchmarks, in a process of their own, so that what is measured shares no event loop with them.
 * Both speak bytes: they cost a small part of what stands between them.
 */
import { connect, createServer, type AddressInfo } from 'node:net';
import { quantile } from '../harness.ts';

/** What the parent asks for: one round of load. */
export interface LoadOrder {
  readonly port: number;
  /** Header lines, `cookie` among them. */
  readonly lines: readonly string[];
  readonly connections: number;
  readonly seconds: number;
}

/** What one round gave. Latencies in milliseconds. */
export interface LoadReport {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Answers that were not 200, or connections that broke. */
  readonly failures: number;
}

/** Requests go to this many paths in turn, so that nothing that remembers one answer is measured. */
const PATHS = 101;
const BODY = Buffer.alloc(250, 'x');
const ANSWER = Buffer.concat([
  Buffer.from('HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 250\r\n\r\n'),
  BODY,
]);

const app = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  // Requests here have no body: each ends with an empty line.
  socket.on('data', (chunk) => {
    for (let at = chunk.indexOf('\r\n\r\n'); at !== -1; at = chunk.indexOf('\r\n\r\n', at + 4)) socket.write(ANSWER);
  });
});

function client(order: LoadOrder, end: number, waits: number[]): Promise<number> {
  const requests = Array.from({ length: PATHS }, (_, index) =>
    Buffer.from(`GET /reports/${index} HTTP/1.1\r\n${order.lines.join('\r\n')}\r\n\r\n`),
  );
  return new Promise((resolve) => {
    const socket = connect(order.port, '127.0.0.1');
    let [turn, sentAt, failures] = [0, 0, 0];
    let rest: Buffer | undefined;
    const send = (): void => {
      sentAt = performance.now();
      socket.write(requests[turn++ % PATHS] ?? BODY);
    };
    socket.setNoDelay(true);
    socket.on('connect', send);
    socket.on('data', (chunk) => {
      rest = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
      const head = rest.indexOf('\r\n\r\n');
      if (head === -1 || rest.length < head + 4 + BODY.length) return;
      if (rest.toString('latin1', 9, 12) !== '200') failures += 1;
      rest = undefined;
      const now = performance.now();
      waits.push(now - sentAt);
      if (now < end) send();
      else socket.end();
    });
    socket.on('error', () => (failures += 1));
    socket.on('close', () => resolve(failures));
  });
}

async function load(order: LoadOrder): Promise<LoadReport> {
  const waits: number[] = [];
  const start = performance.now();
  const end = start + order.seconds * 1000;
  const failures = await Promise.all(Array.from({ length: order.connections }, () => client(order, end, waits)));
  const seconds = (performance.now() - start) / 1000;
  return {
    perSecond: waits.length / seconds,
    p50: waits.length === 0 ? 0 : quantile(waits, 0.5),
    p99: waits.length === 0 ? 0 : quantile(waits, 0.99),
    failures: failures.reduce((sum, count) => sum + count, 0),
  };
}

process.on('message', (order: LoadOrder) => {
  void load(order).then((report) => process.send?.(report));
});
process.on('disconnect', () => process.exit());
app.listen(0, '127.0.0.1', () => process.send?.({ port: (app.address() as AddressInfo).port }));
