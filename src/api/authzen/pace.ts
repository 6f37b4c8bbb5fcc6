import { setImmediate } from 'node:timers/promises';

/** What is looked at before others have their turn, bytes: an open connection has to be cut in time. */
const BYTES_AT_ONCE = 512 * 1024;
/** What a question costs, however short it is, in the same measure. */
const LEAST_BYTES = 4096;

/** To be called after each of many questions: waits when others should have their turn. `bytes`: the most that one question looks at. */
export function pace(bytes: number): () => Promise<void> | undefined {
  let looked = 0;
  return () => {
    looked += Math.max(bytes, LEAST_BYTES);
    if (looked < BYTES_AT_ONCE) return undefined;
    looked = 0;
    return setImmediate();
  };
}
