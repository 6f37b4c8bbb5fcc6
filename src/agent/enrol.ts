import { createPublicKey, X509Certificate } from 'node:crypto';
import { type Clock, CordonError } from '#base';
import { type IssuedIdentity, parseEnrolmentToken, WIRE_VERSION } from '#wire';
import { factCollector } from './facts/collect.ts';
import type { Host } from './host.ts';
import { checkIssued, fingerprintOf, type Identity, IDENTITY_FILES, readIdentity } from './identity.ts';
import { certificateRequest, newDeviceKey } from './key.ts';
import { lockState } from './lock.ts';
import { addressText, fetchAuthority, parseServerAddress, serverAt } from './server.ts';
import { openState, type StateDirectory } from './state.ts';

/** The new key, until it has a certificate. Without `identity.json` beside it, it is worth nothing. */
const NEXT_KEY = 'next-key.pem';
const TIMEOUT_MS = 20_000;

/** What enrolling needs. */
export interface EnrolInput {
  readonly stateDirectory: string;
  readonly token: string;
  /** `host:port` of the agents' listener. */
  readonly server: string;
  readonly uid: number;
  readonly host: Host;
  readonly clock: Clock;
}

/** Makes a key, has it certified, and keeps the identity. A crash at any point leaves the old state, or the new one. */
export async function enrol(input: EnrolInput): Promise<Identity> {
  const token = parseEnrolmentToken(input.token);
  if (!token.ok) throw failure(token.error);
  const address = { ...parseServerAddress(input.server), name: token.value.serverName };
  const state = await openState(input.stateDirectory, { create: true, uid: input.uid });
  const unlock = lockState(state.path);
  try {
    await refuseToLose(state);
    // INVARIANT: the secret is sent only after a certificate with the token's fingerprint was seen, and only over a
    // connection that is certified by it under the token's name.
    const authority = await fetchAuthority(address, token.value.fingerprint, TIMEOUT_MS);
    if (fingerprintOf(new X509Certificate(authority)) !== token.value.fingerprint) {
      throw new TypeError('the authority differs from its fingerprint');
    }
    const key = newDeviceKey();
    const keyPem = String(key.export({ type: 'pkcs8', format: 'pem' }));
    await state.write(NEXT_KEY, keyPem); // before the token is spent: a full disk must not cost it
    const server = serverAt(address, () => ({ authority }));
    try {
      const facts = await factCollector(input.host, { isQuick: true }).collect(input.clock.now());
      const issued = await server.ask({
        method: 'POST',
        path: '/v1/enrol',
        body: {
          wire: WIRE_VERSION,
          token: token.value.secret,
          csr: await certificateRequest(key),
          hostname: input.host.hostname === '' ? 'unnamed' : input.host.hostname,
          facts,
          addresses: input.host.addresses(),
        },
        answer: 'issuedIdentity',
        timeoutMs: TIMEOUT_MS,
      });
      const checked = checkIssued(issued, key, authority);
      if (!checked.ok) throw failure(checked.error);
      await keep(state, { issued, authority, address });
    } finally {
      server.close();
    }
    const identity = await readIdentity(state);
    if (!createPublicKey(identity.key).equals(createPublicKey(key))) throw new TypeError('another key was kept');
    return identity;
  } finally {
    unlock();
  }
}

/** Refuses while there is an identity, also one that has expired, which may still be renewed. A damaged one is lost already. */
async function refuseToLose(state: StateDirectory): Promise<void> {
  let existing: Identity;
  try {
    existing = await readIdentity(state);
  } catch (error) {
    const isNothing =
      error instanceof CordonError && (error.code === 'agent-not-enrolled' || error.code === 'identity-damaged');
    if (isNothing) return;
    throw error;
  }
  throw new CordonError(
    'agent-enrolled',
    `this host is enrolled as \`${existing.deviceId}\` at \`${addressText(existing.server)}\``,
    {
      hint: `to replace it, run \`cordon devices revoke ${existing.deviceId}\` on the server, then remove \`${state.path}/${IDENTITY_FILES.identity}\``,
    },
  );
}

async function keep(
  state: StateDirectory,
  o: { issued: IssuedIdentity; authority: string; address: Identity['server'] },
): Promise<void> {
  await state.remove(IDENTITY_FILES.identity); // from here on the old identity is not there, rather than mixed with the new
  await state.rename(NEXT_KEY, IDENTITY_FILES.key);
  await state.write(IDENTITY_FILES.authority, o.authority);
  await state.write(IDENTITY_FILES.certificate, o.issued.certificate);
  const { host, port, name } = o.address;
  const identity = { deviceId: o.issued.deviceId, host, port, name };
  await state.write(IDENTITY_FILES.identity, `${JSON.stringify(identity)}\n`);
}

function failure(problem: { readonly code: string; readonly message: string; readonly hint?: string }): CordonError {
  return new CordonError(problem.code, problem.message, problem.hint === undefined ? {} : { hint: problem.hint });
}
