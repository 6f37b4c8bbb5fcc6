import type { StoreTransaction } from '#store';

/** A registered passkey. Public key and id are base64url. */
export interface Passkey {
  readonly id: string;
  readonly publicKey: string;
  readonly counter: number;
  readonly transports: readonly string[];
  /** `singleDevice`: the key cannot leave its authenticator (not backup-eligible). */
  readonly deviceType: 'singleDevice' | 'multiDevice';
  readonly backedUp: boolean;
  readonly aaguid: string;
  readonly createdAt: number;
}

/** What a person proves themselves with. A private row under the user's id; never enters the graph or a log. */
export interface Credential {
  /** Argon2id in PHC string form. */
  readonly password: string;
  readonly totp?: { readonly secret: string; readonly lastStep: number };
  readonly passkeys: readonly Passkey[];
  /** Hashes of the unused recovery codes. */
  readonly recovery: readonly string[];
}

const CREDENTIAL = 'identity-credential';
const PASSKEY_OWNER = 'identity-passkey';

type Reader = Pick<StoreTransaction, 'getPrivate'>;

/** Reads a person's credential. */
export async function readCredential(tx: Reader, userId: string): Promise<Credential | undefined> {
  return await tx.getPrivate<Credential>(CREDENTIAL, userId);
}

/** Writes a person's credential and keeps the index of passkey owners equal to it. */
export async function writeCredential(tx: StoreTransaction, userId: string, credential: Credential): Promise<void> {
  const before = await readCredential(tx, userId);
  const kept = new Set(credential.passkeys.map((passkey) => passkey.id));
  for (const { id } of before?.passkeys ?? []) if (!kept.has(id)) await tx.deletePrivate(PASSKEY_OWNER, id);
  const known = new Set(before?.passkeys.map((passkey) => passkey.id));
  for (const id of kept) if (!known.has(id)) await tx.putPrivate(PASSKEY_OWNER, id, { userId });
  await tx.putPrivate(CREDENTIAL, userId, credential);
}

/** Removes a person's credential with its passkeys. */
export async function deleteCredential(tx: StoreTransaction, userId: string): Promise<void> {
  for (const { id } of (await readCredential(tx, userId))?.passkeys ?? []) await tx.deletePrivate(PASSKEY_OWNER, id);
  await tx.deletePrivate(CREDENTIAL, userId);
}

/** Id of the person a passkey belongs to. */
export async function passkeyOwner(tx: Reader, passkeyId: string): Promise<string | undefined> {
  return (await tx.getPrivate<{ userId: string }>(PASSKEY_OWNER, passkeyId))?.userId;
}
