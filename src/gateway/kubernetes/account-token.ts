import { readFileSync, statSync } from 'node:fs';
import { err, ok, type Result } from '#base';

interface Kept {
  /** Changes with the file, also where a link is set to another one, as Kubernetes does with the tokens it renews. */
  readonly stamp: string;
  readonly token: string;
}

/** Tokens by path; there are as many as Kubernetes apps. */
const tokens = new Map<string, Kept>();
const LONGEST = 65_536;

/** The token of the account that the gateway speaks as, read again when the file changes. The error says what is wrong with the file. */
export function readAccountToken(path: string): Result<string, string> {
  try {
    const { mtimeMs, ino, size } = statSync(path);
    const stamp = `${mtimeMs} ${ino} ${size}`;
    const kept = tokens.get(path);
    if (kept?.stamp === stamp) return ok(kept.token);
    if (size > LONGEST) return err(`\`${path}\` is too long for a token`);
    const token = readFileSync(path, 'latin1').trim();
    // More than one word would be more than one field.
    if (!/^[\x21-\x7e]+$/.test(token)) return err(`\`${path}\` holds no token`);
    tokens.set(path, { stamp, token });
    return ok(token);
  } catch (cause) {
    tokens.delete(path);
    return err(cause instanceof Error ? cause.message : String(cause));
  }
}
