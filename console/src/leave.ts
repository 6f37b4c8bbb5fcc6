const KEY = 'cordon.left-to-prove';
/** A second refusal this soon after coming back would be a loop: then the refusal is shown instead. */
const LOOP_MS = 10_000;

/** Leaves for sign-in (a path of this host, where the server begins the hand-off) or for a step-up page, which gets the way back. */
export function leaveToProve(location: string, now: number = Date.now()): void {
  const left = Number(sessionStorage.getItem(KEY) ?? 0);
  if (now - left < LOOP_MS) return;
  const url = new URL(location, window.location.href);
  // Only a page address is followed; a `javascript:` or `data:` one would be code.
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return;
  sessionStorage.setItem(KEY, String(now));
  if (url.origin !== window.location.origin) url.searchParams.set('return', window.location.href);
  window.location.assign(url);
}
