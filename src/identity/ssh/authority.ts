import { createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey, sign } from 'node:crypto';
import { type Clock, ok, randomOctets, type Result } from '#base';
import type { Store } from '#store';
import { sshString, sshUint32, sshUint64 } from './fields.ts';
import { parseSshPublicKey } from './public-key.ts';

/** What a person's certificate is to say. */
export interface SshCertificateOrder {
  /** One line of an OpenSSH `.pub` file. */
  readonly publicKey: string;
  /** What servers write into their logs when it is used. */
  readonly keyId: string;
  /** Login names. */
  readonly principals: readonly string[];
  readonly lifetimeSeconds: number;
  /** What a session may do beyond running commands, for example `permit-pty`. */
  readonly extensions: readonly string[];
  /** CIDR blocks that it may be used from; empty: any. */
  readonly sourceAddresses: readonly string[];
}

/** A certificate that servers of Cordon's SSH authority believe. */
export interface SshCertificate {
  /** One line, as a `-cert.pub` file holds it. */
  readonly text: string;
  readonly serial: string;
  /** `SHA256:…` of the person's key. */
  readonly fingerprint: string;
  /** Milliseconds. */
  readonly validAfter: number;
  readonly validBefore: number;
}

/** Cordon's own authority for SSH user certificates. */
export interface SshAuthority {
  /** Its public key, one line: the file that `TrustedUserCAKeys` of sshd names. */
  readonly publicKey: string;
  /** Certifies a person's key. Refuses a key that is not one, or that is too weak. */
  certify(order: SshCertificateOrder): Result<SshCertificate, string>;
}

/** Certificates start a little in the past, because hosts' clocks differ. */
const BACKDATE_SECONDS = 60;
const USER_CERTIFICATE = 1;

/** The Ed25519 key of the authority, made once. It is a private row of the store and never leaves the processes of the gateway. */
export async function sshAuthorityKey(store: Store): Promise<JsonWebKey> {
  return await store.transact('system', async (tx) => {
    const kept = await tx.getPrivate<JsonWebKey>('key', 'ssh-authority');
    if (kept !== undefined) return kept;
    const key = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
    await tx.putPrivate('key', 'ssh-authority', key);
    return key;
  });
}

/** The authority that a key makes. */
export function sshAuthority(jwk: JsonWebKey, clock: Clock): SshAuthority {
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  const blob = Buffer.concat([sshString('ssh-ed25519'), sshString(Buffer.from(x, 'base64url'))]);
  return {
    publicKey: `ssh-ed25519 ${blob.toString('base64')} cordon`,
    certify: (order) => {
      const key = parseSshPublicKey(order.publicKey);
      if (!key.ok) return key;
      const { type, blob: subject, fingerprint } = key.value;
      const now = Math.floor(clock.now() / 1000);
      const [after, before] = [now - BACKDATE_SECONDS, now + order.lifetimeSeconds];
      const serial = randomOctets(8).readBigUInt64BE();
      const certificate = `${type}-cert-v01@openssh.com`;
      const signed = Buffer.concat([
        sshString(certificate),
        sshString(randomOctets(32)),
        subject.subarray(sshString(type).length), // the numbers of the key, as they are
        sshUint64(serial),
        sshUint32(USER_CERTIFICATE),
        sshString(order.keyId),
        sshString(Buffer.concat(order.principals.map(sshString))),
        sshUint64(BigInt(after)),
        sshUint64(BigInt(before)),
        sshString(criticalOptions(order.sourceAddresses)),
        sshString(Buffer.concat([...order.extensions].sort().flatMap((name) => [sshString(name), sshString('')]))),
        sshString(''),
        sshString(blob),
      ]);
      const signature = Buffer.concat([sshString('ssh-ed25519'), sshString(sign(null, signed, privateKey))]);
      const text = `${certificate} ${Buffer.concat([signed, sshString(signature)]).toString('base64')}`;
      return ok({ text, serial: String(serial), fingerprint, validAfter: after * 1000, validBefore: before * 1000 });
    },
  };
}

/** A server that does not know a critical option refuses the certificate. */
function criticalOptions(sourceAddresses: readonly string[]): Buffer {
  if (sourceAddresses.length === 0) return Buffer.alloc(0);
  return Buffer.concat([sshString('source-address'), sshString(sshString(sourceAddresses.join(',')))]);
}
