import { err, formatAddress, hashToken, newId, newToken, ok, parseAddress, type Problem, type Result } from '#base';
import type { Actor, Device, Workload } from '#model';
import type { StoreTransaction } from '#store';
import { type EnrolRequest, formatEnrolmentToken, type IssuedIdentity, type RenewRequest } from '#wire';
import type { DeviceCertificate } from './authority.ts';
import type { DevicesContext } from './context.ts';
import { dropIdentity, keepIdentity } from './device-memory.ts';
import { grantedAddresses, hostAddresses, otherClaimants } from './host-addresses.ts';
import { claim, deviceEvent } from './record.ts';

const TOKEN_ROW = 'enrolment-token';
/** How long an enrolment token can be used. */
export const TOKEN_LIFETIME_MS = 3_600_000;

interface TokenRow {
  readonly name?: string;
  readonly ownerId?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly by: Actor;
  readonly expiresAt: number;
}

const TOKEN_INVALID: Problem = {
  code: 'enrolment-token-invalid',
  message: 'the enrolment token is unknown, was used, or is older than an hour',
  hint: 'make a new one with `cordon devices token`',
};

/** Makes a token. What the host will be (owner, labels, name) is bound to it here; the host has no say. */
export async function issueToken(
  context: DevicesContext,
  input: {
    readonly name?: string;
    readonly ownerId?: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly by: Actor;
  },
): Promise<Result<{ readonly token: string; readonly expiresAt: number }, Problem>> {
  const { clock, authority, serverName } = context;
  const { by, ...bound } = input;
  const secret = newToken();
  const id = hashToken(secret);
  const row: TokenRow = { ...bound, by, expiresAt: clock.now() + TOKEN_LIFETIME_MS };
  return await context.store.transact(by, async (tx) => {
    const owner = await ownerProblem(tx, bound.ownerId);
    if (owner !== undefined) return err(owner);
    await tx.putPrivate(TOKEN_ROW, id, row);
    // Inside the transaction, as all that opens something: without a record there is no token.
    await context.journal.append(
      deviceEvent(clock, {
        activity: 'create',
        message: `made an enrolment token${bound.name === undefined ? '' : ` for ${bound.name}`}`,
        by,
        entity: { uid: id.slice(0, 12), name: bound.name ?? '', type: 'enrolment-token' },
        detail: { labels: bound.labels, ...(bound.ownerId === undefined ? {} : { ownerId: bound.ownerId }) },
      }),
    );
    const token = formatEnrolmentToken({ secret, fingerprint: authority.fingerprint, serverName });
    return ok({ token, expiresAt: row.expiresAt });
  });
}

/** Turns a token and a proven key into a device. Of two callers with one token exactly one gets it. */
export async function enrol(
  context: DevicesContext,
  request: EnrolRequest,
  peer: { readonly address: string },
): Promise<Result<IssuedIdentity, Problem>> {
  const outcome = await attemptEnrolment(context, request, peer);
  if (outcome.ok) return outcome;
  await context.journal.append(
    deviceEvent(context.clock, {
      activity: 'enroll',
      message: `refused to enrol ${hostName(request.hostname)}: ${outcome.error.message}`,
      by: 'system',
      entity: { uid: '', name: hostName(request.hostname), type: 'device' },
      refusedFor: outcome.error.code,
      severity: 'low',
      address: canonicalPeer(peer.address),
    }),
  );
  return outcome;
}

async function attemptEnrolment(
  context: DevicesContext,
  request: EnrolRequest,
  peer: { readonly address: string },
): Promise<Result<IssuedIdentity, Problem>> {
  const tokenId = hashToken(request.token);
  // Looked up first, so that nobody without a token makes us sign; what counts is the look inside the transaction.
  const isKnown = await context.store.read(async (tx) => (await livingToken(context, tx, tokenId)) !== undefined);
  if (!isKnown) return err(TOKEN_INVALID);
  const now = context.clock.now();
  const deviceId = newId('dev', now);
  const issued = await context.authority.issueDevice({ deviceId, csr: request.csr });
  if (!issued.ok) return issued;
  const certificate = issued.value;
  return await context.store.transact(`agent:${deviceId}`, async (tx) => {
    const token = await livingToken(context, tx, tokenId);
    if (token === undefined || (await ownerProblem(tx, token.ownerId)) !== undefined) return err(TOKEN_INVALID);
    const twin = (await tx.list('device')).find((other) => other.keyThumbprint === certificate.keyThumbprint);
    if (twin !== undefined) return err(keyInUse(twin));
    await tx.deletePrivate(TOKEN_ROW, tokenId);
    const { device, workload: claimed } = newHost({ deviceId, now, request, token, certificate });
    const { graph } = context;
    const known = { ...claimed, addresses: [] };
    const workload = { ...claimed, addresses: grantedAddresses(claimed.addresses, { workload: known, graph, now }) };
    await tx.put('device', device);
    await tx.put('workload', workload);
    await keepIdentity(tx, deviceId, certificate);
    const shared = otherClaimants(await tx.list('workload'), claimed);
    await context.journal.append(
      deviceEvent(context.clock, {
        activity: 'enroll',
        message: `enrolled ${device.name} with a token of ${token.by}${claim(shared)}`,
        ...(shared.length === 0 ? {} : { severity: 'medium' }),
        by: token.by,
        entity: { uid: deviceId, name: device.name, type: 'device' },
        address: canonicalPeer(peer.address),
        detail: {
          workload: workload.id,
          labels: workload.labels,
          addresses: workload.addresses,
          shared,
          certificate: certificate.thumbprint,
          ...(token.ownerId === undefined ? {} : { ownerId: token.ownerId }),
        },
      }),
    );
    return ok(identityOf(context, deviceId, certificate));
  });
}

function newHost(o: {
  readonly deviceId: string;
  readonly now: number;
  readonly request: EnrolRequest;
  readonly token: TokenRow;
  readonly certificate: DeviceCertificate;
}): { device: Device; workload: Workload } {
  const { deviceId, now, request, token, certificate } = o;
  const name = token.name ?? hostName(request.hostname);
  return {
    device: {
      id: deviceId,
      name,
      form: 'agent',
      ...(token.ownerId === undefined ? {} : { ownerId: token.ownerId }),
      managed: true,
      status: 'active',
      certificateThumbprint: certificate.thumbprint,
      keyThumbprint: certificate.keyThumbprint,
      enrolledAt: now,
    },
    workload: {
      id: newId('wl', now),
      name,
      labels: token.labels,
      addresses: hostAddresses(request.addresses),
      source: 'agent',
      deviceId,
    },
  };
}

/** Certifies the same key again. From then on the certificate before is good for nothing but renewing. */
export async function renew(
  context: DevicesContext,
  device: Device,
  request: RenewRequest,
): Promise<Result<IssuedIdentity, Problem>> {
  const issued = await context.authority.issueDevice({ deviceId: device.id, csr: request.csr });
  if (!issued.ok) return issued;
  const certificate = issued.value;
  const outcome = await context.store.transact<Result<IssuedIdentity, Problem>>(`agent:${device.id}`, async (tx) => {
    const now = await tx.get('device', device.id);
    if (now?.status !== 'active') return err(revokedProblem(device));
    if (now.keyThumbprint !== certificate.keyThumbprint) return err(keyChanged(now));
    await tx.put('device', { ...now, certificateThumbprint: certificate.thumbprint });
    await keepIdentity(tx, now.id, certificate);
    await context.journal.append(
      deviceEvent(context.clock, {
        activity: 'update',
        message: `renewed the certificate of ${now.name}`,
        by: `agent:${now.id}`,
        entity: { uid: now.id, name: now.name, type: 'device' },
        detail: { certificate: certificate.thumbprint, notAfter: certificate.notAfter },
      }),
    );
    return ok(identityOf(context, now.id, certificate));
  });
  if (outcome.ok) context.memories.renewed(device.id, certificate);
  return outcome;
}

/** Revokes a device. Its workload goes with it, unless it is quarantined: that order stays until somebody lifts it. */
export async function revoke(
  context: DevicesContext,
  { deviceId, by, reason }: { readonly deviceId: string; readonly by: Actor; readonly reason: string },
): Promise<Result<void, Problem>> {
  const found = await context.store.transact(by, async (tx) => {
    const device = await tx.get('device', deviceId);
    if (device?.status !== 'active') return { device, isNew: false };
    await tx.put('device', { ...device, status: 'revoked' });
    await dropIdentity(tx, deviceId);
    for (const workload of await tx.list('workload')) {
      if (workload.deviceId === deviceId && workload.quarantine === undefined) await tx.delete('workload', workload.id);
    }
    return { device, isNew: true };
  });
  const { device, isNew } = found;
  if (device === undefined) {
    const hint = 'list them with `cordon devices`';
    return err({ code: 'device-unknown', message: `there is no device \`${deviceId}\``, hint });
  }
  // After the commit: a journal that is full must not keep a stolen device alive.
  if (isNew) {
    await context.journal.append(
      deviceEvent(context.clock, {
        activity: 'unenroll',
        message: `revoked ${device.name}: ${reason}`,
        by,
        entity: { uid: deviceId, name: device.name, type: 'device' },
        severity: 'low',
        detail: { reason },
      }),
    );
  }
  return ok(undefined);
}

/** Removes tokens nobody can use any more, and workloads of revoked devices whose quarantine was lifted. */
export async function sweepEnrolment(context: DevicesContext): Promise<void> {
  const { store, graph, clock } = context;
  const tokens = await store.read(async (tx) => await tx.listPrivate<TokenRow>(TOKEN_ROW));
  const expired = tokens.filter(({ body }) => body.expiresAt <= clock.now());
  const orphans = [...graph.all('workload')].filter(({ deviceId, source, quarantine }) => {
    if (source !== 'agent' || deviceId === undefined || quarantine !== undefined) return false;
    return graph.get('device', deviceId)?.status !== 'active';
  });
  if (expired.length + orphans.length === 0) return;
  await store.transact('system', async (tx) => {
    for (const { id } of expired) await tx.deletePrivate(TOKEN_ROW, id);
    for (const { id } of orphans) {
      if ((await tx.get('workload', id))?.quarantine === undefined) await tx.delete('workload', id);
    }
  });
}

/** The refusal of a device that may do nothing any more. */
export function revokedProblem(device: Pick<Device, 'name'>): Problem {
  return {
    code: 'device-revoked',
    message: `the device \`${device.name}\` was revoked`,
    hint: 'ask an administrator; to use the host again, enrol it anew',
  };
}

async function livingToken(
  { clock }: DevicesContext,
  tx: Pick<StoreTransaction, 'getPrivate'>,
  id: string,
): Promise<TokenRow | undefined> {
  const token = await tx.getPrivate<TokenRow>(TOKEN_ROW, id);
  return token !== undefined && token.expiresAt > clock.now() ? token : undefined;
}

async function ownerProblem(
  tx: Pick<StoreTransaction, 'get'>,
  ownerId: string | undefined,
): Promise<Problem | undefined> {
  if (ownerId === undefined) return undefined;
  const owner = await tx.get('user', ownerId);
  const hint = 'list the accounts with `cordon users`';
  if (owner === undefined) return { code: 'user-unknown', message: `there is no account \`${ownerId}\``, hint };
  if (owner.status !== 'disabled') return undefined;
  return { code: 'user-disabled', message: `the account \`${owner.email}\` is disabled`, hint: 'enable it first' };
}

function keyInUse(twin: Device): Problem {
  return {
    code: 'csr-invalid',
    message: `the key of the certificate request belongs to the device \`${twin.id}\` already`,
    hint: 'enrol with a new key: remove the state directory of the agent, then enrol again',
  };
}

function keyChanged({ name }: Device): Problem {
  return {
    code: 'device-key-changed',
    message: `the certificate request is for another key than the one \`${name}\` was enrolled with`,
    hint: 'enrol the host again; a key is never exchanged',
  };
}

function identityOf({ authority }: DevicesContext, deviceId: string, issued: DeviceCertificate): IssuedIdentity {
  const { certificate, notBefore, notAfter } = issued;
  return { deviceId, certificate, ca: authority.certificate, notBefore, notAfter };
}

/** What a host calls itself, as one harmless word: it is shown in terminals and pages. */
function hostName(text: string): string {
  const word = text.replace(/[^\w.-]+/g, '-').replace(/^[.-]+/, '');
  return word === '' ? 'host' : word;
}

function canonicalPeer(address: string): string {
  const parsed = parseAddress(address, { mapped: 'unmap' });
  return parsed.ok ? formatAddress(parsed.value) : address;
}
