/** Bounds a rate: true while there is room in a bucket that holds five seconds' worth. A clock that is set back gives nothing. */
export function allowance(perSecond: number, now: () => number): () => boolean {
  const most = perSecond * 5;
  let left = most;
  let at = now();
  return () => {
    const time = now();
    left = Math.min(most, left + (Math.max(0, time - at) / 1000) * perSecond);
    at = time;
    if (left < 1) return false;
    left -= 1;
    return true;
  };
}

/** The same for each of many apart. Of more than `remembered` the one not heard of for the longest starts anew. */
export function allowances(
  perSecond: number,
  now: () => number,
  { remembered }: { readonly remembered: number },
): (who: string) => boolean {
  const held = new Map<string, () => boolean>();
  return (who) => {
    const mine = held.get(who) ?? allowance(perSecond, now);
    // Put last, so that the first is the one not heard of for the longest.
    held.delete(who);
    held.set(who, mine);
    for (const oldest of held.keys()) {
      if (held.size <= remembered) break;
      held.delete(oldest);
    }
    return mine();
  };
}
