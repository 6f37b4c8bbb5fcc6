import { setFlagsFromString } from 'node:v8';

/**
 * Tells the engine how a process that serves requests uses memory. To be called before the first request.
 *
 * Every object is made young. While such a process starts, its young generation is so small that whole requests outlive it; the engine then
 * takes what they are made of for long-lived and makes it old from the start, and all that it refers to waits for the slow collection.
 *
 * Bytes outside the heap count as much as what is in it. By itself the engine looks through the whole heap after every few dozen MiB of
 * them, however large it is: a body would make it do so many times, over all people and apps.
 */
export function tuneMemory(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
  setFlagsFromString('--external-memory-accounted-in-global-limit');
}
