import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/server';

/** How an authenticator behaves; the defaults are an honest security key. */
export interface Behaviour {
  readonly origin?: string;
  readonly rpId?: string;
  readonly challenge?: string;
  readonly userVerified?: boolean;
  readonly userHandle?: string;
  readonly counter?: number;
  /** Backup eligibility of this one answer; the stored kind otherwise. */
  readonly multiDevice?: boolean;
}

interface Key {
  readonly id: string;
  readonly rpId: string;
  readonly userHandle: string;
  readonly privateKey: KeyObject;
}

/** An authenticator in software: P-256 keys, real registration and assertion responses (WebAuthn Level 3 §6). */
export class SoftwareAuthenticator {
  readonly #origin: string;
  readonly #credentialId: string | undefined;
  readonly #multiDevice: boolean;
  readonly #keys: Key[] = [];
  #counter = 0;

  constructor(options: { origin: string; multiDevice?: boolean; credentialId?: string }) {
    this.#origin = options.origin;
    this.#credentialId = options.credentialId;
    this.#multiDevice = options.multiDevice ?? false;
  }

  /** Answers `navigator.credentials.create()`. */
  create(options: PublicKeyCredentialCreationOptionsJSON, behaviour: Behaviour = {}): RegistrationResponseJSON {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const id = this.#credentialId ?? randomBytes(16).toString('base64url');
    const rpId = behaviour.rpId ?? options.rp.id ?? '';
    this.#keys.push({ id, rpId, userHandle: options.user.id, privateKey });
    const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
    const cose = cborMap([
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, Buffer.from(x, 'base64url')],
      [-3, Buffer.from(y, 'base64url')],
    ]);
    const credentialId = Buffer.from(id, 'base64url');
    const length = Buffer.alloc(2);
    length.writeUInt16BE(credentialId.length);
    const attested = Buffer.concat([Buffer.alloc(16), length, credentialId, cose]);
    const authData = Buffer.concat([this.#head(rpId, 0x40, behaviour), attested]);
    const attestationObject = cborMap(
      [
        ['fmt', 'none'],
        ['attStmt', cborMap([])],
        ['authData', authData],
      ],
      new Set(['attStmt']),
    );
    return {
      id,
      rawId: id,
      type: 'public-key',
      clientExtensionResults: {},
      response: {
        clientDataJSON: this.#clientData('webauthn.create', options.challenge, behaviour).toString('base64url'),
        attestationObject: attestationObject.toString('base64url'),
        transports: ['internal'],
      },
    };
  }

  /** Answers `navigator.credentials.get()` with the newest fitting key. */
  get(options: PublicKeyCredentialRequestOptionsJSON, behaviour: Behaviour = {}): AuthenticationResponseJSON {
    const allowed = options.allowCredentials?.map(({ id }) => id);
    const key = this.#keys.findLast(({ id }) => allowed === undefined || allowed.length === 0 || allowed.includes(id));
    if (key === undefined) throw new Error('the software authenticator has no fitting key');
    const authData = this.#head(behaviour.rpId ?? key.rpId, 0, behaviour);
    const clientData = this.#clientData('webauthn.get', options.challenge, behaviour);
    const signed = Buffer.concat([authData, createHash('sha256').update(clientData).digest()]);
    return {
      id: key.id,
      rawId: key.id,
      type: 'public-key',
      clientExtensionResults: {},
      response: {
        clientDataJSON: clientData.toString('base64url'),
        authenticatorData: authData.toString('base64url'),
        signature: sign('sha256', signed, key.privateKey).toString('base64url'),
        userHandle: behaviour.userHandle ?? key.userHandle,
      },
    };
  }

  #head(rpId: string, more: number, behaviour: Behaviour): Buffer {
    const multiDevice = behaviour.multiDevice ?? this.#multiDevice;
    const flags = 0x01 | ((behaviour.userVerified ?? true) ? 0x04 : 0) | (multiDevice ? 0x18 : 0) | more;
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(behaviour.counter ?? (multiDevice ? 0 : ++this.#counter));
    return Buffer.concat([createHash('sha256').update(rpId).digest(), Buffer.from([flags]), counter]);
  }

  #clientData(type: string, challenge: string, behaviour: Behaviour): Buffer {
    const origin = behaviour.origin ?? this.#origin;
    return Buffer.from(
      JSON.stringify({ type, challenge: behaviour.challenge ?? challenge, origin, crossOrigin: false }),
    );
  }
}

type Cbor = number | string | Buffer;

/** A CBOR map (RFC 8949); values of the keys in `encoded` are CBOR already. */
function cborMap(
  entries: readonly (readonly [number | string, Cbor])[],
  encoded: ReadonlySet<string | number> = new Set(),
): Buffer {
  const items = entries.map(([key, value]) => {
    const body = encoded.has(key) && Buffer.isBuffer(value) ? value : cbor(value);
    return Buffer.concat([cbor(key), body]);
  });
  return Buffer.concat([cborHead(5, entries.length), ...items]);
}

function cbor(value: Cbor): Buffer {
  if (typeof value === 'number') return value >= 0 ? cborHead(0, value) : cborHead(1, -1 - value);
  if (typeof value === 'string') return Buffer.concat([cborHead(3, Buffer.byteLength(value)), Buffer.from(value)]);
  return Buffer.concat([cborHead(2, value.length), value]);
}

function cborHead(major: number, argument: number): Buffer {
  if (argument < 24) return Buffer.from([(major << 5) | argument]);
  if (argument < 256) return Buffer.from([(major << 5) | 24, argument]);
  return Buffer.from([(major << 5) | 25, argument >> 8, argument & 255]);
}
