import type { Json } from '#base';
import { type Actor, buildEvent, type OcsfEvent, type ReasonCode, type User } from '#model';
import type { Client, IdentityContext } from './context.ts';

/** A way to prove oneself, as events name it. */
export type FactorName = 'password' | 'totp' | 'recovery-code' | 'passkey';

// OCSF 1.8 auth_factor.factor_type_id
const FACTOR_TYPES: Readonly<Record<FactorName, { readonly id: number; readonly name: string }>> = {
  password: { id: 11, name: 'Password' },
  totp: { id: 7, name: 'OTP' },
  'recovery-code': { id: 99, name: 'Recovery code' },
  passkey: { id: 10, name: 'WebAuthn' },
};

/** What is to be said about an attempt to sign in, or about a session. */
export interface AuthenticationRecord {
  readonly activity: 'logon' | 'logoff' | 'other';
  readonly message: string;
  readonly client?: Pick<Client, 'address' | 'userAgent'>;
  /** The account. Absent when there is none; then only what was typed may be named, never an id. */
  readonly user?: User;
  readonly typedEmail?: string;
  readonly factors: readonly FactorName[];
  readonly sessionId?: string;
  /** Absent for a success. */
  readonly refusedFor?: ReasonCode;
  readonly severity?: 'low' | 'medium' | 'high';
  readonly detail?: { readonly [key: string]: Json };
}

/** Builds an Authentication event (OCSF 3002). It never holds a password, a code or a token. */
export function authenticationEvent(context: IdentityContext, record: AuthenticationRecord): OcsfEvent {
  const { client, user, refusedFor } = record;
  const failed = refusedFor !== undefined;
  const typed = record.typedEmail === undefined ? undefined : { email_addr: record.typedEmail };
  const userObject = user === undefined ? typed : { uid: user.id, email_addr: user.email, name: user.name };
  return buildEvent({
    class: 'authentication',
    activity: record.activity,
    time: context.clock.now(),
    message: record.message,
    severity: record.severity ?? (failed ? 'low' : 'informational'),
    status: failed ? 'failure' : 'success',
    ...(failed ? { statusCode: refusedFor } : {}),
    attributes: {
      auth_factors: record.factors.map((name) => {
        const { id, name: factorType } = FACTOR_TYPES[name];
        return { factor_type: factorType, factor_type_id: id };
      }),
      is_mfa: !failed && (record.factors.includes('passkey') || record.factors.length > 1),
      ...(userObject === undefined ? {} : { user: userObject }),
      ...(client === undefined ? {} : { src_endpoint: { ip: client.address } }),
      ...(client === undefined ? {} : { http_request: { user_agent: client.userAgent.slice(0, 512) } }),
      ...(record.sessionId === undefined ? {} : { session: { uid: record.sessionId } }),
    },
    ...(record.detail === undefined ? {} : { cordon: record.detail }),
  });
}

/** What is to be said about a change of an account or a group. */
export interface ManagementRecord {
  readonly activity: 'create' | 'update' | 'delete' | 'enable' | 'disable' | 'other';
  readonly message: string;
  readonly by: Actor;
  readonly user?: Pick<User, 'id' | 'email' | 'name'>;
  readonly client?: Pick<Client, 'address'>;
  readonly severity?: 'low' | 'medium' | 'high';
  readonly detail?: { readonly [key: string]: Json };
}

/** Builds an Entity Management event (OCSF 3004) whose entity is the account, or the group that the detail names. */
export function managementEvent(context: IdentityContext, record: ManagementRecord): OcsfEvent {
  const { user, client } = record;
  return buildEvent({
    class: 'entityManagement',
    activity: record.activity,
    time: context.clock.now(),
    message: record.message,
    severity: record.severity ?? 'informational',
    status: 'success',
    attributes: {
      actor: { user: { uid: record.by } },
      ...(user === undefined ? {} : { entity: { type: 'User', uid: user.id, name: user.email } }),
      ...(user === undefined ? {} : { user: { uid: user.id, email_addr: user.email, name: user.name } }),
      ...(client === undefined ? {} : { src_endpoint: { ip: client.address } }),
    },
    ...(record.detail === undefined ? {} : { cordon: record.detail }),
  });
}
