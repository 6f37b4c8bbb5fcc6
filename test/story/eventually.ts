import { setTimeout as wait } from 'node:timers/promises';

/** Tries again until there is something, for at most `seconds`. */
export async function eventually<T>(look: () => Promise<T | undefined>, seconds = 10): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`it did not come about within ${seconds} seconds`);
    await wait(200);
  }
}
