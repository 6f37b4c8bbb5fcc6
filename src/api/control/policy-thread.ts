import { Worker } from 'node:worker_threads';
import { ApiFailure } from '../failure.ts';
import type { PolicyAnswer, PolicyQuestion } from './policy-worker.ts';

/** Longest a question may take, milliseconds. */
const MAX_MS = 60_000;
/** Questions that may wait; more are refused. */
const MOST_WAITING = 8;
const MEMORY_MEGABYTES = 1024;

/** Asks about policies, one question at a time, outside the thread that serves requests. */
export interface PolicyThread {
  /** Throws `ApiFailure`: `too-many-attempts` (503) when others wait already, `policy-too-slow` (422). */
  ask(question: PolicyQuestion): Promise<PolicyAnswer>;
  /** Ends what is being asked. */
  close(): void;
}

/** Makes the thread; nothing runs until something is asked. */
export function createPolicyThread(): PolicyThread {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let current: Worker | undefined;
  const run = async (question: PolicyQuestion): Promise<PolicyAnswer> => {
    const worker = new Worker(new URL('./policy-worker.ts', import.meta.url), {
      workerData: question,
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MEGABYTES },
    });
    current = worker;
    const timer = setTimeout(() => void worker.terminate(), MAX_MS);
    try {
      return await new Promise<PolicyAnswer>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
        worker.once('exit', () => {
          reject(
            new ApiFailure(422, 'policy-too-slow', 'the policies take too long to look at', {
              hint: 'send fewer or simpler ones, or replay fewer hours',
            }),
          );
        });
      });
    } finally {
      clearTimeout(timer);
      current = undefined;
      await worker.terminate();
    }
  };
  return {
    ask: async (question) => {
      if (waiting >= MOST_WAITING) {
        throw new ApiFailure(503, 'too-many-attempts', 'too many policies are being looked at', {
          hint: 'try again in a moment',
          headers: { 'retry-after': '5' },
        });
      }
      waiting += 1;
      const mine = last.then(async () => await run(question));
      last = mine.catch(() => undefined).finally(() => (waiting -= 1));
      return await mine;
    },
    close: () => void current?.terminate(),
  };
}
