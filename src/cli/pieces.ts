import { formatDuration } from '#base';
import { type Look, type Piece, styled } from './output.ts';

/** A point in time in UTC, to the second: `2026-01-31 09:05:00Z`. */
export function timeText(milliseconds: number): string {
  const date = new Date(milliseconds);
  if (Number.isNaN(date.getTime())) return 'unknown';
  return `${date.toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

/** How long ago, or how far ahead: `5 min ago`, `in 2 h`. */
export function agoText(milliseconds: number, now: number): string {
  const away = Math.abs(now - milliseconds);
  if (away < 1000) return 'now';
  const span = spanText(away);
  return milliseconds <= now ? `${span} ago` : `in ${span}`;
}

const TIER_LOOKS: readonly Look[] = ['red', 'yellow', 'cyan', 'dim'];

/** A span in its largest unit: `59 min`. */
export function spanText(milliseconds: number): string {
  return /^\d+ \w+/.exec(formatDuration(milliseconds))?.[0] ?? '';
}

/** A tier as people write it. */
export function tierPiece(tier: number): Piece {
  return styled(TIER_LOOKS[tier], `T${tier}`);
}

const LEVEL_LOOKS: Readonly<Record<string, Look>> = {
  low: 'dim',
  medium: 'yellow',
  high: 'red',
  critical: 'red',
  healthy: 'green',
  unhealthy: 'red',
  unknown: 'yellow',
  active: 'green',
  invited: 'yellow',
  disabled: 'dim',
  revoked: 'dim',
  open: 'yellow',
  closed: 'dim',
  allow: 'green',
  permit: 'green',
  deny: 'red',
  forbid: 'red',
  pass: 'green',
  fail: 'red',
  warn: 'yellow',
  add: 'green',
  change: 'yellow',
  remove: 'red',
};

/** A word of a closed set, in the colour that fits it. */
export function wordPiece(word: string): Piece {
  return styled(LEVEL_LOOKS[word], word);
}

/** Labels in one order: `env=prod role=web`. */
export function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}

/** A number with its noun: `1 asset`, `2 assets`. */
export function countText(count: number, noun: string): string {
  const plural = noun.endsWith('y') ? `${noun.slice(0, -1)}ies` : `${noun}s`;
  return `${count.toLocaleString('en')} ${count === 1 ? noun : plural}`;
}
