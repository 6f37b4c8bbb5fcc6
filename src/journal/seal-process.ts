/**
 * The process that writes segments as Parquet: apart from the one that appends, so that neither its memory nor its faults
 * can harm that one, and at a priority of its own. It writes into the folder it is told, and decides nothing.
 */
import { readdirSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { CordonError } from '#base';
import type { SealAnswer, SealOrder } from './sealer.ts';
import { writeParquet } from './write-parquet.ts';

if (process.argv[2] === 'lowest') lowerPriority();
// Not by an exit, which waits for what DuckDB is doing: nobody is left who would want it.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// Sent to all processes at once. The one that appends says when this one ends.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {});
process.on('message', (message) => {
  const { segment, work } = message as SealOrder;
  const answer = writeParquet(segment, work).then((drafts): SealAnswer => ({ drafts }), failureOf);
  answer.then(
    (value) => process.send?.(value),
    () => process.exit(1),
  );
});

/** On Linux a priority is a thread's; threads that are started later inherit it. */
function lowerPriority(): void {
  const threads = process.platform === 'linux' ? readdirSync('/proc/self/task').map(Number) : [0];
  for (const thread of threads) {
    try {
      setPriority(thread, constants.priority.PRIORITY_LOW);
    } catch {
      // A thread that has ended, or a system that lets nobody do this: sealing then competes, and is as right.
    }
  }
}

function failureOf(cause: unknown): SealAnswer {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (!(cause instanceof CordonError)) return { message };
  return { message, code: cause.code, ...(cause.hint === undefined ? {} : { hint: cause.hint }) };
}
