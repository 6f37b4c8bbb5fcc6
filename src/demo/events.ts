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
      ...(session === undefined ? {} : { session: { uid: session.id } }),
    },
    ...(input.detail === undefined ? {} : { cordon: input.detail }),
  });
}

/** A device whose health changed. */
export function postureEvent(time: number, device: Device, posture: Posture): OcsfEvent {
  const failing = posture.results.filter(({ outcome }) => outcome === 'fail').map(({ check }) => check);
  const why = failing.length === 0 ? '' : `: ${failing.join(', ')}`;
  return buildEvent({
    class: 'deviceConfigStateChange',
    activity: 'log',
    time,
    message: `${device.name} is ${posture.verdict === 'unknown' ? 'of unknown health' : posture.verdict}${why}`,
    severity: posture.verdict === 'unhealthy' ? 'medium' : 'informational',
    status: 'success',
    attributes: { device: { uid: device.id, name: device.name } },
    cordon: { deviceId: device.id, verdict: posture.verdict, failing },
  });
}

/** A connection that a host's firewall refused, as its agent reports it. `from` may be an address outside of the inventory. */
export function refusedFlowEvent(
  time: number,
  flow: { readonly from: Workload | string; readonly to: Workload; readonly port: number; readonly reporter: Workload },
): OcsfEvent {
  const { from, to, port, reporter } = flow;
  const source =
    typeof from === 'string' ? { ip: from } : { ip: from.addresses[0] ?? '', uid: from.id, name: from.name };
  return buildEvent({
    class: 'networkActivity',
    activity: 'refuse',
    time,
    message: `${typeof from === 'string' ? from : from.name} was refused at ${to.name} tcp/${port}`,
    severity: 'low',
    status: 'failure',
    action: 'denied',
    attributes: {
      disposition_id: 2,
      src_endpoint: source,
      dst_endpoint: { ip: to.addresses[0] ?? '', uid: to.id, name: to.name, port },
      connection_info: { protocol_name: 'tcp', direction_id: reporter.id === to.id ? 1 : 2 },
      ...(reporter.deviceId === undefined ? {} : { device: { uid: reporter.deviceId, name: reporter.name } }),
    },
    cordon: { reporter: reporter.id },
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
