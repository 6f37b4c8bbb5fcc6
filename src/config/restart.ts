import type { Problem } from '#base';
import type { Configuration } from './configuration.ts';

/** Keys that are read only at a start: sockets are bound, passkeys belong to the domain, the store is open, and processes run. */
const FIXED_KEYS = [
  'domain',
  'listen',
  'data',
  'acme',
  'forwardAuth',
  'workers',
  'gateway',
  'metrics',
  'traces',
] as const satisfies readonly (keyof Configuration)[];
type FixedKey = (typeof FIXED_KEYS)[number];

/** What of `next`, but for the key that does not matter to who asks, cannot take effect while Cordon runs on `now`, as `restart-needed`. */
export function restartProblems(now: Configuration, next: Configuration, but?: FixedKey): Problem[] {
  return FIXED_KEYS.filter((key) => key !== but && JSON.stringify(now[key]) !== JSON.stringify(next[key])).map(
    (key) => ({
      code: 'restart-needed',
      message: `a change of \`${key}\` takes effect only at a start`,
      source: { file: next.file ?? 'cordon.yaml' },
      hint: 'start Cordon again, or undo this change to let the others take effect',
    }),
  );
}
