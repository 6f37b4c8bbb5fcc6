/** Bounds a rate: true while there is room in a bucket that holds five seconds' worth. */
export function bucket(perSecond: number, now: () => number): () => boolean {
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
