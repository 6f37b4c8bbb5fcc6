// Compares the policy engine with Cedar on random policies, entities and questions. Every divergence is made as small as it gets and
// kept in src/policy/testdata/divergences, which the tests replay for ever.
// Usage: npm run fuzz:policy [-- --seconds N] [--decisions N] [--seed N]
// By default 200,000 decisions, or as many as fit the seconds; Ctrl-C ends it early. Exits 1 on a divergence, 2 on misuse.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { answersOf, campaign } from '../src/policy/fuzz/campaign.ts';
import { keptCaseText, toldOf } from '../src/policy/fuzz/told.ts';

const KEPT = join(import.meta.dirname, '../src/policy/testdata/divergences');

/** @returns {{ seed: number, decisions: number, seconds: number } | string} the options, or what is wrong with them */
function options() {
  try {
    const text = { type: /** @type {const} */ ('string') };
    const { values } = parseArgs({ options: { seconds: text, decisions: text, seed: text } });
    const { seconds = 'Infinity', seed = String(Date.now() % 2 ** 32) } = values;
    const decisions = values.decisions ?? (seconds === 'Infinity' ? '200000' : 'Infinity');
    const wrong = Object.entries({ seconds, decisions, seed }).find(
      ([, value]) => !/^(?:\d{1,10}|Infinity)$/.test(value),
    );
    if (wrong !== undefined) return `--${wrong[0]} takes a whole number, not \`${wrong[1]}\``;
    return { seed: Number(seed) % 2 ** 32, decisions: Number(decisions), seconds: Number(seconds) };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * @param {{ seed: number, decisions: number, seconds: number }} wanted
 * @returns {Promise<number>} the exit code
 */
async function fuzz({ seed, decisions, seconds }) {
  const start = performance.now();
  const elapsed = () => (performance.now() - start) / 1000;
  let drawn = 0;
  let isStopped = false;
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => (isStopped = true));
  process.stderr.write(`seed ${seed}\n`);
  const { tally, divergences } = await campaign({
    seed,
    decisions,
    isOver: () => isStopped || elapsed() > seconds,
    progress: (tally, divergences) => {
      if (!process.stderr.isTTY || elapsed() - drawn < 0.2) return;
      drawn = elapsed();
      const share = Math.min(1, Math.max(tally.decisions / decisions, elapsed() / seconds));
      const bar = '█'.repeat(Math.round(share * 30)).padEnd(30, '░');
      process.stderr.write(
        `\r\u001b[K${bar} ${tally.decisions} decisions, ${divergences.length} divergences, ${elapsed().toFixed(0)} s`,
      );
    },
  });
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  process.stdout.write(`${tally.lines().join('\n')}\n`);
  process.stdout.write(`seed ${seed}: ${divergences.length} divergences in ${elapsed().toFixed(0)} s\n`);
  for (const one of divergences) keep(one);
  return divergences.length === 0 ? 0 : 1;
}

/** @param {import('../src/policy/fuzz/campaign.ts').Divergence} divergence */
function keep(divergence) {
  const { seed, aspect, world, request } = divergence;
  const { engine, cedar } = answersOf(divergence);
  const note = `${aspect}: the engine said ${JSON.stringify(engine)}, cedar ${JSON.stringify(cedar)}`;
  const file = join(KEPT, `${aspect}-${seed}.json`);
  mkdirSync(KEPT, { recursive: true });
  writeFileSync(file, keptCaseText({ note, world: toldOf(world), ...(request === undefined ? {} : { request }) }));
  process.stdout.write(`${note}\n  kept in ${file}\n`);
}

const wanted = options();
if (typeof wanted === 'string') {
  process.stderr.write(`error: ${wanted}\nhint: npm run fuzz:policy -- --seconds 60 --seed 1\n`);
  process.exitCode = 2;
} else process.exitCode = await fuzz(wanted);
