/**
 * The client of the HTTP/2 benchmark. It speaks bytes, as the one of HTTP/1.1 does: a library's client would cost more than what it
 * measures.
 */
import { connect, type TLSSocket } from 'node:tls';
import { field, FLAG, FRAME, frame, PREFACE, word } from '../../test/attacks/http2-frames.ts';
import { quantile } from '../harness.ts';
import type { LoadReport } from './load-child.ts';

/** One round of load: so many streams at once on each connection, each begun as soon as the one before it has ended. */
export interface Http2LoadOrder {
  readonly port: number;
  /** Header lines, `host` among them. */
  readonly lines: readonly string[];
  readonly connections: number;
  readonly streams: number;
  readonly seconds: number;
}

/** Requests go to this many paths in turn, so that nothing that remembers one answer is measured. */
const PATHS = 101;
/** What the other end may send before it is told that more was read: all of it. */
const WINDOW = 0x7fffffff - 65_535;
const ACK = 1;
const HEAD_BYTES = 9;
/** Status 200, as every encoder writes it. @see RFC 7541 appendix A */
const STATUS_200 = 0x88;

/** One connection with streams on it. */
class Connection {
  failures = 0;
  readonly #socket: TLSSocket;
  readonly #heads: readonly Buffer[];
  readonly #sentAt = new Map<number, number>();
  readonly #onAnswer: (milliseconds: number) => boolean;
  readonly #over = Promise.withResolvers<void>();
  #rest: Buffer | undefined;
  #nextStream = 1;

  /** `onAnswer` says whether the next stream is begun. */
  constructor({ port, lines, streams }: Http2LoadOrder, onAnswer: (milliseconds: number) => boolean) {
    this.#heads = headsOf(lines);
    this.#onAnswer = onAnswer;
    const options = { host: '127.0.0.1', port, servername: 'reports.localhost', ALPNProtocols: ['h2'] };
    this.#socket = connect({ ...options, rejectUnauthorized: false });
    this.#socket.setNoDelay(true);
    this.#socket.once('secureConnect', () => {
      this.#socket.cork();
      this.#socket.write(PREFACE);
      this.#socket.write(frame(FRAME.settings, 0, 0));
      this.#socket.write(frame(FRAME.windowUpdate, 0, 0, word(WINDOW)));
      for (let i = 0; i < streams; i++) this.#begin();
      this.#socket.uncork();
    });
    this.#socket.on('data', (chunk: Buffer) => {
      this.#read(chunk);
    });
    this.#socket.on('error', () => (this.failures += 1));
    this.#socket.on('close', () => {
      this.failures += this.#sentAt.size; // what was never answered
      this.#over.resolve();
    });
  }

  /** Resolves when no stream is left. */
  async ended(): Promise<number> {
    await this.#over.promise;
    return this.failures;
  }

  #begin(): void {
    const id = this.#nextStream;
    this.#nextStream += 2;
    this.#sentAt.set(id, performance.now());
    const head = this.#heads[((id - 1) / 2) % PATHS];
    this.#socket.write(frame(FRAME.headers, FLAG.endStream + FLAG.endHeaders, id, head));
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    this.#socket.cork();
    while (bytes.length - at >= HEAD_BYTES) {
      const end = at + HEAD_BYTES + bytes.readUIntBE(at, 3);
      if (bytes.length < end) break;
      this.#take(bytes.subarray(at, end));
      at = end;
    }
    this.#socket.uncork();
    this.#rest = at === bytes.length ? undefined : bytes.subarray(at);
  }

  #take(bytes: Buffer): void {
    const [type, flags = 0] = bytes.subarray(3, 5);
    const payload = bytes.subarray(HEAD_BYTES);
    if (type === FRAME.settings || type === FRAME.ping) {
      if ((flags & ACK) === 0) this.#socket.write(frame(type, ACK, 0, type === FRAME.ping ? payload : undefined));
      return;
    }
    if (type === FRAME.headers && payload[0] !== STATUS_200) this.failures += 1;
    if (type === FRAME.headers || type === FRAME.data) {
      if ((flags & FLAG.endStream) !== 0) this.#answered(bytes.readUInt32BE(5));
    } else if (type !== FRAME.windowUpdate) {
      this.failures += 1; // a reset, or the end of the connection
      this.#socket.destroy();
    }
  }

  #answered(id: number): void {
    const sentAt = this.#sentAt.get(id) ?? Number.NaN;
    this.#sentAt.delete(id);
    if (this.#onAnswer(performance.now() - sentAt) && this.failures === 0) this.#begin();
    else if (this.#sentAt.size === 0) this.#socket.end();
  }
}

/** Heads of requests, as HPACK literals that no table remembers. */
function headsOf(lines: readonly string[]): Buffer[] {
  const fields = lines.map((line) => {
    const [, name = '', value = ''] = /^([^:]+): (.*)$/.exec(line) ?? [];
    return field(name === 'host' ? ':authority' : name, value);
  });
  return Array.from({ length: PATHS }, (_, index) =>
    Buffer.concat([
      field(':method', 'GET'),
      field(':scheme', 'https'),
      field(':path', `/reports/${index}`),
      ...fields, // `host` comes first
    ]),
  );
}

async function load(order: Http2LoadOrder): Promise<LoadReport> {
  const waits: number[] = [];
  const start = performance.now();
  const end = start + order.seconds * 1000;
  const all = Array.from(
    { length: order.connections },
    () =>
      new Connection(order, (milliseconds) => {
        waits.push(milliseconds);
        return performance.now() < end;
      }),
  );
  const failures = await Promise.all(all.map(async (one) => await one.ended()));
  return {
    perSecond: (waits.length * 1000) / (performance.now() - start),
    p50: waits.length === 0 ? 0 : quantile(waits, 0.5),
    p99: waits.length === 0 ? 0 : quantile(waits, 0.99),
    failures: failures.reduce((sum, count) => sum + count, 0),
  };
}

process.on('message', (order: Http2LoadOrder) => {
  void load(order).then((report) => process.send?.(report));
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
