import { setFlagsFromString } from 'node:v8';

/**
 * Tells the engine to make every object young, for a process that serves requests. While such a process starts, its young generation is so
 * small that whole requests outlive it; the engine then takes what they are made of for long-lived and makes it old from the start, and
 * all that it refers to waits for the slow collection. To be called before the first request.
 */
export function keepObjectsYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
