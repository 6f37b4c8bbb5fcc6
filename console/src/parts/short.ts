/** Leaves out the middle of a long identifier: both ends tell more than the middle. `most` is in characters. */
export function shortId(id: string, most = 14): string {
  if (id.length <= most) return id;
  const kept = most - 1;
  return `${id.slice(0, Math.ceil(kept / 2))}…${id.slice(id.length - Math.floor(kept / 2))}`;
}

/** Marks of browsers in a user agent, the most special first: most of them also claim to be Chrome and Safari. */
const BROWSERS = [
  ['Edg/', 'Edge'],
  ['OPR/', 'Opera'],
  ['Firefox/', 'Firefox'],
  ['Chrome/', 'Chrome'],
  ['Safari/', 'Safari'],
  ['curl/', 'curl'],
] as const;
const SYSTEMS = [
  ['Android', 'Android'],
  ['iPhone', 'iOS'],
  ['iPad', 'iPadOS'],
  ['Windows', 'Windows'],
  ['Mac OS X', 'macOS'],
  ['CrOS', 'ChromeOS'],
  ['Linux', 'Linux'],
] as const;

/** `Firefox on Linux` for a user agent; one that says nothing known stands as it is. */
export function browserText(userAgent: string): string {
  const browser = BROWSERS.find(([mark]) => userAgent.includes(mark))?.[1];
  const system = SYSTEMS.find(([mark]) => userAgent.includes(mark))?.[1];
  if (browser === undefined) return userAgent;
  return system === undefined ? browser : `${browser} on ${system}`;
}
