import assert from 'node:assert/strict';
import { hashToken, type Json, type ManualClock, manualClock, type Problem, type Result } from '#base';
import { type Authority, createAuthority, createDevices, type Devices } from '#devices';
import { type Device, type OcsfEvent, TrustGraph, type Workload } from '#model';
import { openStore, type Store } from '#store';
import {
  type DeniedFlow,
  type EnrolRequest,
  type Facts,
  type HostProgram,
  type IssuedIdentity,
  parseEnrolmentToken,
  POSTURE_TYPE,
  type ProgramStatus,
  type Report,
  WIRE_VERSION,
} from '#wire';
import { csrOf, type HostKey, jwsOf, newHostKey } from './host-key.ts';

/** Facts of a host that passes every check. */
export const HEALTHY: Facts = {
  hostname: 'web-1',
  os: { value: { id: 'debian', idLike: [], versionId: '13', prettyName: 'Debian GNU/Linux 13', kernel: '6.12.0' } },
  virtualization: { value: { kind: 'none', product: '' } },
  securityUpdates: { value: { manager: 'apt', pending: 0, packages: [], indexAgeSeconds: 60, rebootRequired: false } },
  mounts: { value: [{ mountpoint: '/', device: 'dm-0', encrypted: true }] },
  inputChains: { value: [{ family: 'inet', table: 'cordon', chain: 'input', policy: 'drop', terminalDrop: false }] },
  sshServer: {
    value: { installed: true, permitRootLogin: 'no', passwordAuthentication: 'no', keyboardInteractive: 'no' },
  },
  timeSync: { value: { synchronized: true, source: 'chrony' } },
};

/** The same with root signing in by password. */
export const UNHEALTHY: Facts = {
  ...HEALTHY,
  sshServer: {
    value: { installed: true, permitRootLogin: 'yes', passwordAuthentication: 'no', keyboardInteractive: 'no' },
  },
};

/** An enrolled host. */
export interface Host {
  readonly key: HostKey;
  readonly identity: IssuedIdentity;
}

/** What a report says besides the ordinary. */
export interface ReportOptions {
  readonly facts?: Facts;
  readonly addresses?: readonly string[];
  readonly deniedFlows?: readonly DeniedFlow[];
  readonly program?: ProgramStatus;
  readonly sequence?: number;
  readonly collectedAt?: number;
  /** Replaces claims, to lie. */
  readonly claims?: Readonly<Record<string, Json>>;
  readonly header?: Json;
  readonly signer?: HostKey;
}

/** Devices on a store in memory, with the graph fed as in production. */
export interface DevicesBench {
  readonly devices: Devices;
  readonly authority: Authority;
  readonly store: Store;
  readonly graph: TrustGraph;
  readonly clock: ManualClock;
  readonly events: OcsfEvent[];
  /** Programs by workload, as segmentation would give them. */
  readonly programs: Map<string, HostProgram>;
  /** Makes the journal refuse (true) or work. */
  breakJournal(broken: boolean): void;
  /** Another devices area over the same store, as after a restart. */
  restart(): Devices;
  /** The secret of a new token. */
  token(o?: {
    readonly name?: string;
    readonly ownerId?: string;
    readonly labels?: Record<string, string>;
  }): Promise<string>;
  enrol(o?: { readonly token?: string; readonly key?: HostKey; readonly addresses?: readonly string[] }): Promise<Host>;
  deviceOf(host: Host): Device;
  workloadOf(host: Host): Workload;
  /** A signed report; its sequence grows by itself. */
  report(host: Host, o?: ReportOptions): Report;
  /** Events with this class, oldest first. */
  told(classUid: number): OcsfEvent[];
}

/** Opens a bench. The clock starts now, because TLS looks at the clock of the machine. */
export async function openDevicesBench(): Promise<DevicesBench> {
  const clock = manualClock(Math.floor(Date.now() / 1000) * 1000);
  const store = await openStore({ path: ':memory:', clock });
  const graph = new TrustGraph();
  graph.load(await store.snapshot());
  store.onChanges((changes) => {
    for (const change of changes) graph.apply(change);
  });
  const events: OcsfEvent[] = [];
  let isBroken = false;
  const journal = {
    append: async (event: OcsfEvent): Promise<void> => {
      await Promise.resolve();
      if (isBroken) throw new Error('journal-unwritable');
      events.push(event);
    },
  };
  const authority = await createAuthority({ store, clock });
  const programs = new Map<string, HostProgram>();
  const programFor = (id: string): HostProgram | undefined => programs.get(id);
  const make = (): Devices =>
    createDevices({ store, graph, journal, clock, authority, serverName: 'agent.localhost', programFor });
  const devices = make();
  let sequence = 0;
  const token: DevicesBench['token'] = async (o = {}) => {
    const issued = must(await devices.issueToken({ labels: { role: 'web' }, by: 'user:ada', ...o }));
    return must(parseEnrolmentToken(issued.token)).secret;
  };
  return {
    devices,
    authority,
    store,
    graph,
    clock,
    events,
    programs,
    breakJournal: (broken) => {
      isBroken = broken;
    },
    restart: make,
    token,
    enrol: async (o = {}) => {
      const key = o.key ?? (await newHostKey());
      const request = await enrolRequest(o.token ?? (await token()), key, o.addresses);
      return { key, identity: must(await devices.enrol(request, { address: '192.0.2.1' })) };
    },
    deviceOf: ({ identity }) => present(graph.get('device', identity.deviceId)),
    workloadOf: ({ identity }) =>
      present([...graph.all('workload')].find(({ deviceId }) => deviceId === identity.deviceId)),
    report: (host, o = {}) => signedReport(host, { sequence: (sequence += 1), now: clock.now(), ...o }),
    told: (classUid) => events.filter((event) => event.class_uid === classUid),
  };
}

/** An enrolment request as the agent makes it. */
export async function enrolRequest(
  token: string,
  key: HostKey,
  addresses: readonly string[] = ['10.0.0.1'],
): Promise<EnrolRequest> {
  return { wire: WIRE_VERSION, token, csr: await csrOf(key), hostname: 'web-1', facts: HEALTHY, addresses };
}

function signedReport(host: Host, o: ReportOptions & { readonly sequence: number; readonly now: number }): Report {
  const { sequence, now, facts = HEALTHY, collectedAt = now } = o;
  const claims = {
    sub: host.identity.deviceId,
    iat: Math.floor(now / 1000),
    jti: hashToken(`${host.identity.deviceId} ${sequence}`),
    sequence,
    collectedAt,
    facts: facts as unknown as Json,
    ...o.claims,
  };
  const header = o.header ?? { alg: 'ES256', typ: POSTURE_TYPE };
  return {
    wire: WIRE_VERSION,
    sequence,
    collectedAt,
    posture: jwsOf((o.signer ?? host.key).key, claims, header),
    addresses: o.addresses ?? ['10.0.0.1'],
    deniedFlows: o.deniedFlows ?? [],
    ...(o.program === undefined ? {} : { program: o.program }),
  };
}

/** The value of a result that must be ok. */
export function must<T>(result: Result<T, Problem>): T {
  assert.ok(result.ok, result.ok ? '' : `${result.error.code}: ${result.error.message}`);
  return result.value;
}

/** The error code of a result, or `ok`. */
export function codeOf(result: Result<unknown, Problem>): string {
  return result.ok ? 'ok' : result.error.code;
}

function present<T>(value: T | undefined): T {
  assert.ok(value !== undefined, 'it is not there');
  return value;
}
