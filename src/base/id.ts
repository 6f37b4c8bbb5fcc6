import { createHash, hash, randomBytes, randomFillSync, timingSafeEqual } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'; // Crockford base32: no i, l, o, u

const RANDOM_LETTERS = 16;
/** Random letters are made for this many ids at once: asking the system for those of each takes longer than all else about it. */
const AT_ONCE = 256;
const octets = Buffer.alloc(AT_ONCE * RANDOM_LETTERS);
/** Letters that no id has used yet begin at `used`. */
let letters = '';
let used = 0;

/** The millisecond of the last id and its letters: under load there are many ids in one. */
let last = { now: Number.NaN, letters: '' };

/** Makes a unique id `prefix_…` of 80 random bits that sorts by creation time. */
export function newId(prefix: string, now: number): string {
  if (now !== last.now) last = { now, letters: timeLetters(now) };
  return `${prefix}_${last.letters}${randomLetters()}`;
}

function timeLetters(now: number): string {
  let time = '';
  for (let rest = Math.floor(now), i = 0; i < 9; i++, rest = Math.floor(rest / 32)) {
    time = (ALPHABET[rest % 32] ?? '0') + time;
  }
  return time;
}

function randomLetters(): string {
  if (used === letters.length) {
    randomFillSync(octets);
    for (let at = 0; at < octets.length; at++) octets[at] = ALPHABET.charCodeAt((octets[at] ?? 0) % 32);
    letters = octets.toString('latin1');
    used = 0;
  }
  used += RANDOM_LETTERS;
  return letters.slice(used - RANDOM_LETTERS, used);
}

/** Makes `count` bytes that nobody can predict. Whoever needs randomness takes it from here. */
export function randomOctets(count: number): Buffer {
  return randomBytes(count);
}

/** Makes a secret of 256 random bits in base64url. Store only its `hashToken`. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/** The SHA-256 of a token in base64url: what may be stored and replicated in its stead. */
export function hashToken(token: string): string {
  return hash('sha256', token, 'base64url');
}

/** Compares two secrets in time that depends only on their lengths. */
export function secretsEqual(a: string, b: string): boolean {
  const left = createHash('sha256').update(a).digest();
  const right = createHash('sha256').update(b).digest();
  return timingSafeEqual(left, right);
}
