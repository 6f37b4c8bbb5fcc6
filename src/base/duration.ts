import { err, ok, type Result } from './result.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Parses `15m`, `8h`, `1d12h` into milliseconds. Refuses signs, fractions, bare numbers and unknown units. */
export function parseDuration(text: string): Result<number, string> {
  let total = 0;
  let rest = text;
  if (rest === '') return err('an empty duration');
  while (rest !== '') {
    const match = /^(\d{1,9})(ms|s|m|h|d)/.exec(rest);
    const unit = match === null ? undefined : UNITS[match[2] ?? ''];
    if (match === null || unit === undefined) {
      return err(`\`${text}\` is not a duration; write for example \`30s\`, \`15m\`, \`8h\` or \`1d12h\``);
    }
    total += Number(match[1]) * unit;
    rest = rest.slice(match[0].length);
  }
  return ok(total);
}

/** Renders milliseconds with at most two units, for people: `2 h 5 min`, `40 s`, `350 ms`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const parts: string[] = [];
  let seconds = Math.round(milliseconds / 1000);
  for (const [name, size] of [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    if (count > 0) parts.push(`${count} ${name}`);
  }
  return parts.slice(0, 2).join(' ');
}
