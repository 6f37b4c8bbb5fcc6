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
import { type BenchOptions, type Measurement, measurement, median, quantile } from './harness.ts';

const WRITERS = 64;

/** Measures appends per second at 64 concurrent writers against one fdatasync per line and against unsynced writes. */
export async function run({ quick, progress }: BenchOptions): Promise<Measurement[]> {
  const directory = mkdtempSync(join(tmpdir(), 'cordon-bench-journal-'));
  try {
    const seconds = quick ? 0.4 : 1.5;
    progress('warm-up');
    await throughJournal(join(directory, 'warm'), 0.3);
    const synced: number[] = [];
    const unsynced: number[] = [];
    const journal: JournalFigures[] = [];
    // Interleaved, so that whatever else the disk does meets all three alike.
    for (let round = 0; round < (quick ? 1 : 3); round++) {
      progress(`round ${round + 1}`);
      synced.push(oneByOne(join(directory, `synced-${round}`), seconds, true));
      unsynced.push(oneByOne(join(directory, `unsynced-${round}`), seconds, false));
      journal.push(await throughJournal(join(directory, `journal-${round}`), seconds));
    }
    const p99 = median(journal.map((figures) => figures.p99));
    const common = {
      value: median(journal.map((figures) => figures.perSecond)),
      unit: 'events/s',
      note: `${WRITERS} writers, ${journal[0]?.bytesPerEvent ?? 0} bytes per event, p99 ${p99.toFixed(2)} ms until durable`,
    };
    return [
      measurement({
        claim: 'journal-append-durable',
        ...common,
        baseline: median(synced),
        baselineName: 'one fdatasync per event',
        target: 5,
      }),
      measurement({
        claim: 'journal-append-unsynced',
        ...common,
        baseline: median(unsynced),
        baselineName: 'writes without any sync',
        target: 0.25,
      }),
    ];
  } finally {
    rmSync(directory, { recursive: true });
  }
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
  return {
    perSecond,
    p99: quantile(waits, 0.99),
    bytesPerEvent: Buffer.byteLength(JSON.stringify(sample(count))),
  };
}
