/**
 * Claim: what it costs over HTTP/2 that every request is authenticated, decided, asserted and journalled. GETs of 250 bytes as streams of
 * a few connections over TLS, through the gateway and through the least that forwards, in turns; what is measured has one core, client and
 * app have the other. The app speaks HTTP/1.1.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#base';
import { createAuthority } from '#devices';
import { openStore } from '#store';
import { CORES, makeChildren, needCores, processorSeconds, tell } from './gateway/children.ts';
import type { LoadReport } from './gateway/load-child.ts';
import type { Http2LoadOrder } from './gateway/load-http2-child.ts';
import { type BenchOptions, type Measurement, measurement, median } from './harness.ts';

const CONNECTIONS = 4;
const STREAMS = 16;

interface Subject {
  readonly pid: number;
  readonly port: number;
  readonly lines: readonly string[];
  readonly perSecond: number[];
  readonly p99: number[];
  /** Microseconds of processor time of one request. */
  readonly cost: number[];
}

/** Measures requests per second over HTTP/2. */
export async function run({ quick, progress }: BenchOptions): Promise<Measurement[]> {
  needCores();
  const folder = mkdtempSync(join(tmpdir(), 'cordon-bench-http2-'));
  const children = makeChildren(join(import.meta.dirname, 'gateway'));
  const start = async (file: string, ...args: string[]): Promise<Subject> => {
    const { child, ready } = await children.startWith<{ port: number; lines: string[] }>(
      { core: CORES.measured },
      file,
      ...args,
    );
    return { pid: child.pid ?? 0, ...ready, perSecond: [], p99: [], cost: [] };
  };
  try {
    const files = await certify('reports.localhost', folder);
    const others = { core: CORES.others };
    const { ready: app } = await children.startWith<{ port: number }>(others, 'load-child.ts');
    const { child: client } = await children.startWith<string>(others, 'load-http2-child.ts');
    const gateway = await start('cordon-http2-child.ts', String(app.port), join(folder, 'journal'), ...files);
    const forwarder = await start('forwarder-http2-child.ts', String(app.port), ...files);
    for (let round = -1; round < (quick ? 1 : 3); round++) {
      for (const subject of [gateway, forwarder]) {
        progress(`${round < 0 ? 'warm-up' : `round ${round + 1}`}: ${subject === gateway ? 'gateway' : 'forwarder'}`);
        const { pid, port, lines } = subject;
        // What is compiled while it runs needs some tens of thousands of requests until it is as fast as it gets.
        const seconds = quick ? 1 : round < 0 ? 5 : 1.5;
        const before = processorSeconds(pid);
        const order: Http2LoadOrder = { port, lines, connections: CONNECTIONS, streams: STREAMS, seconds };
        const report = await tell<LoadReport>(client, order);
        if (report.failures > 0) throw new Error(`${report.failures} requests failed`);
        if (round < 0) continue;
        subject.perSecond.push(report.perSecond);
        subject.p99.push(report.p99);
        subject.cost.push(((processorSeconds(pid) - before) * 1e6) / (report.perSecond * seconds));
      }
    }
    return [compared(gateway, forwarder)];
  } finally {
    children.end();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function compared(gateway: Subject, forwarder: Subject): Measurement {
  return measurement({
    claim: 'gateway-http2',
    value: median(gateway.perSecond),
    unit: 'requests/s',
    baseline: median(forwarder.perSecond),
    baselineName: 'bare HTTP/2 server and undici',
    target: 0.2,
    note:
      `${CONNECTIONS} connections of ${STREAMS} streams over TLS, 250 bytes, one core, p99 ${median(gateway.p99).toFixed(1)} ms; ` +
      `processor time per request: ${median(gateway.cost).toFixed(0)} µs, and ${median(forwarder.cost).toFixed(0)} µs in the forwarder`,
  });
}

/** Files of a certificate for a name, and of its key. */
async function certify(name: string, folder: string): Promise<string[]> {
  const store = await openStore({ path: ':memory:', clock: systemClock });
  const authority = await createAuthority({ store, clock: systemClock });
  const { certificate, key } = await authority.issueServer([name]);
  await store.close();
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  writeFileSync(files.cert, certificate);
  writeFileSync(files.key, key, { mode: 0o600 });
  return [files.cert, files.key];
}
