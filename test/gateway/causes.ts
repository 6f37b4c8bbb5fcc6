/**
 * Everything that ends what is open, and the proof that it does for one kind of exchange after the other.
 */
import assert from 'node:assert/strict';
import type { Asset, Risk, Tier } from '#model';
import { accept } from './upstream.ts';
import { until } from './wire.ts';
import { ADA, LAPTOP, type World, world, type WorldOptions } from './world.ts';

const HOUR = 3_600_000;
/** The asset behind the app. */
export function asset(tier: Tier, more: Partial<Asset> = {}): Asset {
  return {
    id: 'asset_1',
    kind: 'database',
    name: 'Customers',
    provider: 'cordon',
    account: 'a',
    region: 'r',
    labels: {},
    attributes: {},
    relations: [],
    source: 'test',
    observedAt: 0,
    computedTier: tier,
    impact: 0,
    confidence: 1,
    ledger: [],
    ...more,
  };
}

function riskOf(subjectKind: 'user' | 'device', subjectId: string, at: number): Risk {
  const contribution = { ruleId: 'r', score: 90, at, halfLifeMs: HOUR, reason: 'test', eventId: 'e' };
  return { id: `${subjectKind}:${subjectId}`, subjectKind, subjectId, contributions: [contribution] };
}

/** What ends something, and the reason that is told. */
export interface Cause {
  readonly code: string;
  readonly happen: (made: World) => void;
  /** What has to be so before, for the cause to matter. */
  readonly options?: WorldOptions;
  readonly before?: (made: World) => void;
  readonly session?: NonNullable<Parameters<World['signIn']>[0]>['session'];
}

/** Id of the first session. */
export const sessionOf = ({ graph }: World): string => [...graph.all('session')][0]?.id ?? '';
/** The app with its asset. */
export const onAsset: WorldOptions = { apps: [{ assetId: 'asset_1' }] };
const ordinary = (made: World): void => made.put('asset', asset(3));
const pass = (milliseconds: number) => (made: World) => {
  made.clock.advance(milliseconds);
  made.gateway.sweep();
};

/** Everything that ends what is open, with the reason that is told. */
export const CAUSES: Readonly<Record<string, Cause>> = {
  'the session is revoked': {
    code: 'session-revoked',
    happen: (made) => made.remove('session', sessionOf(made)),
  },
  'the cookie of the host is taken back': {
    code: 'session-revoked',
    happen: (made) => made.remove('appSession', [...made.graph.all('appSession')][0]?.id ?? ''),
  },
  'the session expires': { code: 'session-expired', happen: pass(12 * HOUR) },
  'the sign-in is too old': {
    code: 'sign-in-too-old',
    happen: pass(12 * HOUR + 1),
    session: { expiresAt: Number.MAX_SAFE_INTEGER },
  },
  'the person is disabled': {
    code: 'user-disabled',
    happen: (made) => made.patch('user', ADA.id, { status: 'disabled' }),
  },
  'the person is deleted': { code: 'user-disabled', happen: (made) => made.remove('user', ADA.id) },
  'the person leaves the group': { code: 'no-permit', happen: (made) => made.patch('user', ADA.id, { groups: [] }) },
  'the group leaves the group that may': {
    code: 'no-permit',
    before: (made) => {
      made.put('group', { id: 'platform', name: 'platform', parents: ['engineering'] });
      made.patch('user', ADA.id, { groups: ['platform'] });
    },
    happen: (made) => made.patch('group', 'platform', { parents: [] }),
  },
  'the device becomes unhealthy': {
    code: 'device-unhealthy',
    options: { apps: [{ device: 'healthy' }] },
    happen: (made) =>
      made.patch('device', LAPTOP.id, {
        posture: {
          ...LAPTOP.posture,
          verdict: 'unhealthy',
          results: [{ check: 'firewall', title: 'Firewall', outcome: 'fail', detail: 'off' }],
        },
      }),
  },
  'the device was not heard of for too long': {
    code: 'device-stale',
    options: { apps: [{ tier: 1 }] },
    happen: pass(HOUR),
  },
  'the device is revoked': {
    code: 'device-revoked',
    happen: (made) => made.patch('device', LAPTOP.id, { status: 'revoked' }),
  },
  'the device changes hands': {
    code: 'device-unknown',
    happen: (made) => made.patch('device', LAPTOP.id, { ownerId: 'usr_bob' }),
  },
  'the risk of the person rises': {
    code: 'risk-too-high',
    options: { apps: [{ tier: 2 }] },
    happen: (made) => made.put('risk', riskOf('user', ADA.id, made.clock.now())),
  },
  'the risk of the device rises': {
    code: 'risk-too-high',
    options: { apps: [{ tier: 2 }] },
    happen: (made) => made.put('risk', riskOf('device', LAPTOP.id, made.clock.now())),
  },
  'other policies are activated': {
    code: 'no-permit',
    happen: (made) => made.activate('permit (principal in Group::"sales", action == Action::"access", resource);'),
  },
  'the tier of the asset is raised': {
    code: 'mfa-too-weak',
    options: onAsset,
    before: ordinary,
    session: { acr: 'urn:cordon:aal2', amr: ['pwd', 'otp', 'mfa'] },
    happen: (made) => made.put('asset', asset(0)),
  },
  'the override that lowered the tier expires': {
    code: 'mfa-too-weak',
    options: onAsset,
    before: (made) => {
      const override = { tier: 3 as const, reason: 'test', by: 'test', at: 0, expiresAt: made.clock.now() + 1000 };
      made.put('asset', asset(0, { override }));
    },
    session: { acr: 'urn:cordon:aal2', amr: ['pwd', 'otp', 'mfa'] },
    happen: pass(1000),
  },
  'the asset disappears': {
    code: 'mfa-too-weak',
    options: onAsset,
    before: ordinary,
    session: { acr: 'urn:cordon:aal2', amr: ['pwd', 'otp', 'mfa'] },
    happen: (made) => made.remove('asset', 'asset_1'),
  },
  'the app is withdrawn': { code: 'app-changed', happen: (made) => made.remove('app', 'app_wiki') },
  'the app gets another upstream': {
    code: 'app-changed',
    happen: (made) => made.patch('app', 'app_wiki', { upstream: 'http://127.0.0.1:9' }),
  },
  'the app moves to another host': {
    code: 'app-changed',
    happen: (made) => made.patch('app', 'app_wiki', { host: 'docs.localhost' }),
  },
  'the app demands a client certificate it did not demand': {
    code: 'app-changed',
    happen: (made) => made.patch('app', 'app_wiki', { clientCertificate: 'required' }),
  },
  'the app demands a device it did not demand': {
    code: 'device-unhealthy',
    before: (made) =>
      made.patch('device', LAPTOP.id, {
        posture: {
          ...LAPTOP.posture,
          verdict: 'unhealthy',
          results: [{ check: 'firewall', title: 'Firewall', outcome: 'fail', detail: 'off' }],
        },
      }),
    happen: (made) => made.patch('app', 'app_wiki', { device: 'healthy' }),
  },
  'the replica is cut off from the store': {
    code: 'replica-stale',
    happen: (made) => {
      made.replicaAgeMs = 601_000;
      pass(1000)(made);
    },
  },
  'an administrator ends it': {
    code: 'connection-ended',
    happen: (made) => made.gateway.cut({ userId: ADA.id }, { code: 'connection-ended' }),
  },
};

/** The app: never answers `/wait`, streams `/events`, reads `/upload`; its WebSockets are silent, or speak all the time at `/ticks`. */
export const APP: WorldOptions = {
  upstream: (request, response) => {
    if (request.url === '/wait') return;
    request.resume();
    if (request.url === '/upload') return;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const timer = setInterval(() => response.write('data: tick\n\n'), 2);
    response.on('close', () => clearInterval(timer));
  },
  onUpgrade: (request, socket) => {
    accept(request, socket);
    socket.resume().on('end', () => socket.end());
    if (request.url !== '/ticks') return;
    const timer = setInterval(() => socket.write(Buffer.from([0x81, 4, 0x74, 0x69, 0x63, 0x6b])), 2);
    socket.on('close', () => clearInterval(timer));
  },
};

/** How something ended. */
export type Ended = Promise<{ readonly how: string }>;

/** What is open, and how it must end with a reason. */
export interface Kind {
  readonly open: (made: World, cookie: string) => Promise<{ ended: Ended }>;
  readonly how: (code: string) => RegExp;
}

/** Proves that the cause ends what is open as it must. */
export async function proveCut(cause: Cause, { open, how }: Kind): Promise<void> {
  const { code, happen, options, before, session } = cause;
  const made = await world({ ...APP, ...options });
  before?.(made);
  const cookie = made.signIn(session === undefined ? {} : { session });
  const { ended } = await open(made, cookie);
  assert.equal(made.gateway.connections().length, 1);
  const start = performance.now();
  happen(made);
  const end = await ended;
  const took = performance.now() - start;
  assert.match(end.how, how(code));
  assert.ok(took < 1000, `${took} ms`);
  await until(() => made.events.some(({ activity_name }) => activity_name === 'cut'), 'the event');
  const cuts = made.events.filter(({ activity_name }) => activity_name === 'cut');
  assert.deepEqual(
    cuts.map(({ status_code, metadata }) => [status_code, metadata.correlation_uid]),
    [[code, made.events[0]?.metadata.correlation_uid]],
  );
  assert.deepEqual(made.gateway.connections(), []);
  assert.equal(made.gateway.counters.cut, 1);
  // Nobody gets in again by trying again, unless the cause was one moment's.
  if (code === 'connection-ended') return;
  assert.notEqual((await made.ask({ cookie })).status, 200);
}
