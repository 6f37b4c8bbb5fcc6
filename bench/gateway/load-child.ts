/**
 * The client and the app of the gateway's benchmarks, in a process of their own, so that what is measured shares no event loop with them.
 * Both speak bytes: they cost a small part of what stands between them.
 */
import { connect, createServer, type AddressInfo } from 'node:net';
import { quantile } from '../harness.ts';

/** What the parent asks for: one round of load. */
export interface LoadOrder {
  readonly port: number;
  /** Header lines, `cookie` among them; `{n}` stands for a number that is another with each request. */
  readonly lines: readonly string[];
  /** Target of the requests, with `{n}`; `/reports/{n}` unless said otherwise. */
  readonly target?: string;
  readonly connections: number;
  readonly seconds: number;
  /** Requests per second, sent whether or not the last ones were answered. Absent: each as soon as the one before is answered. */
  readonly rate?: number;
}

/** What one round gave. Latencies in milliseconds; at a rate, from when a request was due. */
export interface LoadReport {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Answers that were not 200 or 204, or connections that broke. */
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

/** One keep-alive connection, one request after the other. */
class Connection {
  failures = 0;
  readonly #socket;
  readonly #order: { readonly requests: readonly Buffer[] };
  readonly #onAnswer: (connection: Connection) => void;
  #rest: Buffer | undefined;

  constructor(port: number, order: { readonly requests: readonly Buffer[] }, onAnswer: (one: Connection) => void) {
    this.#order = order;
    this.#onAnswer = onAnswer;
    this.#socket = connect(port, '127.0.0.1').setNoDelay(true);
    this.#socket.on('connect', () => onAnswer(this));
    this.#socket.on('data', (chunk) => this.#read(chunk));
    this.#socket.on('error', () => (this.failures += 1));
  }

  send(turn: number): void {
    this.#socket.write(this.#order.requests[turn % PATHS] ?? BODY);
  }

  async end(): Promise<void> {
    if (this.#socket.destroyed) return;
    await new Promise<void>((resolve) => {
      this.#socket.once('close', () => resolve());
      this.#socket.end();
    });
  }

  #read(chunk: Buffer): void {
    const rest = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    const head = rest.indexOf('\r\n\r\n');
    if (head === -1 || rest.length < head + 4 + bodyLength(rest.toString('latin1', 0, head))) {
      this.#rest = rest;
      return;
    }
    this.#rest = undefined;
    if (!/^(?:200|204)$/.test(rest.toString('latin1', 9, 12))) this.failures += 1;
    this.#onAnswer(this);
  }
}

function bodyLength(head: string): number {
  const at = head.toLowerCase().indexOf('content-length: ');
  return at === -1 ? 0 : Number.parseInt(head.slice(at + 16), 10);
}

function requestsOf({ target = '/reports/{n}', lines }: LoadOrder): Buffer[] {
  const text = `GET ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
  return Array.from({ length: PATHS }, (_, index) => Buffer.from(text.replaceAll('{n}', String(index))));
}

async function load(order: LoadOrder): Promise<LoadReport> {
  const waits: number[] = [];
  const start = performance.now();
  const end = start + order.seconds * 1000;
  const failures = await (order.rate === undefined
    ? loadFully(order, end, waits)
    : loadPaced(order, order.rate, waits));
  const seconds = (performance.now() - start) / 1000;
  return {
    perSecond: waits.length / seconds,
    p50: waits.length === 0 ? 0 : quantile(waits, 0.5),
    p99: waits.length === 0 ? 0 : quantile(waits, 0.99),
    failures,
  };
}

async function loadFully(order: LoadOrder, end: number, waits: number[]): Promise<number> {
  const requests = requestsOf(order);
  const one = async (): Promise<number> => {
    let [turn, sentAt] = [0, Number.NaN];
    const over = Promise.withResolvers<undefined>();
    const connection = new Connection(order.port, { requests }, (answered) => {
      const now = performance.now();
      if (turn > 0) waits.push(now - sentAt);
      if (now >= end || answered.failures > 0) {
        over.resolve(undefined);
        return;
      }
      sentAt = now;
      answered.send(turn++);
    });
    await over.promise;
    await connection.end();
    return connection.failures;
  };
  const failures = await Promise.all(Array.from({ length: order.connections }, one));
  return failures.reduce((sum, count) => sum + count, 0);
}

/** Nobody waits for an answer before the next request is due, so that a pause is felt by all that were due in it. */
async function loadPaced(order: LoadOrder, rate: number, waits: number[]): Promise<number> {
  const requests = requestsOf(order);
  const idle: Connection[] = [];
  const dueAt = new Map<Connection, number>();
  const late: number[] = [];
  let turn = 0;
  const send = (connection: Connection, due: number): void => {
    dueAt.set(connection, due);
    connection.send(turn++);
  };
  const all = Array.from(
    { length: order.connections },
    () =>
      new Connection(order.port, { requests }, (connection) => {
        const due = dueAt.get(connection);
        if (due !== undefined) waits.push(performance.now() - due);
        dueAt.delete(connection);
        const next = late.shift();
        if (next === undefined) idle.push(connection);
        else send(connection, next);
      }),
  );
  while (idle.length < all.length) await new Promise((resolve) => setTimeout(resolve, 1));
  const start = performance.now();
  const most = Math.floor(rate * order.seconds);
  for (let sent = 0; sent < most; ) {
    await new Promise((resolve) => setImmediate(resolve));
    const due = start + (sent / rate) * 1000;
    if (performance.now() < due) continue;
    const connection = idle.shift();
    if (connection === undefined) late.push(due);
    else send(connection, due);
    sent += 1;
  }
  while (idle.length < all.length) await new Promise((resolve) => setTimeout(resolve, 1));
  await Promise.all(all.map(async (connection) => await connection.end()));
  return all.reduce((sum, { failures }) => sum + failures, 0);
}

process.on('message', (order: LoadOrder) => {
  void load(order).then((report) => process.send?.(report));
});
process.on('disconnect', () => process.exit());
app.listen(0, '127.0.0.1', () => process.send?.({ port: (app.address() as AddressInfo).port }));
