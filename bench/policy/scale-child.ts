// Loads as many policies as the argument says in a process of their own, so that its memory is theirs, and sends what it measured.
import { compilePolicies, entityStore } from '#policy';
import { times } from './app.ts';
import { bytesPerDecision, compiled, stored, timeDecisions, type Times } from './decisions.ts';
import { ESTATE_SCHEMA, estate } from './estate.ts';
import { Choices } from './random.ts';

/** What one size came to. */
export interface ScaleFigures {
  readonly loadSeconds: number;
  readonly entitySeconds: number;
  /** What the process takes with policies and entities loaded, the texts included. */
  readonly megabytes: number;
  /** Peak of the same while loading. */
  readonly peakMegabytes: number;
  readonly times: Times;
  readonly bytes: number;
  /** Microseconds of decisions that look at every policy. */
  readonly scan: number[];
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

function measure(count: number, decisions: number, scans: number): ScaleFigures {
  const { policies: texts, scanned, entities, request } = estate(count, new Choices(count));
  const start = performance.now();
  const loaded = compilePolicies({ policies: texts, schema: ESTATE_SCHEMA });
  const between = performance.now();
  if (!loaded.ok) throw new Error(`the policies do not compile: ${JSON.stringify(loaded.error[0])}`);
  const store = entityStore(entities, ESTATE_SCHEMA);
  const end = performance.now();
  if (!store.ok) throw new Error(`the entities are refused: ${JSON.stringify(store.error[0])}`);
  const requests = times(decisions, request);
  timeDecisions(loaded.value, store.value, requests, { allow: [], deny: [] });
  const found: Times = { allow: [], deny: [] };
  timeDecisions(loaded.value, store.value, times(decisions, request), found);
  const memory = { now: process.memoryUsage().rss, peak: process.resourceUsage().maxRSS * 1024 };
  const bytes = bytesPerDecision(loaded.value, store.value, requests.slice(0, 10_000));
  const everything: Times = { allow: [], deny: [] };
  if (scans > 0) timeDecisions(compiled(scanned()), stored(entities), requests.slice(0, scans), everything);
  return {
    loadSeconds: (between - start) / 1000,
    entitySeconds: (end - between) / 1000,
    megabytes: megabytes(memory.now),
    peakMegabytes: megabytes(memory.peak),
    times: found,
    bytes,
    scan: [...everything.allow, ...everything.deny],
  };
}

const [count, decisions, scans] = process.argv.slice(2).map(Number);
process.send?.(measure(count ?? 0, decisions ?? 0, scans ?? 0), () => process.disconnect());
