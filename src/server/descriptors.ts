import { readFileSync } from 'node:fs';

/**
 * Part of the descriptors of the process that the connections of one listener may take. What they ask for needs as many again towards the
 * apps, and the store and the journal need theirs whoever is there.
 */
const PART = 0.4;

/** How many connections a listener may have: what was asked for, unless the process has too few descriptors for it. */
export function mostConnections(asked: number, limits: () => string = ownLimits): number {
  const text = /^Max open files\s+(\d+)/m.exec(limits())?.[1];
  return text === undefined ? asked : Math.max(1, Math.min(asked, Math.floor(Number(text) * PART)));
}

/** What Linux says of this process; elsewhere nothing is known. */
function ownLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return '';
  }
}
