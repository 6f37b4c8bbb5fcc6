import { CONTROL_ROUTES, IDENTITY_ROUTES, type RouteShape, routeUrl } from '#contract';
import type { Sent } from './browser.ts';

/** A request that a route takes, about things that do not exist, so that it changes nothing. */
export interface RouteCall {
  readonly name: string;
  readonly access: RouteShape['access'];
  readonly path: string;
  readonly sent: Sent;
}

type Input = { readonly params?: object; readonly query?: object; readonly body?: object };

const NOBODY = { params: { id: 'nobody' } };
const REASON = { ...NOBODY, body: { reason: 'a good reason' } };
const TEXTS = { 'access.cedar': 'permit (principal, action == Action::"access", resource);' };

const CONTROL_INPUT: { readonly [K in keyof typeof CONTROL_ROUTES]?: Input } = {
  asset: NOBODY,
  setTier: { ...NOBODY, body: { tier: 1, reason: 'a good reason' } },
  clearTier: NOBODY,
  discover: { body: { provider: 'aws', directory: '/there/is/no/such/folder' } },
  invite: { body: { email: 'new@example.org', groups: ['there-is-no-such-group'] } },
  disableUser: NOBODY,
  enableUser: NOBODY,
  setUserGroups: { ...NOBODY, body: { groups: [] } },
  resetUser: NOBODY,
  removeUser: NOBODY,
  clearRisk: NOBODY,
  endSession: NOBODY,
  cutConnection: NOBODY,
  enrolDevice: { body: { ownerEmail: 'nobody@example.org' } },
  revokeDevice: NOBODY,
  addDecisionClient: { body: { name: 'shop', models: ['there-is-no-such-model'] } },
  removeDecisionClient: NOBODY,
  segmentsTrace: { query: { from: 'web-1', to: 'db-1', port: 5432 } },
  quarantine: REASON,
  release: REASON,
  closeAlert: REASON,
  queryEvents: { body: { sql: 'select count(*) as n from events' } },
  checkPolicies: { body: { texts: TEXTS } },
  replayPolicies: { body: { texts: TEXTS } },
  explainPolicies: { body: { user: 'nobody', app: 'wiki' } },
  whoCan: { query: { action: 'view' } },
  whatCan: { query: { user: 'nobody' } },
  rollbackPolicies: { body: { version: 999, message: 'a good reason' } },
  activatePolicies: { body: { texts: { 'broken.cedar': 'permit' }, message: 'a good reason' } },
  diffConfiguration: { body: { file: 'cordon.yaml', text: '', policies: TEXTS } },
  applyConfiguration: { body: { file: 'cordon.yaml', text: 'broken: [', policies: TEXTS } },
};

const PROGRAM = { body: { host: 'nobody', challenge: 'c'.repeat(43), form: 'bearer', name: 'x' } };

const IDENTITY_INPUT: { readonly [K in keyof typeof IDENTITY_ROUTES]?: Input } = {
  openInvitation: { body: { token: 'unknown' } },
  setPassword: { body: { enrolment: 'unknown', name: 'A. Person', password: 'seven brave otters' } },
  beginTotp: { body: { enrolment: 'unknown' } },
  confirmTotp: { body: { enrolment: 'unknown', code: '123456' } },
  beginPasskey: { body: { enrolment: 'unknown' } },
  confirmPasskey: { body: { enrolment: 'unknown', response: {} } },
  finishEnrolment: { body: { enrolment: 'unknown' } },
  signInPassword: { body: { email: 'nobody@example.org', password: 'wrong' } },
  signInTotp: { body: { pending: 'unknown', code: '123456' } },
  signInRecovery: { body: { pending: 'unknown', code: '123456' } },
  signInPasskeyOptions: { body: {} },
  signInPasskey: { body: { flow: 'unknown', response: {} } },
  stepUpPasskeyOptions: { body: {} },
  stepUpPasskey: { body: { flow: 'unknown', response: {} } },
  stepUpTotp: { body: { code: '000000' } },
  describeProgram: PROGRAM,
  allowProgram: PROGRAM,
  endOwnProgram: NOBODY,
  addPasskeyOptions: { body: {} },
  addPasskey: { body: { flow: 'unknown', response: {} } },
  endOwnSession: NOBODY,
  signOut: { body: {} },
};

/** One call of every control route but the event stream, which never ends. */
export const CONTROL_CALLS: readonly RouteCall[] = callsOf(CONTROL_ROUTES, CONTROL_INPUT).filter(
  ({ name }) => name !== 'eventStream',
);

/** One call of every route of the identity host. */
export const IDENTITY_CALLS: readonly RouteCall[] = callsOf(IDENTITY_ROUTES, IDENTITY_INPUT);

function callsOf(table: Readonly<Record<string, RouteShape>>, inputs: Readonly<Record<string, Input>>): RouteCall[] {
  return Object.entries(table).map(([name, { method, path, access }]) => {
    const { params = {}, query = {}, body } = inputs[name] ?? {};
    return {
      name,
      access,
      path: routeUrl(path, { ...params }, { ...query }),
      sent: { method, ...(body === undefined ? {} : { body }) },
    };
  });
}
