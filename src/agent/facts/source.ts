import type { Observed } from '#wire';
import type { Host } from '../host.ts';

/** Where one fact comes from, and how often it is worth looking. */
export interface FactSource<T> {
  /** Looks. What cannot be seen is `unknown` with a reason in one line, never a value. */
  readonly observe: (host: Host, now: number) => Promise<Observed<T>>;
  /** How old an observation may get, in milliseconds. */
  readonly maxAgeMs: number;
  /** The shortest time between two looks that `stamp` calls for, in milliseconds. */
  readonly restMs: number;
  /** Set when a look may take seconds: the last observation is told while the next one is made. */
  readonly isSlow?: true;
  /** Something cheap that changes when the fact may have changed. */
  readonly stamp?: (host: Host) => Promise<string>;
}

/** Says why something cannot be seen, in at most 500 characters. */
export function unknown(reason: string): { readonly unknown: string } {
  return { unknown: reason.replaceAll(/\s+/g, ' ').trim().slice(0, 500) };
}

/** A stamp over paths: any of them appearing, vanishing or changing changes it. */
export async function stampOf(host: Host, paths: readonly string[]): Promise<string> {
  const found = await Promise.all(paths.map(async (path) => (await host.stat(path))?.stamp ?? '-'));
  return found.join(' ');
}

/** Bytes that one fact may take as JSON: all of them together must fit into an enrolment. */
const MOST_BYTES = 20_000;

/** The first items, as many as a report may hold. Whoever calls puts what must not be lost first. */
export function fitting<T>(items: readonly T[], most: number): T[] {
  const kept: T[] = [];
  let bytes = 0;
  for (const item of items.slice(0, most)) {
    bytes += Buffer.byteLength(JSON.stringify(item)) + 1;
    if (bytes > MOST_BYTES) break;
    kept.push(item);
  }
  return kept;
}
