import { createHash, createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { CordonError, err, isJsonObject, ok, parseJson, type Problem, type Result } from '#base';
import type { IssuedIdentity } from '#wire';
import type { StateDirectory } from './state.ts';

/** Names of the files that make an identity. `identity.json` is written last: with it, all of them are there. */
export const IDENTITY_FILES = {
  key: 'key.pem',
  /** The leaf, then the authority. */
  certificate: 'certificate.pem',
  authority: 'authority.pem',
  identity: 'identity.json',
} as const;

/** Who this host is, and who its server is. */
export interface Identity {
  readonly deviceId: string;
  readonly key: KeyObject;
  readonly server: { readonly host: string; readonly port: number; readonly name: string };
  /** The only certificate authority a server may be certified by, PEM. */
  readonly authority: string;
  readonly certificate: DeviceCertificate;
}

/** The certificate of the device key. Times are milliseconds since the epoch. */
export interface DeviceCertificate {
  /** Leaf first, then the authority. */
  readonly pem: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** The SHA-256 of a certificate (DER), lower-case hexadecimal. */
export function fingerprintOf(certificate: X509Certificate): string {
  return createHash('sha256').update(certificate.raw).digest('hex');
}

/**
 * Checks what the server issued: certified by the authority the agent trusts, and for this host's key. Anything else would
 * be an identity this host cannot use, or one that is not its own. `identity-unusable`.
 */
export function checkIssued(
  issued: IssuedIdentity,
  key: KeyObject,
  authority: string,
): Result<DeviceCertificate, Problem> {
  const bad = (what: string): Result<never, Problem> =>
    err({
      code: 'identity-unusable',
      message: `the certificate from the server ${what}`,
      hint: 'enrol with a new token',
    });
  const leaf = parseCertificate(issued.certificate);
  const trusted = parseCertificate(authority);
  const stated = parseCertificate(issued.ca);
  if (leaf === undefined || trusted === undefined || stated === undefined) return bad('cannot be read');
  if (fingerprintOf(stated) !== fingerprintOf(trusted)) return bad('names another authority than the enrolment token');
  if (!leaf.checkIssued(trusted) || !leaf.verify(trusted.publicKey)) return bad('is not by its authority');
  if (!leaf.publicKey.equals(createPublicKey(key))) return bad('is for another key');
  return ok(certificateOf(issued.certificate, leaf));
}

/** Reads the identity. Fails with `agent-not-enrolled` when there is none, `identity-damaged` when a part is missing or wrong. */
export async function readIdentity(state: StateDirectory): Promise<Identity> {
  const text = await state.read(IDENTITY_FILES.identity);
  if (text === undefined) {
    throw new CordonError('agent-not-enrolled', `there is no identity in \`${state.path}\``, {
      hint: 'make a token with `cordon devices token`, then run `cordon agent enrol`',
    });
  }
  const damaged = (file: string): CordonError =>
    new CordonError('identity-damaged', `\`${state.path}/${file}\` is missing or damaged`, {
      hint: `remove \`${state.path}/${IDENTITY_FILES.identity}\` and enrol again with a new token`,
    });
  const json = parseJson(text);
  const { deviceId, host, port, name } = json.ok && isJsonObject(json.value) ? json.value : {};
  if (
    typeof deviceId !== 'string' ||
    typeof host !== 'string' ||
    typeof port !== 'number' ||
    typeof name !== 'string'
  ) {
    throw damaged(IDENTITY_FILES.identity);
  }
  const authority = (await state.read(IDENTITY_FILES.authority)) ?? '';
  if (parseCertificate(authority) === undefined) throw damaged(IDENTITY_FILES.authority);
  const pem = (await state.read(IDENTITY_FILES.certificate)) ?? '';
  const leaf = parseCertificate(pem);
  if (leaf === undefined) throw damaged(IDENTITY_FILES.certificate);
  const key = parseKey((await state.read(IDENTITY_FILES.key)) ?? '');
  if (key === undefined || !leaf.publicKey.equals(createPublicKey(key))) throw damaged(IDENTITY_FILES.key);
  return { deviceId, key, server: { host, port, name }, authority, certificate: certificateOf(pem, leaf) };
}

function certificateOf(pem: string, leaf: X509Certificate): DeviceCertificate {
  return { pem, notBefore: leaf.validFromDate.getTime(), notAfter: leaf.validToDate.getTime() };
}

function parseCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined; // whoever asked says which file or message it was
  }
}

function parseKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}
