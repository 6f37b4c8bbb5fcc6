import { z } from 'zod';
import {
  alertView,
  appView,
  assetDetailView,
  assetView,
  bundleView,
  checkView,
  configurationChangeView,
  connectionView,
  decisionClientView,
  deviceView,
  eventView,
  explanationView,
  groupView,
  importView,
  invitationView,
  planView,
  policiesView,
  replayView,
  searchView,
  sessionView,
  statusView,
  traceView,
  userView,
  verifyView,
  workloadView,
} from './views.ts';

const id = z.object({ id: z.string().min(1).max(2048) });
const done = z.object({ ok: z.literal(true) });
const list = <T extends z.ZodType>(item: T): z.ZodObject<{ items: z.ZodArray<T>; total: z.ZodNumber }> =>
  z.object({ items: z.array(item), total: z.number() });
const reason = z.string().trim().min(3).max(500);
const texts = z.record(z.string().max(300), z.string());
const version = z.number().int().min(1);
/** What is known of a request; a search takes the rest for open. */
const knownRequest = {
  method: z.string().min(1).max(50).optional(),
  path: z.string().startsWith('/').max(8192).optional(),
  address: z.union([z.ipv4(), z.ipv6()]).optional(),
};
const search = {
  ...knownRequest,
  at: z.coerce.number().int().min(0).optional(),
  /** `could`: with the best session and device; `now`: with a session that exists. */
  when: z.enum(['could', 'now']).default('could'),
  after: z.string().max(2048).optional(),
  limit: z.coerce.number().int().min(1).max(10_000).default(1000),
};

/**
 * The control API: every route of the console host and of the control socket.
 * `access`: `view` and `manage` are decided by policy for signed-in people; `local` is only answered on the control socket.
 */
export const CONTROL_ROUTES = {
  status: {
    method: 'GET',
    path: '/api/status',
    access: 'view',
    what: 'The state of the installation: counts, decisions of the last hour, whether the newest configuration loads.',
    response: statusView,
  },
  me: {
    method: 'GET',
    path: '/api/me',
    access: 'view',
    what: 'Who the caller is, and whether they may manage.',
    response: z.object({
      id: z.string(),
      email: z.string(),
      name: z.string(),
      canManage: z.boolean(),
      acr: z.string(),
    }),
  },
  apps: {
    method: 'GET',
    path: '/api/apps',
    access: 'view',
    what: 'Published apps with the tier in force.',
    response: list(appView),
  },

  assets: {
    method: 'GET',
    path: '/api/assets',
    access: 'view',
    what: 'Assets, the most critical first; by kind, tier and words.',
    query: z.object({
      kind: z.string().optional(),
      tier: z.coerce.number().int().min(0).max(3).optional(),
      search: z.string().max(200).optional(),
      limit: z.coerce.number().int().min(1).max(20_000).default(500),
      offset: z.coerce.number().int().min(0).default(0),
    }),
    response: list(assetView),
  },
  asset: {
    method: 'GET',
    path: '/api/assets/:id',
    access: 'view',
    what: 'One asset with the ledger behind its tier.',
    params: id,
    response: assetDetailView,
  },
  setTier: {
    method: 'PUT',
    path: '/api/assets/:id/tier',
    access: 'manage',
    what: "Overrides an asset's tier, with a reason and, if given, an end.",
    params: id,
    body: z.object({
      tier: z.number().int().min(0).max(3),
      reason,
      expiresInHours: z.number().positive().max(8760).optional(),
    }),
    response: assetDetailView,
  },
  clearTier: {
    method: 'DELETE',
    path: '/api/assets/:id/tier',
    access: 'manage',
    what: 'Takes an override away; the computed tier counts again.',
    params: id,
    response: assetDetailView,
  },
  discover: {
    method: 'POST',
    path: '/api/discover',
    access: 'local',
    what: 'Imports a saved account from a directory of the server; the path is absolute.',
    body: z.object({ provider: z.literal('aws'), directory: z.string() }),
    response: importView,
  },

  users: {
    method: 'GET',
    path: '/api/users',
    access: 'view',
    what: 'People with their factors, risk and number of sessions.',
    response: list(userView),
  },
  invite: {
    method: 'POST',
    path: '/api/users',
    access: 'manage',
    what: 'Invites a person; answers with a one-time link.',
    body: z.object({
      email: z.email().max(254),
      name: z.string().trim().max(200).default(''),
      groups: z.array(z.string()).max(50).default([]),
    }),
    response: invitationView,
  },
  disableUser: {
    method: 'POST',
    path: '/api/users/:id/disable',
    access: 'manage',
    what: 'Disables an account and ends its sessions.',
    params: id,
    response: done,
  },
  enableUser: {
    method: 'POST',
    path: '/api/users/:id/enable',
    access: 'manage',
    what: 'Enables an account again.',
    params: id,
    response: done,
  },
  setUserGroups: {
    method: 'PUT',
    path: '/api/users/:id/groups',
    access: 'manage',
    what: 'Replaces the groups a person is a direct member of.',
    params: id,
    body: z.object({ groups: z.array(z.string()).max(50) }),
    response: done,
  },
  resetUser: {
    method: 'POST',
    path: '/api/users/:id/reset',
    access: 'manage',
    what: "Throws a person's factors away; answers with a new one-time link.",
    params: id,
    response: invitationView,
  },
  removeUser: {
    method: 'DELETE',
    path: '/api/users/:id',
    access: 'manage',
    what: 'Removes an account.',
    params: id,
    response: done,
  },
  clearRisk: {
    method: 'DELETE',
    path: '/api/risks/:id',
    access: 'manage',
    what: 'Forgets what is held against a user, device or workload; the id is `<kind>:<id>`.',
    params: id,
    response: done,
  },
  groups: {
    method: 'GET',
    path: '/api/groups',
    access: 'view',
    what: 'Groups with the number of their members.',
    response: list(groupView),
  },

  sessions: {
    method: 'GET',
    path: '/api/sessions',
    access: 'view',
    what: 'Sessions that have not expired.',
    response: list(sessionView),
  },
  endSession: {
    method: 'DELETE',
    path: '/api/sessions/:id',
    access: 'manage',
    what: 'Ends a session and what is open through it.',
    params: id,
    response: done,
  },
  connections: {
    method: 'GET',
    path: '/api/connections',
    access: 'view',
    what: 'What is open through the gateway now.',
    response: list(connectionView),
  },
  cutConnection: {
    method: 'DELETE',
    path: '/api/connections/:id',
    access: 'manage',
    what: 'Cuts a connection.',
    params: id,
    response: done,
  },

  devices: {
    method: 'GET',
    path: '/api/devices',
    access: 'view',
    what: 'Devices with what their last report was judged to be.',
    response: list(deviceView),
  },
  enrolDevice: {
    method: 'POST',
    path: '/api/devices/tokens',
    access: 'manage',
    what: 'Makes a single-use enrolment token; answers with the command to run on the host.',
    body: z.object({
      name: z.string().trim().max(100).optional(),
      ownerEmail: z.email().optional(),
      labels: z.record(z.string(), z.string()).default({}),
    }),
    response: z.object({ token: z.string(), expiresAt: z.number(), command: z.string() }),
  },
  revokeDevice: {
    method: 'POST',
    path: '/api/devices/:id/revoke',
    access: 'manage',
    what: 'Takes the trust in a device away.',
    params: id,
    response: done,
  },

  decisionClients: {
    method: 'GET',
    path: '/api/authzen/clients',
    access: 'view',
    what: 'Applications that may ask for decisions over AuthZEN.',
    response: list(decisionClientView),
  },
  addDecisionClient: {
    method: 'POST',
    path: '/api/authzen/clients',
    access: 'manage',
    what: 'Lets an application ask for decisions; answers with its key, which is shown this once.',
    body: z.object({
      name: z.string().trim().min(1).max(100),
      models: z.array(z.string().min(1).max(63)).min(1).max(100),
    }),
    response: z.object({ client: decisionClientView, key: z.string() }),
  },
  removeDecisionClient: {
    method: 'DELETE',
    path: '/api/authzen/clients/:id',
    access: 'manage',
    what: 'Takes the key of an application away.',
    params: id,
    response: done,
  },

  workloads: {
    method: 'GET',
    path: '/api/workloads',
    access: 'view',
    what: 'Workloads with their labels, addresses and segments.',
    response: list(workloadView),
  },
  segmentsPlan: {
    method: 'GET',
    path: '/api/segments/plan',
    access: 'view',
    what: 'Who may connect to whom, with the policy behind each answer.',
    response: planView,
  },
  segmentsTrace: {
    method: 'GET',
    path: '/api/segments/trace',
    access: 'view',
    what: 'Whether one connection may be opened, and why.',
    query: z.object({
      from: z.string().min(1),
      to: z.string().min(1),
      protocol: z.enum(['tcp', 'udp']).default('tcp'),
      port: z.coerce.number().int().min(0).max(65_535),
    }),
    response: traceView,
  },
  quarantine: {
    method: 'POST',
    path: '/api/workloads/:id/quarantine',
    access: 'manage',
    what: 'Cuts a workload off from everything but Cordon.',
    params: id,
    body: z.object({ reason }),
    response: done,
  },
  release: {
    method: 'POST',
    path: '/api/workloads/:id/release',
    access: 'manage',
    what: 'Lifts a quarantine.',
    params: id,
    body: z.object({ reason }),
    response: done,
  },

  alerts: {
    method: 'GET',
    path: '/api/alerts',
    access: 'view',
    what: 'Alerts, the newest first.',
    query: z.object({ status: z.enum(['open', 'closed', 'all']).default('all') }),
    response: list(alertView),
  },
  closeAlert: {
    method: 'POST',
    path: '/api/alerts/:id/close',
    access: 'manage',
    what: 'Closes an alert.',
    params: id,
    body: z.object({ reason }),
    response: done,
  },

  events: {
    method: 'GET',
    path: '/api/events',
    access: 'view',
    what: 'Events, the newest first; a correlation id is looked for in the whole journal.',
    query: z.object({
      limit: z.coerce.number().int().min(1).max(1000).default(100),
      correlation: z.string().max(100).optional(),
      class: z.coerce.number().int().optional(),
    }),
    response: list(eventView),
  },
  /** Server-sent events: one `data:` line of JSON per event, newest as they happen. */
  eventStream: {
    method: 'GET',
    path: '/api/events/stream',
    access: 'view',
    what: 'Events as they are recorded, as server-sent events. Ends when the caller may not view any more.',
    query: z.object({ class: z.coerce.number().int().optional() }),
    response: z.unknown(),
  },
  queryEvents: {
    method: 'POST',
    path: '/api/events/query',
    access: 'view',
    what: 'One SELECT over the view `events`.',
    body: z.object({ sql: z.string().min(1).max(20_000) }),
    response: z.object({ rows: z.array(z.record(z.string(), z.unknown())) }),
  },
  verifyJournal: {
    method: 'POST',
    path: '/api/journal/verify',
    access: 'view',
    what: 'Walks the hash chain of the journal.',
    response: verifyView,
  },

  policies: {
    method: 'GET',
    path: '/api/policies',
    access: 'view',
    what: 'The policy bundle in force and the built-in policies.',
    response: policiesView,
  },
  checkPolicies: {
    method: 'POST',
    path: '/api/policies/check',
    access: 'view',
    what: 'Validates policies, runs their own tests, and says what is most likely not meant.',
    body: z.object({ texts }),
    response: checkView,
  },
  policyHistory: {
    method: 'GET',
    path: '/api/policies/history',
    access: 'view',
    what: 'Every version of the policies, the newest first.',
    response: list(bundleView),
  },
  explainPolicies: {
    method: 'POST',
    path: '/api/policies/explain',
    access: 'view',
    what: 'Why a person may or may not open an app, clause by clause, and the smallest change that would allow it.',
    body: z.object({
      /** Id or e-mail address. */
      user: z.string().min(1).max(2048),
      app: z.string().min(1).max(2048),
      ...knownRequest,
    }),
    response: explanationView,
  },
  whoCan: {
    method: 'GET',
    path: '/api/policies/who-can',
    access: 'view',
    what: 'Everybody who can do something: open an app, view or manage Cordon.',
    query: z.object({
      action: z.enum(['access', 'view', 'manage']),
      resource: z.string().max(2048).optional(),
      ...search,
    }),
    response: searchView,
  },
  whatCan: {
    method: 'GET',
    path: '/api/policies/what-can',
    access: 'view',
    what: 'Everything that one person can do.',
    query: z.object({ user: z.string().min(1).max(2048), ...search }),
    response: searchView,
  },
  replayPolicies: {
    method: 'POST',
    path: '/api/policies/replay',
    access: 'view',
    what: 'Decides journalled requests again by edited policies, or by an earlier version; the newest 20,000 at most.',
    body: z.object({
      texts: texts.optional(),
      version: version.optional(),
      sinceHours: z
        .number()
        .positive()
        .max(24 * 365)
        .default(24 * 7),
    }),
    response: replayView,
  },
  activatePolicies: {
    method: 'POST',
    path: '/api/policies',
    access: 'manage',
    what: 'Activates policies as a new bundle, when they pass their own tests.',
    body: z.object({ texts, message: reason }),
    response: z.object({ version: z.number() }),
  },
  rollbackPolicies: {
    method: 'POST',
    path: '/api/policies/rollback',
    access: 'manage',
    what: 'Activates an earlier version again, as a new one. Without a version: what was in force before.',
    body: z.object({ version: version.optional(), message: reason }),
    response: z.object({ version: z.number(), from: z.number() }),
  },

  diffConfiguration: {
    method: 'POST',
    path: '/api/configuration/diff',
    access: 'local',
    what: 'What a `cordon.yaml` would change; the file is an absolute path unless the policies are sent along.',
    body: z.object({ file: z.string(), text: z.string(), policies: texts.optional() }),
    response: z.object({ changes: z.array(configurationChangeView) }),
  },
  applyConfiguration: {
    method: 'POST',
    path: '/api/configuration',
    access: 'local',
    what: 'Applies a `cordon.yaml` in one transaction.',
    body: z.object({
      file: z.string(),
      text: z.string(),
      policies: texts.optional(),
      message: z.string().max(500).default(''),
    }),
    response: z.object({ changes: z.array(configurationChangeView) }),
  },
} as const;
