// Loads as many policies of a corpus as the arguments say in a process of their own, so that its memory is theirs, and sends what it measured.
import { type CedarRequest, compilePolicies, entityStore } from '#policy';
import { times } from './app.ts';
import { bytesPerDecision, compiled, stored, timeDecisions, type Times } from './decisions.ts';
import { CORPUS_SCHEMA, corpus, type CorpusName } from './corpus.ts';
import { Choices } from './random.ts';

/** What one size came to. */
export interface ScaleFigures {
  readonly loadSeconds: number;
  readonly entitySeconds: number;
  /** What the process takes with policies and entities loaded, the texts included. */
  readonly megabytes: number;
  /** Peak of the same while loading. */
  readonly peakMegabytes: number;
  /** Decisions on 500 questions, asked again and again. */
  readonly times: Times;
  /** Microseconds of decisions on many questions, each asked once: what they need is rarely in a cache of the processor. */
  readonly spread: number[];
  readonly bytes: number;
  /** Microseconds of decisions that look at every policy. */
  readonly scan: number[];
}

const QUESTIONS = 500;

function megabytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

function measure(name: CorpusName, count: number, decisions: number, scans: number): ScaleFigures {
  const { policies: texts, scanned, entities, request } = corpus(name, count, new Choices(count));
  const start = performance.now();
  const loaded = compilePolicies({ policies: texts, schema: CORPUS_SCHEMA });
  const between = performance.now();
  if (!loaded.ok) throw new Error(`the policies do not compile: ${JSON.stringify(loaded.error[0])}`);
  const store = entityStore(entities, CORPUS_SCHEMA);
  const end = performance.now();
  if (!store.ok) throw new Error(`the entities are refused: ${JSON.stringify(store.error[0])}`);
  const ask = (requests: readonly CedarRequest[]): Times => {
    const found: Times = { allow: [], deny: [] };
    timeDecisions(loaded.value, store.value, requests, found);
    return found;
  };
  const requests = times(QUESTIONS, request);
  const rounds = times(Math.ceil(decisions / QUESTIONS), () => requests).flat();
  ask(rounds);
  const found = ask(rounds);
  const once = ask(times(decisions, request));
  const memory = { now: process.memoryUsage().rss, peak: process.resourceUsage().maxRSS * 1024 };
  const bytes = bytesPerDecision(loaded.value, store.value, rounds.slice(0, 10_000));
  const everything: Times = { allow: [], deny: [] };
  if (scans > 0) timeDecisions(compiled(scanned()), stored(entities), rounds.slice(0, scans), everything);
  return {
    loadSeconds: (between - start) / 1000,
    entitySeconds: (end - between) / 1000,
    megabytes: megabytes(memory.now),
    peakMegabytes: megabytes(memory.peak),
    times: found,
    spread: [...once.allow, ...once.deny],
    bytes,
    scan: [...everything.allow, ...everything.deny],
  };
}

const [name, ...numbers] = process.argv.slice(2);
const [count = 0, decisions = 0, scans = 0] = numbers.map(Number);
process.send?.(measure(name === 'grants' ? 'grants' : 'organisation', count, decisions, scans), () =>
  process.disconnect(),
);
