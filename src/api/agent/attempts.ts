import { formatAddress, formatCidr, parseAddress } from '#base';

interface Bucket {
  tokens: number;
  at: number;
}

/**
 * Bounds how often somebody may try: `burst` times at once, then once every `everyMs`. Who is not heard of for long, or gives way because
 * too many others are remembered, starts anew; what is bounded is work, and no secret here is short enough to be guessed.
 */
export class Attempts {
  readonly #buckets = new Map<string, Bucket>();
  readonly #burst: number;
  readonly #everyMs: number;
  readonly #remembered: number;

  constructor(o: { readonly burst: number; readonly everyMs: number; readonly remembered: number }) {
    this.#burst = o.burst;
    this.#everyMs = o.everyMs;
    this.#remembered = o.remembered;
  }

  /** Counts an attempt. 0 when it may be made, else how long to wait, milliseconds. */
  take(who: string, now: number): number {
    const bucket = this.#refilled(who, now);
    if (bucket.tokens < 1) return Math.ceil((1 - bucket.tokens) * this.#everyMs);
    bucket.tokens -= 1;
    return 0;
  }

  /** Takes back an attempt that turned out well. */
  giveBack(who: string): void {
    const bucket = this.#buckets.get(who);
    if (bucket !== undefined) bucket.tokens = Math.min(this.#burst, bucket.tokens + 1);
  }

  #refilled(who: string, now: number): Bucket {
    const known = this.#buckets.get(who);
    const bucket = known ?? { tokens: this.#burst, at: now };
    // A clock that is set back takes nothing away and gives nothing.
    bucket.tokens = Math.min(this.#burst, bucket.tokens + Math.max(0, now - bucket.at) / this.#everyMs);
    bucket.at = now;
    // Put last, so that the first is the one not heard of for the longest.
    this.#buckets.delete(who);
    this.#buckets.set(who, bucket);
    if (this.#buckets.size > this.#remembered) {
      const [oldest = ''] = this.#buckets.keys();
      this.#buckets.delete(oldest);
    }
    return bucket;
  }
}

/** Whom attempts from an address are counted against. Clients on IPv6 own a /64. */
export function networkOf(address: string): string {
  const parsed = parseAddress(address, { mapped: 'unmap' });
  if (!parsed.ok) return 'none';
  const { family, value } = parsed.value;
  if (family === 4) return formatAddress(parsed.value);
  return formatCidr({ family, value: (value >> 64n) << 64n, prefix: 64 });
}
