import { ok } from '#base';
import type { IdentityLimits } from './limits.ts';
import { COMMON_PASSWORDS } from './password-blocklist.ts';
import { type Outcome, refuse } from './refusal.ts';

/** What is known about the person and must not be the password. */
export interface PasswordContext {
  readonly email: string;
  readonly name: string;
}

/**
 * Checks a new password by NIST SP 800-63B-4 §3.1.1.2: length in code points after NFC, no composition rules, and the whole password
 * against common ones and words about the person. Eight characters suffice because a password alone never signs anyone in.
 */
export function checkNewPassword(
  password: string,
  context: PasswordContext,
  limits: IdentityLimits['password'],
): Outcome<string> {
  const normal = password.normalize('NFC');
  const letters = [...normal];
  if (letters.length < limits.minLength) {
    return refuse(
      'password-too-short',
      `the password has ${letters.length} characters`,
      `use at least ${limits.minLength}; several words are easy to remember`,
    );
  }
  if (Buffer.byteLength(normal) > limits.maxBytes) {
    return refuse('password-too-long', 'the password is too long', `use at most ${limits.maxBytes} bytes`);
  }
  const folded = normal.toLowerCase();
  if (isPattern(folded)) {
    return refuse(
      'password-guessable',
      'the password is a repetition or a sequence',
      'choose words that do not follow a pattern',
    );
  }
  // Attackers append digits and marks to a word, so `Cordon2026!` is as common as `cordon`.
  const core = folded.replaceAll(/^[^\p{L}]+|[^\p{L}]+$/gu, '');
  if (COMMON_PASSWORDS.has(folded) || COMMON_PASSWORDS.has(core)) {
    return refuse(
      'password-guessable',
      'the password is one of the most common ones',
      'choose several words that only you put together',
    );
  }
  const words = contextWords(context);
  if (words.has(folded) || words.has(core)) {
    return refuse(
      'password-guessable',
      'the password is made of your name, your address or the product name',
      'choose words that have nothing to do with you',
    );
  }
  return ok(normal);
}

function contextWords({ email, name }: PasswordContext): ReadonlySet<string> {
  const local = email.split('@')[0] ?? '';
  const parts = `${local} ${name}`
    .toLowerCase()
    .normalize('NFC')
    .split(/[^\p{L}\p{N}]+/u);
  const joined = name
    .toLowerCase()
    .normalize('NFC')
    .replaceAll(/[^\p{L}\p{N}]+/gu, '');
  const words = ['cordon', 'cordoncordon', email.toLowerCase(), local.toLowerCase(), joined, ...parts];
  return new Set(words.filter((word) => word.length >= 3));
}

/** One or two letters only, a short piece repeated, or code points that rise or fall by one throughout. */
function isPattern(text: string): boolean {
  const points = [...text].map((letter) => letter.codePointAt(0) ?? 0);
  if (new Set(points).size <= 2) return true;
  if (/^(.{1,4})\1+$/su.test(text)) return true;
  const steps = new Set(points.slice(1).map((point, index) => point - (points[index] ?? 0)));
  // 9 -> 0 closes the row of digits on a keyboard.
  if (/^\d+$/.test(text)) steps.delete(-9);
  const [only] = steps;
  return steps.size === 1 && (only === 1 || only === -1);
}
