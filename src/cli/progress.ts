import { formatDuration } from '#base';
import { clean, pad, shorten } from './terminal-text.ts';
import type { CliWorld } from './world.ts';

/** Work shorter than this is not worth a bar. */
const SHOWN_AFTER_MS = 1000;
const REDRAWN_EVERY_MS = 100;
const BAR_COLUMNS = 24;

/** Reports how far work has come. */
export type Report = (done: number, total: number) => void;

/**
 * Shows on a terminal that `work` is under way, and how far it has come when it reports that. Draws on one line of stderr, which is empty
 * again when the work ends, however it ends. Draws nothing elsewhere.
 */
export async function withProgress<T>(
  world: Pick<CliWorld, 'stderr' | 'clock'>,
  label: string,
  work: (report: Report) => Promise<T>,
): Promise<T> {
  let state: { done: number; total: number } | undefined;
  const report: Report = (done, total) => {
    state = { done, total };
  };
  if (world.stderr.isTTY !== true) return await work(report);
  const startedAt = world.clock.now();
  const draw = (): void => {
    const elapsed = world.clock.now() - startedAt;
    if (elapsed < SHOWN_AFTER_MS) return;
    world.stderr.write(`\r\u001b[K${progressLine(label, state, elapsed)}`);
  };
  const timer = setInterval(draw, REDRAWN_EVERY_MS);
  try {
    return await work(report);
  } finally {
    clearInterval(timer);
    world.stderr.write('\r\u001b[K');
  }
}

/** One line of progress: a bar where the total is known, else only the time. */
export function progressLine(
  label: string,
  state: { readonly done: number; readonly total: number } | undefined,
  elapsedMs: number,
): string {
  const name = pad(shorten(clean(label), 30), 1);
  const time = formatDuration(Math.floor(elapsedMs / 1000) * 1000);
  if (state === undefined || state.total <= 0) return `${name}  ${time}`;
  const share = Math.min(1, state.done / state.total);
  const filled = Math.round(share * BAR_COLUMNS);
  const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_COLUMNS - filled)}`;
  return `${name}  ${bar} ${String(Math.floor(share * 100)).padStart(3)} %  ${time}`;
}
