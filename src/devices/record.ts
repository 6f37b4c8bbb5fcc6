import type { Clock, Json } from '#base';
import { type Actor, buildEvent, type Device, type OcsfEvent, type Posture, type Workload } from '#model';
import type { ProgramStatus } from '#wire';

/** What is to be said about an enrolment token, a device or its certificate. */
export interface DeviceRecord {
  readonly activity: 'create' | 'update' | 'enroll' | 'unenroll';
  readonly message: string;
  readonly by: Actor;
  readonly entity: { readonly uid: string; readonly name: string; readonly type: string };
  /** Absent for a success. */
  readonly refusedFor?: string;
  readonly severity?: 'low' | 'medium' | 'high';
  readonly address?: string;
  readonly detail?: { readonly [key: string]: Json };
}

/** Builds an Entity Management event (OCSF 3004). It never holds a token or a key. */
export function deviceEvent(clock: Clock, record: DeviceRecord): OcsfEvent {
  const { refusedFor, address } = record;
  return buildEvent({
    class: 'entityManagement',
    activity: record.activity,
    time: clock.now(),
    message: record.message,
    severity: record.severity ?? 'informational',
    status: refusedFor === undefined ? 'success' : 'failure',
    ...(refusedFor === undefined ? {} : { statusCode: refusedFor }),
    attributes: {
      actor: { user: { uid: record.by } },
      entity: record.entity,
      ...(address === undefined ? {} : { src_endpoint: { ip: address } }),
    },
    cordon: { actor: record.by, ...record.detail },
  });
}

/** Builds the event of a host that is at other addresses now (OCSF 3004). */
export function addressEvent(
  clock: Clock,
  o: {
    readonly device: Device;
    readonly workload: Workload;
    readonly addresses: readonly string[];
    /** Ids of other workloads that have one of them. */
    readonly shared: readonly string[];
  },
): OcsfEvent {
  const { device, workload, addresses, shared } = o;
  return deviceEvent(clock, {
    activity: 'update',
    message: `${workload.name} is at ${addresses.join(', ') || 'no address'} now${claim(shared)}`,
    by: `agent:${device.id}`,
    entity: { uid: workload.id, name: workload.name, type: 'workload' },
    ...(shared.length === 0 ? {} : { severity: 'medium' }),
    detail: { device: device.id, before: workload.addresses, after: addresses, shared },
  });
}

/** What to add about addresses that others have. */
export function claim(shared: readonly string[]): string {
  return shared.length === 0 ? '' : ` (an address of ${shared.slice(0, 5).join(', ')} too)`;
}

// OCSF 1.8 security_level_id
const SECURITY_LEVEL = { unknown: 0, healthy: 1, unhealthy: 2 } as const;
const POSTURE_SEVERITY = { unknown: 'low', healthy: 'informational', unhealthy: 'medium' } as const;

/** Builds the event of a changed verdict or outcome (OCSF 5019). */
export function postureEvent(clock: Clock, device: Device, posture: Posture): OcsfEvent {
  const { verdict, results } = posture;
  const open = results.filter(({ outcome }) => outcome === 'fail' || outcome === 'unknown');
  const why = open.length === 0 ? '' : `: ${open.map(({ check, outcome }) => `${check} ${outcome}`).join(', ')}`;
  return buildEvent({
    class: 'deviceConfigStateChange',
    activity: 'log',
    time: clock.now(),
    message: `${device.name} is ${verdict}${why}`,
    severity: POSTURE_SEVERITY[verdict],
    status: 'success',
    attributes: {
      device: ocsfDevice(device),
      security_level_id: SECURITY_LEVEL[verdict],
      ...(device.posture === undefined ? {} : { prev_security_level_id: SECURITY_LEVEL[device.posture.verdict] }),
    },
    cordon: {
      verdict,
      collectedAt: posture.collectedAt,
      results: results.map(({ check, outcome, detail }) => ({ check, outcome, detail })),
    },
  });
}

/** Builds the event of a report that was refused (OCSF 5019). */
export function refusedReportEvent(
  clock: Clock,
  device: Device,
  problem: { readonly code: string; readonly message: string },
): OcsfEvent {
  return buildEvent({
    class: 'deviceConfigStateChange',
    activity: 'log',
    time: clock.now(),
    message: `refused a report of ${device.name}: ${problem.message}`,
    severity: 'medium',
    status: 'failure',
    statusCode: problem.code,
    attributes: { device: ocsfDevice(device) },
  });
}

/** Builds the event of a firewall program that a host has applied, or could not (OCSF 5019). */
export function programEvent(
  clock: Clock,
  { device, workload }: { readonly device: Device; readonly workload: Workload | undefined },
  status: ProgramStatus,
): OcsfEvent {
  const { applied = '', attempted = '', error = '' } = status;
  const message = status.ok
    ? `${device.name} applied firewall program ${short(applied)}`
    : `${device.name} could not apply firewall program ${short(attempted)}: ${error}`;
  return buildEvent({
    class: 'deviceConfigStateChange',
    activity: 'log',
    time: clock.now(),
    message,
    severity: status.ok ? 'informational' : 'medium',
    status: status.ok ? 'success' : 'failure',
    attributes: { device: ocsfDevice(device) },
    cordon: {
      ...(workload === undefined ? {} : { workload: workload.id }),
      program: { applied, attempted, ok: status.ok, error, checks: status.checks.map((check) => ({ ...check })) },
    },
  });
}

function ocsfDevice({ id, name }: Device): Json {
  return { uid: id, name, type_id: 0 };
}

function short(version: string): string {
  return version === '' ? 'none' : version.slice(0, 12);
}
