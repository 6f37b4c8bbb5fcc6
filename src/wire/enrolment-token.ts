import { isIP } from 'node:net';
import { err, isJsonObject, ok, parseJson, type Problem, type Result } from '#base';

/** What an enrolment token carries: enough to know the server before a single byte of the secret is sent to it. */
export interface EnrolmentToken {
  /** Single use; only its hash is stored. */
  readonly secret: string;
  /** SHA-256 of the authority's certificate (DER), lower-case hexadecimal. */
  readonly fingerprint: string;
  /** Name in the server's certificate, `agent.<domain>`. */
  readonly serverName: string;
}

const PREFIX = 'cordon1.';

/** Writes the token as one word that survives a shell and a chat message. */
export function formatEnrolmentToken(token: EnrolmentToken): string {
  const body = { s: token.secret, f: token.fingerprint, n: token.serverName };
  return PREFIX + Buffer.from(JSON.stringify(body)).toString('base64url');
}

/** Reads a token; anything that is not exactly one is `enrolment-token-invalid`. */
export function parseEnrolmentToken(text: string): Result<EnrolmentToken, Problem> {
  const bad = err<Problem>({
    code: 'enrolment-token-invalid',
    message: 'this is not an enrolment token',
    hint: 'make one with `cordon devices token` and pass it whole, as one word',
  });
  if (!text.startsWith(PREFIX) || text.length > 1024) return bad;
  const json = parseJson(Buffer.from(text.slice(PREFIX.length), 'base64url').toString('utf8'));
  if (!json.ok || !isJsonObject(json.value)) return bad;
  const { s: secret, f: fingerprint, n: serverName } = json.value;
  if (typeof secret !== 'string' || !/^[\w-]{43}$/.test(secret)) return bad;
  if (typeof fingerprint !== 'string' || !/^[0-9a-f]{64}$/.test(fingerprint)) return bad;
  if (typeof serverName !== 'string' || !/^[a-z0-9.-]{1,253}$/.test(serverName) || isIP(serverName) !== 0) return bad;
  return ok({ secret, fingerprint, serverName });
}
