import { hashToken, randomOctets } from '#base';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'; // Crockford base32: no i, l, o, u
const CODES = 10;
const LENGTH = 24; // 120 bits: at 112 bits and more a plain hash is enough (OWASP ASVS 5.0 6.5.2)

/** Makes ten recovery codes, each `xxxx-xxxx-xxxx-xxxx-xxxx-xxxx` with 120 random bits. */
export function newRecoveryCodes(): string[] {
  return Array.from({ length: CODES }, () => {
    const letters = [...randomOctets(LENGTH)].map((byte) => ALPHABET[byte % 32] ?? '0').join('');
    return letters.replaceAll(/(.{4})(?=.)/g, '$1-');
  });
}

/** What is stored of a code. Case, spaces and dashes do not matter, and letters that look like digits are read as those. */
export function hashRecoveryCode(code: string): string {
  const plain = code.toLowerCase().replaceAll(/[\s-]/g, '').replaceAll('o', '0').replaceAll(/[il]/g, '1');
  return hashToken(`recovery:${plain}`);
}

/** The hashes that remain when `code` is used, or undefined when it is none of them. */
export function useRecoveryCode(hashes: readonly string[], code: string): readonly string[] | undefined {
  const hash = hashRecoveryCode(code);
  return hashes.includes(hash) ? hashes.filter((other) => other !== hash) : undefined;
}
