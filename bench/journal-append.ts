/**
 * Claim: durable appends through the group commit reach many times what one fdatasync per event reaches, and come
 * near what unsynced writes reach. All three write the same events to the same disk in the same run.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#base';
import { openJournal } from '#journal';
import { buildEvent, type OcsfEvent } from '#model';
/** What one claim measured. */
interface Measurement {
  readonly claim: string;
  readonly value: number;
  readonly unit: string;
  readonly baseline: number;
  readonly baselineName: string;
  readonly ratio: number;
  readonly target: number;
  readonly met: boolean;
  readonly note?: string;
}

const WRITERS = 64;

/** Measures appends per second at 64 concurrent writers against one fdatasync per line and against unsynced writes. */
export async function run(options: { quick: boolean }): Promise<Measurement[]> {
  const directory = mkdtempSync(join(tmpdir(), 'cordon-bench-journal-'));
  try {
    const seconds = options.quick ? 0.7 : 3;
    await throughJournal(join(directory, 'warm'), 0.3);
    const synced = oneByOne(join(directory, 'synced'), seconds, true);
    const unsynced = oneByOne(join(directory, 'unsynced'), seconds, false);
    const journal = await throughJournal(join(directory, 'journal'), seconds);
    const value = Math.round(journal.perSecond);
    const note = `${WRITERS} writers, ${journal.bytesPerEvent} bytes per event, p99 ${journal.p99.toFixed(2)} ms until durable`;
    return [
      measurement('journal-append-durable', value, {
        name: 'one fdatasync per event',
        perSecond: synced,
        target: 5,
        note,
      }),
      measurement('journal-append-unsynced', value, {
        name: 'writes without any sync',
        perSecond: unsynced,
        target: 0.25,
        note,
      }),
    ];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function measurement(
  claim: string,
  value: number,
  baseline: { name: string; perSecond: number; target: number; note: string },
): Measurement {
  const ratio = Math.round((value / baseline.perSecond) * 100) / 100;
  return {
    claim,
    value,
    unit: 'events/s',
    baseline: Math.round(baseline.perSecond),
    baselineName: baseline.name,
    ratio,
    target: baseline.target,
    met: ratio >= baseline.target,
    note: baseline.note,
  };
}

/** What the gateway records for one request, about 800 bytes. */
function sample(index: number): OcsfEvent {
  return buildEvent({
    class: 'httpActivity',
    activity: 'get',
    time: systemClock.now(),
    message: `GET /reports/${index} allowed`,
    status: 'success',
    action: 'allowed',
    correlationId: `cor_${index}`,
    attributes: {
      actor: { user: { uid: 'usr_01hzx', name: 'Ada', email_addr: 'ada@example.org' }, session: { uid: 'ses_01hzx' } },
      src_endpoint: { ip: '192.0.2.17', port: 50_123 },
      http_request: { http_method: 'GET', url: { hostname: 'reports.example.org', path: `/reports/${index}` } },
    },
    cordon: { decision: { effect: 'permit', policies: ['apps.cedar#staff'], graphSeq: 4711, policyVersion: 12 } },
  });
}

function oneByOne(path: string, seconds: number, isSynced: boolean): number {
  const fd = openSync(path, 'wx', 0o600);
  const start = performance.now();
  let count = 0;
  while (performance.now() - start < seconds * 1000) {
    writeSync(fd, `${JSON.stringify(sample(count++))}\n`);
    if (isSynced) fdatasyncSync(fd);
  }
  const perSecond = (count / (performance.now() - start)) * 1000;
  closeSync(fd);
  return perSecond;
}

interface JournalFigures {
  readonly perSecond: number;
  readonly p99: number;
  readonly bytesPerEvent: number;
}

async function throughJournal(directory: string, seconds: number): Promise<JournalFigures> {
  const journal = await openJournal({ directory, clock: systemClock, segmentBytes: 1024 * 1024 * 1024 });
  const waits: number[] = [];
  let count = 0;
  const start = performance.now();
  const end = start + seconds * 1000;
  await Promise.all(
    Array.from({ length: WRITERS }, async () => {
      for (let now = performance.now(); now < end; ) {
        await journal.append(sample(count++));
        const after = performance.now();
        waits.push(after - now);
        now = after;
      }
    }),
  );
  const perSecond = (count / (performance.now() - start)) * 1000;
  await journal.close();
  waits.sort((a, b) => a - b);
  return {
    perSecond,
    p99: waits[Math.floor(waits.length * 0.99)] ?? 0,
    bytesPerEvent: Buffer.byteLength(JSON.stringify(sample(count))),
  };
}
