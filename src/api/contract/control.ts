import { z } from 'zod';
import {
  alertView,
  appView,
  assetDetailView,
  assetView,
  configurationChangeView,
  connectionView,
  deviceView,
  eventView,
  groupView,
  importView,
  invitationView,
  planView,
  policiesView,
  problemView,
  replayView,
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

/**
 * The control API: every route of the console host and of the control socket.
 * `access`: `view` and `manage` are decided by policy for signed-in people; `local` is only answered on the control socket.
 */
export const CONTROL_ROUTES = {
  status: { method: 'GET', path: '/api/status', access: 'view', response: statusView },
  me: {
    method: 'GET',
    path: '/api/me',
    access: 'view',
    response: z.object({
      id: z.string(),
      email: z.string(),
      name: z.string(),
      canManage: z.boolean(),
      acr: z.string(),
    }),
  },
  apps: { method: 'GET', path: '/api/apps', access: 'view', response: list(appView) },

  assets: {
    method: 'GET',
    path: '/api/assets',
    access: 'view',
    query: z.object({
      kind: z.string().optional(),
      tier: z.coerce.number().int().min(0).max(3).optional(),
      search: z.string().max(200).optional(),
      limit: z.coerce.number().int().min(1).max(20_000).default(500),
      offset: z.coerce.number().int().min(0).default(0),
    }),
    response: list(assetView),
  },
  asset: { method: 'GET', path: '/api/assets/:id', access: 'view', params: id, response: assetDetailView },
  setTier: {
    method: 'PUT',
    path: '/api/assets/:id/tier',
    access: 'manage',
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
    params: id,
    response: assetDetailView,
  },
  discover: {
    method: 'POST',
    path: '/api/discover',
    access: 'local',
    body: z.object({ provider: z.literal('aws'), directory: z.string() }),
    response: importView,
  },

  users: { method: 'GET', path: '/api/users', access: 'view', response: list(userView) },
  invite: {
    method: 'POST',
    path: '/api/users',
    access: 'manage',
    body: z.object({
      email: z.email().max(254),
      name: z.string().trim().max(200).default(''),
      groups: z.array(z.string()).max(50).default([]),
    }),
    response: invitationView,
  },
  disableUser: { method: 'POST', path: '/api/users/:id/disable', access: 'manage', params: id, response: done },
  enableUser: { method: 'POST', path: '/api/users/:id/enable', access: 'manage', params: id, response: done },
  setUserGroups: {
    method: 'PUT',
    path: '/api/users/:id/groups',
    access: 'manage',
    params: id,
    body: z.object({ groups: z.array(z.string()).max(50) }),
    response: done,
  },
  resetUser: { method: 'POST', path: '/api/users/:id/reset', access: 'manage', params: id, response: invitationView },
  removeUser: { method: 'DELETE', path: '/api/users/:id', access: 'manage', params: id, response: done },
  clearRisk: { method: 'DELETE', path: '/api/risks/:id', access: 'manage', params: id, response: done },
  groups: { method: 'GET', path: '/api/groups', access: 'view', response: list(groupView) },

  sessions: { method: 'GET', path: '/api/sessions', access: 'view', response: list(sessionView) },
  endSession: { method: 'DELETE', path: '/api/sessions/:id', access: 'manage', params: id, response: done },
  connections: { method: 'GET', path: '/api/connections', access: 'view', response: list(connectionView) },
  cutConnection: { method: 'DELETE', path: '/api/connections/:id', access: 'manage', params: id, response: done },

  devices: { method: 'GET', path: '/api/devices', access: 'view', response: list(deviceView) },
  enrolDevice: {
    method: 'POST',
    path: '/api/devices/tokens',
    access: 'manage',
    body: z.object({
      name: z.string().trim().max(100).optional(),
      ownerEmail: z.email().optional(),
      labels: z.record(z.string(), z.string()).default({}),
    }),
    response: z.object({ token: z.string(), expiresAt: z.number(), command: z.string() }),
  },
  revokeDevice: { method: 'POST', path: '/api/devices/:id/revoke', access: 'manage', params: id, response: done },

  workloads: { method: 'GET', path: '/api/workloads', access: 'view', response: list(workloadView) },
  segmentsPlan: { method: 'GET', path: '/api/segments/plan', access: 'view', response: planView },
  segmentsTrace: {
    method: 'GET',
    path: '/api/segments/trace',
    access: 'view',
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
    params: id,
    body: z.object({ reason }),
    response: done,
  },
  release: {
    method: 'POST',
    path: '/api/workloads/:id/release',
    access: 'manage',
    params: id,
    body: z.object({ reason }),
    response: done,
  },

  alerts: {
    method: 'GET',
    path: '/api/alerts',
    access: 'view',
    query: z.object({ status: z.enum(['open', 'closed', 'all']).default('all') }),
    response: list(alertView),
  },
  closeAlert: {
    method: 'POST',
    path: '/api/alerts/:id/close',
    access: 'manage',
    params: id,
    body: z.object({ reason }),
    response: done,
  },

  events: {
    method: 'GET',
    path: '/api/events',
    access: 'view',
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
    query: z.object({ class: z.coerce.number().int().optional() }),
    response: z.unknown(),
  },
  queryEvents: {
    method: 'POST',
    path: '/api/events/query',
    access: 'view',
    body: z.object({ sql: z.string().min(1).max(20_000) }),
    response: z.object({ rows: z.array(z.record(z.string(), z.unknown())) }),
  },
  verifyJournal: { method: 'POST', path: '/api/journal/verify', access: 'view', response: verifyView },

  policies: { method: 'GET', path: '/api/policies', access: 'view', response: policiesView },
  checkPolicies: {
    method: 'POST',
    path: '/api/policies/check',
    access: 'view',
    body: z.object({ texts }),
    response: z.object({ ok: z.boolean(), problems: z.array(problemView), policies: z.number() }),
  },
  replayPolicies: {
    method: 'POST',
    path: '/api/policies/replay',
    access: 'view',
    body: z.object({
      texts,
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
    body: z.object({ texts, message: reason }),
    response: z.object({ version: z.number() }),
  },

  diffConfiguration: {
    method: 'POST',
    path: '/api/configuration/diff',
    access: 'local',
    body: z.object({ file: z.string(), text: z.string(), policies: texts.optional() }),
    response: z.object({ changes: z.array(configurationChangeView) }),
  },
  applyConfiguration: {
    method: 'POST',
    path: '/api/configuration',
    access: 'local',
    body: z.object({
      file: z.string(),
      text: z.string(),
      policies: texts.optional(),
      message: z.string().max(500).default(''),
    }),
    response: z.object({ changes: z.array(configurationChangeView) }),
  },
} as const;
