import { type Json, newId } from '#base';
import {
  buildEvent,
  type Decision,
  type Device,
  type OcsfEvent,
  type Posture,
  type ReasonCode,
  type Session,
  type User,
  type Workload,
} from '#model';
import type { AccessRequest } from '#policy';

// OCSF 1.8 auth_factor.factor_type_id
const FACTOR_IDS = { password: [11, 'Password'], totp: [7, 'OTP'], passkey: [10, 'WebAuthn'] } as const;

/** How a guessing script introduces itself. */
const UNKNOWN_AGENT = 'python-requests/2.32';

function who({ id, email, name }: User): { readonly [attribute: string]: Json } {
  return { uid: id, email_addr: email, name };
}

/** A decided request, in the form in which the gateway records one. `record` is what `decisionRecord` returned. */
export function accessEvent(
  time: number,
  user: User,
  input: {
    readonly request: AccessRequest;
    readonly decision: Decision;
    readonly record: { readonly [key: string]: Json };
  },
): OcsfEvent {
  const { request, decision, record } = input;
  const { app, session, device, method, path, host } = request;
  const isPermit = decision.effect === 'permit';
  const code = isPermit ? undefined : decision.reasons[0]?.code;
  const outcome = isPermit ? 'permitted' : `denied (${code ?? 'no reason'})`;
  const activity = ({ GET: 'get', HEAD: 'head', POST: 'post' } as const)[method] ?? 'other';
  return buildEvent({
    class: 'httpActivity',
    activity,
    time,
    message: `${user.email} ${outcome} ${method} ${host}${path}`,
    severity: isPermit ? 'informational' : 'low',
    status: isPermit ? 'success' : 'failure',
    ...(code === undefined ? {} : { statusCode: code }),
    action: isPermit ? 'allowed' : 'denied',
    correlationId: newId('cor', time),
    attributes: {
      user: who(user),
      actor: { user: who(user), ...(session === undefined ? {} : { session: { uid: session.id } }) },
      src_endpoint: { ip: request.address },
      dst_endpoint: { hostname: host, svc_name: app.id },
      http_request: {
        http_method: method,
        url: { scheme: 'https', hostname: host, path },
        user_agent: session?.userAgent ?? '',
      },
      ...(device === undefined ? {} : { device: { uid: device.id, name: device.name } }),
    },
    cordon: record,
  });
}

/** An attempt to sign in, in the form in which identity records one. Without `refusedFor` it went well. */
export function signInEvent(
  time: number,
  input: {
    readonly user?: User;
    /** What was typed when there is no such account. */
    readonly typedEmail?: string;
    readonly activity?: 'logon' | 'logoff' | 'other';
    readonly message: string;
    readonly address: string;
    /** What the client calls itself; without it, what a script does. */
    readonly userAgent?: string;
    readonly factors: readonly (keyof typeof FACTOR_IDS)[];
    readonly session?: Session;
    readonly refusedFor?: ReasonCode;
    readonly detail?: { readonly [key: string]: Json };
  },
): OcsfEvent {
  const { user, factors, session, refusedFor, typedEmail = '' } = input;
  const isRefused = refusedFor !== undefined;
  return buildEvent({
    class: 'authentication',
    activity: input.activity ?? 'logon',
    time,
    message: input.message,
    severity: isRefused ? 'low' : 'informational',
    status: isRefused ? 'failure' : 'success',
    ...(isRefused ? { statusCode: refusedFor } : {}),
    attributes: {
      auth_factors: factors.map((factor) => ({
        factor_type: FACTOR_IDS[factor][1],
        factor_type_id: FACTOR_IDS[factor][0],
      })),
      is_mfa: !isRefused && (factors.includes('passkey') || factors.length > 1),
      user: user === undefined ? { email_addr: typedEmail } : who(user),
      src_endpoint: { ip: input.address },
      http_request: { user_agent: input.userAgent ?? UNKNOWN_AGENT },
      ...(session === undefined ? {} : { session: { uid: session.id } }),
    },
    ...(input.detail === undefined ? {} : { cordon: input.detail }),
  });
}

// OCSF 1.8 security_level_id
const SECURITY_LEVEL = { unknown: 0, healthy: 1, unhealthy: 2 } as const;
const POSTURE_SEVERITY = { unknown: 'low', healthy: 'informational', unhealthy: 'medium' } as const;

/** A device whose health changed, in the form in which the devices area records one. */
export function postureEvent(time: number, device: Device, posture: Posture): OcsfEvent {
  const { verdict, results, collectedAt } = posture;
  const open = results.filter(({ outcome }) => outcome === 'fail' || outcome === 'unknown');
  const why = open.length === 0 ? '' : `: ${open.map(({ check, outcome }) => `${check} ${outcome}`).join(', ')}`;
  return buildEvent({
    class: 'deviceConfigStateChange',
    activity: 'log',
    time,
    message: `${device.name} is ${verdict}${why}`,
    severity: POSTURE_SEVERITY[verdict],
    status: 'success',
    attributes: {
      device: { uid: device.id, name: device.name, type_id: 0 },
      security_level_id: SECURITY_LEVEL[verdict],
    },
    cordon: {
      verdict,
      collectedAt,
      results: results.map(({ check, outcome, detail }) => ({ check, outcome, detail })),
    },
  });
}

/** A connection from an address that the firewall of `to` refused, as its agent reports it. */
export function refusedFlowEvent(
  time: number,
  flow: { readonly from: string; readonly to: Workload; readonly port: number },
): OcsfEvent {
  const { from, to, port } = flow;
  return buildEvent({
    class: 'networkActivity',
    activity: 'refuse',
    time,
    message: `${from} -> ${to.name}: tcp ${port} refused`,
    status: 'failure',
    action: 'denied',
    attributes: {
      disposition_id: 2, // blocked
      src_endpoint: { ip: from },
      dst_endpoint: { ip: to.addresses[0] ?? '', uid: to.id, port },
      connection_info: { protocol_name: 'tcp', direction_id: 1 }, // inbound
      traffic: { packets: 3 },
      start_time: time,
      end_time: time,
    },
    cordon: { reporter: to.id },
  });
}

/** What an administrator did to an account. */
export function accountEvent(
  time: number,
  user: User,
  input: { readonly activity: 'create' | 'disable'; readonly message: string; readonly by: string },
): OcsfEvent {
  const { activity, message, by } = input;
  return buildEvent({
    class: 'entityManagement',
    activity,
    time,
    message,
    status: 'success',
    attributes: {
      actor: { user: { uid: by } },
      entity: { type: 'User', uid: user.id, name: user.email },
      user: who(user),
    },
  });
}

/** An import of one cloud. */
export function importEvent(
  time: number,
  cloud: { readonly provider: string; readonly account: string },
  assets: number,
): OcsfEvent {
  const { provider, account } = cloud;
  return buildEvent({
    class: 'cloudInventory',
    activity: 'collect',
    time,
    message: `imported ${assets} assets of ${provider} ${account}`,
    status: 'success',
    attributes: { cloud: { provider, account: { uid: account } } },
    cordon: { accounts: [account], counts: { created: assets } },
  });
}
