/**
 * A gateway on loopback with everything real but the pace of the clock: trust graph, policies, HTTP servers. The journal is a list,
 * so that tests can read it and make it fail.
 */
import assert from 'node:assert/strict';
import { createServer, type Server, type ServerOptions } from 'node:http';
import { afterEach } from 'node:test';
import { type Clock, hashToken, type ManualClock, manualClock, newToken } from '#base';
import {
  createAssertionSigner,
  createGateway,
  type Gateway,
  type GatewayOptions,
  hear,
  SERVER_OPTIONS,
} from '#gateway';
import {
  type App,
  type Device,
  type EntityKind,
  type EntityOf,
  type OcsfEvent,
  type Session,
  TrustGraph,
  type User,
} from '#model';
import { type ActivePolicies, loadPolicies } from '#policy';
import { type Arrival, listen, portOf, type UpstreamOptions, upstreamServer } from './upstream.ts';
import { type Answer, ask, type Asking, type Client, openWebSocket, raw, type Shaking } from './wire.ts';

/** When the clock of a world begins to stand still. */
const START = Date.UTC(2026, 10, 24, 12);

/** Lets engineering open every app; nobody else anything. */
const ENGINEERING = `@id("engineering")
permit (principal in Group::"engineering", action == Action::"access", resource);
`;

/** Ada, of engineering, whom the policies let in. */
export const ADA: User = {
  id: 'usr_ada',
  email: 'ada@example.org',
  name: 'Ada',
  groups: ['engineering'],
  status: 'active',
  createdAt: START,
};

/** Bob, of sales, whom they do not. */
export const BOB: User = { ...ADA, id: 'usr_bob', email: 'bob@example.org', name: 'Bob', groups: ['sales'] };

/** Ada's laptop: managed, healthy, just checked. */
export const LAPTOP: Device & { readonly posture: NonNullable<Device['posture']> } = {
  id: 'dev_ada',
  name: 'Laptop of Ada',
  form: 'agent',
  ownerId: ADA.id,
  status: 'active',
  managed: true,
  enrolledAt: START,
  posture: {
    collectedAt: START,
    verdict: 'healthy',
    results: [{ check: 'firewall', title: 'Firewall', outcome: 'pass', detail: 'on' }],
  },
};

/** A world of tests. */
export interface World {
  readonly graph: TrustGraph;
  readonly gateway: Gateway;
  readonly clock: ManualClock;
  readonly events: OcsfEvent[];
  readonly errors: unknown[];
  /** What reached the app. */
  readonly arrivals: Arrival[];
  readonly port: number;
  /** Set to false to make the journal fail. */
  isWritable: boolean;
  /** Age of the replica, milliseconds. */
  replicaAgeMs: number;
  /** In force now. */
  policies: ActivePolicies | undefined;
  put<K extends EntityKind>(kind: K, body: EntityOf[K]): void;
  patch<K extends EntityKind>(kind: K, id: string, change: Partial<EntityOf[K]>): void;
  remove(kind: EntityKind, id: string): void;
  /** Puts policies in force, as the server does. */
  activate(text: string): void;
  /** Makes a session of the person, and its cookie on the host. */
  signIn(input?: { user?: string; host?: string; session?: Partial<Session> }): string;
  ask(asking?: Asking): Promise<Answer>;
  raw(text: string | Buffer): Promise<string>;
  webSocket(shaking?: Shaking): Promise<Client>;
  close(): Promise<void>;
}

/** What to make different. */
export interface WorldOptions extends UpstreamOptions {
  readonly policies?: string;
  /** More apps, or others in place of `app_wiki`; what is not said is the wiki's. */
  readonly apps?: readonly Partial<App>[];
  /** A clock that runs; absent, time stands still. */
  readonly clock?: Clock;
  readonly options?: Partial<GatewayOptions>;
  /** Other options of the listener. */
  readonly server?: Partial<ServerOptions>;
}

const open = new Set<World>();
afterEach(async () => {
  for (const one of open) {
    open.delete(one);
    await one.close();
    assert.deepEqual(one.errors, [], 'something failed that no test expects');
  }
});

/** Makes a world that ends with the test; an unexpected failure in it fails the test. */
export async function world(options?: WorldOptions): Promise<World> {
  const made = await makeWorld(options);
  open.add(made);
  return made;
}

/** Makes the world: Ada and Bob, the wiki and the verify app. Whoever calls this ends it; `world` does so by itself. */
export async function makeWorld(options: WorldOptions = {}): Promise<World> {
  const arrivals: Arrival[] = [];
  const upstream = await listen(upstreamServer(options, arrivals));
  const standing = manualClock(START);
  const clock = options.clock ?? standing;
  const graph = new TrustGraph();
  const state: State = { events: [], errors: [], isWritable: true, replicaAgeMs: 0, policies: undefined, version: 0 };
  const gateway = createGateway({ ...gatewayOptions(graph, clock, state), ...options.options });
  const server = await listen(serverOf(gateway, options.server));
  const port = portOf(server);
  const change = changesOf(graph, clock);
  const world: World = Object.assign(state, {
    graph,
    gateway,
    clock: standing,
    arrivals,
    port,
    put: <K extends EntityKind>(kind: K, body: EntityOf[K]) => change(kind, body.id, body),
    patch: <K extends EntityKind>(kind: K, id: string, changes: Partial<EntityOf[K]>) =>
      change(kind, id, { ...graph.get(kind, id), ...changes }),
    remove: (kind: EntityKind, id: string) => change(kind, id, undefined),
    activate: (text: string) => {
      const version = ++state.version;
      state.policies = policiesOf(text, version);
      const bundleId = `policy-${version}`;
      change('policyActivation', 'active', { id: 'active', bundleId, version, by: 'test', at: clock.now() });
    },
    signIn: (input?: Parameters<World['signIn']>[0]) => signIn(change, clock.now(), input),
    ask: async (asking?: Asking) => await ask(port, asking),
    raw: async (text: string | Buffer) => await raw(port, text),
    webSocket: async (shaking?: Shaking) => await openWebSocket(port, shaking),
    close: async () => {
      await gateway.close();
      for (const one of [server, upstream]) {
        one.closeAllConnections();
        one.close();
      }
    },
  });
  populate(world, options, portOf(upstream));
  world.activate(options.policies ?? ENGINEERING);
  return world;
}

interface State {
  readonly events: OcsfEvent[];
  readonly errors: unknown[];
  isWritable: boolean;
  replicaAgeMs: number;
  policies: ActivePolicies | undefined;
  version: number;
}

function gatewayOptions(graph: TrustGraph, clock: Clock, state: State): GatewayOptions {
  return {
    graph,
    clock,
    policies: () => state.policies,
    journal: {
      append: async (event: OcsfEvent): Promise<void> => {
        await Promise.resolve();
        if (!state.isWritable) throw new Error('the disk is full');
        state.events.push(event);
      },
      get writable(): boolean {
        return state.isWritable;
      },
    },
    assertion: createAssertionSigner({ clock }),
    handoff: { redeem: () => Promise.reject(new Error('nobody signs in here')) },
    identityOrigin: 'http://id.localhost:8080',
    deviceOf: () => undefined,
    staleness: () => state.replicaAgeMs,
    onError: (error) => state.errors.push(error),
  };
}

function serverOf(gateway: Gateway, options: Partial<ServerOptions> = {}): Server {
  const server = createServer({ ...SERVER_OPTIONS, ...options });
  hear(server, { request: gateway.handle, upgrade: gateway.upgrade });
  return server;
}

type Change = (kind: EntityKind, id: string, body: object | undefined) => void;

function changesOf(graph: TrustGraph, clock: Clock): Change {
  graph.load({ seq: 0, entities: [] });
  return (kind, id, body) => {
    const op = body === undefined ? 'delete' : 'put';
    graph.apply({
      change: { seq: graph.seq + 1, time: clock.now(), kind, id, op, actor: 'test' },
      // The caller's types joined kind and body.
      ...(body === undefined ? {} : { entity: { kind, id, body } as never }),
    });
  };
}

const loadedBefore = new Map<string, ActivePolicies>();

function policiesOf(text: string, version: number): ActivePolicies {
  const key = `${version} ${text}`;
  const known = loadedBefore.get(key);
  if (known !== undefined) return known;
  const loaded = loadPolicies({ texts: { 'access.cedar': text }, version });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error, undefined, 1));
  loadedBefore.set(key, loaded.value);
  return loaded.value;
}

function signIn(change: Change, now: number, input: Parameters<World['signIn']>[0] = {}): string {
  const { user: userId = ADA.id, host = 'wiki.localhost', session = {} } = input;
  const token = newToken();
  const id = `ses_${hashToken(token).slice(0, 16)}`;
  const made: Session = {
    id,
    userId,
    tokenHash: hashToken(newToken()),
    acr: 'urn:cordon:aal3',
    amr: ['hwk', 'user', 'mfa'],
    authenticatedAt: now,
    createdAt: now,
    expiresAt: now + 12 * 3_600_000,
    ...(userId === ADA.id ? { deviceId: LAPTOP.id } : {}),
    address: '127.0.0.1',
    userAgent: 'test',
    ...session,
  };
  change('session', made.id, made);
  const appSession = `app_${hashToken(token).slice(0, 16)}`;
  change('appSession', appSession, {
    id: appSession,
    tokenHash: hashToken(token),
    sessionId: made.id,
    host,
    createdAt: now,
  });
  return `__Host-cordon_app=${token}`;
}

function populate(world: World, { apps = [], clock }: WorldOptions, upstreamPort: number): void {
  for (const group of ['engineering', 'sales']) world.put('group', { id: group, name: group, parents: [] });
  world.put('user', ADA);
  world.put('user', BOB);
  const collectedAt = (clock ?? world.clock).now();
  world.put('device', { ...LAPTOP, posture: { ...LAPTOP.posture, collectedAt } });
  const common = { tier: 3, device: 'any', allowedOrigins: [] } as const;
  const wiki: App = {
    ...common,
    id: 'app_wiki',
    name: 'Wiki',
    host: 'wiki.localhost',
    upstream: `http://127.0.0.1:${upstreamPort}`,
  };
  world.put('app', wiki);
  world.put('app', { ...common, id: 'app_verify', name: 'Verify', host: 'verify.localhost', builtin: 'verify' });
  for (const app of apps) world.put('app', { ...wiki, ...app });
}
