const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A length of time in one unit, for people. */
export function amount(ms: number): string {
  if (ms < MINUTE) return `${Math.round(ms / 1000)} s`;
  if (ms < 90 * MINUTE) return `${Math.round(ms / MINUTE)} min`;
  if (ms < 36 * HOUR) return `${Math.round(ms / HOUR)} h`;
  return `${Math.round(ms / DAY)} d`;
}

/** `3 min ago` or `in 2 h`, for people. */
export function relative(time: number, now: number = Date.now()): string {
  const past = now - time;
  if (Math.abs(past) < 5000) return 'just now';
  return past > 0 ? `${amount(past)} ago` : `in ${amount(-past)}`;
}

/** A time with date, in the person's own zone. */
export function absolute(time: number): string {
  return new Date(time).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
}

/** The time of day with seconds, for lists of what has just happened. */
export function clockTime(time: number): string {
  return new Date(time).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
}

/** The time of day to the minute, for axes. */
export function minuteTime(time: number): string {
  return new Date(time).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });
}
