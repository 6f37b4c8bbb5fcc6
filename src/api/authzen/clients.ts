import { type Clock, hashToken, newId, newToken } from '#base';
import type { Actor } from '#model';
import type { Store } from '#store';
import { ApiFailure } from '../failure.ts';

/** Private rows of this kind hold clients. */
const KIND = 'authzenClient';
/** Makes a key recognisable to those who scan for leaked secrets. */
const KEY_PREFIX = 'cordon_authzen_';

/** An application that may ask for decisions. */
export interface DecisionClient {
  readonly id: string;
  readonly name: string;
  /** Ids of the models it may ask; `cordon` is Cordon's own. */
  readonly models: readonly string[];
  /** Device whose certificate has to come with the key; a key that was stolen is worth nothing elsewhere. */
  readonly deviceId?: string;
  readonly createdAt: number;
  readonly by: Actor;
}

interface StoredClient extends DecisionClient {
  readonly keyHash: string;
}

/** The clients there are, and their keys, of which only hashes are kept. */
export interface DecisionClients {
  list(): readonly DecisionClient[];
  /** The client whose key an `Authorization` header carries as a bearer token; undefined: nobody's. @see RFC 6750 section 2.1 */
  authenticate(authorization: string | undefined): DecisionClient | undefined;
  /** Whether a client that was authenticated is one still. */
  isKnown(client: DecisionClient): boolean;
  /** Makes a client. The key is in the answer and nowhere else. Throws `client-exists`. */
  add(input: {
    readonly name: string;
    readonly models: readonly string[];
    readonly deviceId?: string | undefined;
    readonly by: Actor;
  }): Promise<{ readonly client: DecisionClient; readonly key: string }>;
  /** Removes a client; its key is worth nothing when this resolves. Throws `client-unknown`. */
  remove(id: string, by: Actor): Promise<DecisionClient>;
}

/** Reads the clients. Keys are looked up by hash in memory, so that neither time nor the store tells anything about them. */
export async function openClients(store: Store, clock: Clock): Promise<DecisionClients> {
  const byHash = new Map<string, StoredClient>();
  const rows = await store.read(async (tx) => await tx.listPrivate<StoredClient>(KIND));
  const known = new Set<StoredClient>();
  const keep = (client: StoredClient): void => {
    byHash.set(client.keyHash, client);
    known.add(client);
  };
  for (const { body } of rows) keep(body);
  return {
    list: () => Array.from(byHash.values(), shown).sort((a, b) => (a.name < b.name ? -1 : 1)),
    authenticate: (authorization) => {
      const key = bearerOf(authorization);
      return key === undefined ? undefined : byHash.get(hashToken(key));
    },
    isKnown: (client) => (known as ReadonlySet<DecisionClient>).has(client),
    add: async ({ name, models, deviceId, by }) => {
      const key = `${KEY_PREFIX}${newToken()}`;
      const now = clock.now();
      const stored: StoredClient = {
        id: newId('azc', now),
        ...{ name, models, by },
        ...(deviceId === undefined ? {} : { deviceId }),
        createdAt: now,
        keyHash: hashToken(key),
      };
      await store.transact(by, async (tx) => {
        // Inside: two at once may not both find the name free.
        const taken = await tx.listPrivate<StoredClient>(KIND);
        if (taken.some(({ body }) => body.name === name)) {
          throw new ApiFailure(409, 'client-exists', `there is a client \`${name}\` already`, {
            hint: 'choose another name, or remove it with `cordon authzen remove`',
          });
        }
        await tx.putPrivate(KIND, stored.id, stored);
      });
      keep(stored);
      return { client: shown(stored), key };
    },
    remove: async (id, by) => {
      // Before it is on disk: a key that was taken away is refused even when the disk is not there.
      for (const client of known) {
        if (client.id !== id) continue;
        byHash.delete(client.keyHash);
        known.delete(client);
      }
      const stored = await store.transact(by, async (tx) => {
        const row = await tx.getPrivate<StoredClient>(KIND, id);
        if (row !== undefined) await tx.deletePrivate(KIND, id);
        return row;
      });
      if (stored === undefined) {
        throw new ApiFailure(404, 'client-unknown', `no client \`${id}\``, { hint: 'list them with `cordon authzen`' });
      }
      return shown(stored);
    },
  };
}

function shown({ keyHash: _, ...client }: StoredClient): DecisionClient {
  return client;
}

const SCHEME = 'bearer ';

function bearerOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.slice(0, SCHEME.length).toLowerCase() !== SCHEME) return undefined;
  const key = authorization.slice(SCHEME.length);
  return key.startsWith(KEY_PREFIX) ? key : undefined;
}
