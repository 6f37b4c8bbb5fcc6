import type { z } from 'zod';
import type { CONTROL_ROUTES } from '#contract';

type Routes = typeof CONTROL_ROUTES;

/** One good answer per route of the control API, as a small installation would give it. */
export type Answers = { [K in keyof Routes]: z.input<Routes[K]['response']> };

/** When the answers were given. */
export const NOW: number = Date.parse('2026-03-04T05:06:07Z');
const MINUTE = 60_000;

const database = {
  id: 'arn:aws:rds:eu-west-1:123456789012:db:billing',
  kind: 'database',
  name: 'billing',
  provider: 'aws',
  account: '123456789012',
  region: 'eu-west-1',
  labels: { env: 'prod' },
  tier: 0 as const,
  computedTier: 1 as const,
  impact: 78,
  confidence: 0.8,
  overridden: true,
  reason: 'tag data-class=card: cardholder data',
};
const bucket = {
  ...database,
  id: 'arn:aws:s3:::billing-logs',
  kind: 'bucket',
  name: 'billing-logs',
  tier: 2 as const,
  computedTier: 2 as const,
  overridden: false,
  reason: 'name says logs',
};
const detail = {
  ...database,
  attributes: { engine: 'postgres', encrypted: true },
  relations: [{ type: 'in-subnet', to: 'subnet-1' }],
  source: 'aws',
  observedAt: NOW - 5 * MINUTE,
  ledger: [
    {
      factor: 'D',
      s: 1,
      w: 30,
      contribution: 30,
      ruleId: 'data-class',
      reason: 'tag data-class=card: cardholder data',
      evidence: ['eu-west-1/rds-describe-db-instances.json $.DBInstances[0].TagList'],
    },
    {
      factor: 'floor',
      s: 0.75,
      w: 1,
      contribution: 48,
      ruleId: 'floor.card',
      reason: 'card data is at least T1',
      evidence: [],
    },
  ],
  counterfactual: 'without tag data-class=card this would be T2',
  override: { tier: 0 as const, reason: 'audit', by: 'local:0', at: NOW - MINUTE, expiresAt: NOW + 60 * MINUTE },
  apps: ['billing.localhost'],
};

const ada = {
  id: 'usr_01ada',
  email: 'ada@example.org',
  name: 'Ada',
  status: 'active' as const,
  groups: ['admins', 'staff'],
  factors: { password: true, totp: true, passkeys: 1, recoveryCodesLeft: 8 },
  risk: { score: 45, level: 'medium' as const, reasons: ['six wrong passwords'] },
  sessions: 1,
  createdAt: NOW - 1000 * MINUTE,
};
const alan = { ...ada, id: 'usr_02alan', email: 'alan@example.org', name: 'Alan', groups: [], sessions: 0 };
const session = {
  id: 'ses_01aaa',
  userId: ada.id,
  email: ada.email,
  acr: 'urn:cordon:aal2-phr',
  amr: ['pwd', 'hwk'],
  authenticatedAt: NOW - 10 * MINUTE,
  expiresAt: NOW + 700 * MINUTE,
  address: '127.0.0.1',
  userAgent: 'Firefox',
};
const probe = {
  startedAt: NOW - MINUTE,
  durationMs: 48_000,
  sent: 19,
  refused: 19,
  unanswered: 0,
  findings: [],
  notProbed: ['shop'],
};
const link = { userId: ada.id, url: 'http://id.localhost:8080/enrol#token', expiresAt: NOW + 60 * MINUTE };
const workload = {
  id: 'wl_web1',
  name: 'web-1',
  labels: { role: 'web', env: 'prod' },
  addresses: ['10.0.0.5', 'fd00::5'],
  source: 'agent',
  segments: ['web'],
};
const event = {
  class_uid: 3002,
  activity_name: 'logon',
  time: NOW - MINUTE,
  message: 'ada@example.org signed in',
  severity_id: 1,
  metadata: { uid: 'evt_01', correlation_uid: 'cor_01' },
};
const done = { ok: true as const };

const decisionClient = {
  id: 'azc_01',
  name: 'shop',
  models: [{ id: 'shop', decisionPoint: 'https://authz.localhost:8443/shop' }],
  device: 'web-1',
  createdAt: NOW - MINUTE,
  by: 'local:1000',
};

/** Answers of a small installation, route by route. */
export const ANSWERS: Answers = {
  authority: { certificate: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', fingerprint: 'ab12' },
  sshAuthority: { publicKey: 'ssh-ed25519 AAAA cordon' },
  status: {
    version: '1.2.3',
    domain: 'localhost',
    startedAt: NOW - 90 * MINUTE,
    now: NOW,
    graphSeq: 40,
    policyVersion: 3,
    journal: { writable: true, directory: '/var/lib/cordon/journal' },
    probe,
    counts: {
      assets: [1, 0, 1, 0],
      users: 2,
      activeSessions: 1,
      devices: 1,
      unhealthyDevices: 1,
      workloads: 2,
      quarantined: 1,
      segments: 2,
      apps: 1,
      openAlerts: 1,
      liveConnections: 1,
    },
    decisions: { permitted: 10, denied: 3, since: NOW - 59 * MINUTE - 8000, perMinute: [] },
  },
  probe,
  me: { id: 'local', email: '', name: '', canManage: true, acr: '' },
  apps: {
    items: [
      {
        id: 'billing',
        name: 'Billing',
        host: 'billing.localhost',
        url: 'http://billing.localhost:8080/',
        kind: 'http',
        tier: 0,
        device: 'healthy',
        assetId: database.id,
        upstream: 'http://127.0.0.1:3000',
        upstreams: [{ origin: 'http://127.0.0.1:3000' }],
        enforcedBy: 'gateway',
        streams: 'cut',
        identityHeaders: [],
        clientCertificate: false,
        allowedOrigins: [],
        limits: {},
      },
    ],
    total: 1,
  },
  assets: { items: [database, bucket], total: 2 },
  asset: detail,
  setTier: detail,
  clearTier: { ...detail, tier: 1, overridden: false, override: undefined },
  discover: {
    assets: 2,
    created: 1,
    updated: 1,
    removed: 0,
    unchanged: 0,
    unknownFiles: ['notes.txt'],
    problems: [
      {
        code: 'json-invalid',
        message: 'expected a value',
        source: { file: 'eu-west-1/ec2-describe-vpcs.json', line: 3, column: 7 },
      },
    ],
    byKind: { bucket: 1, database: 1 },
    byTier: [1, 0, 1, 0],
  },
  users: { items: [ada, alan], total: 2 },
  invite: link,
  disableUser: done,
  enableUser: done,
  setUserGroups: done,
  resetUser: link,
  removeUser: done,
  clearRisk: done,
  groups: { items: [{ id: 'admins', name: 'Administrators', parents: ['staff'], members: 1 }], total: 1 },
  sessions: { items: [session], total: 1 },
  endSession: done,
  connections: {
    items: [
      {
        id: 'con_01',
        userId: ada.id,
        email: ada.email,
        appId: 'billing',
        app: 'billing',
        kind: 'websocket',
        path: '/live',
        since: NOW - MINUTE,
        address: '127.0.0.1',
      },
    ],
    total: 1,
  },
  cutConnection: done,
  devices: {
    items: [
      {
        id: 'dev_01',
        name: 'web-1',
        form: 'agent',
        owner: ada.email,
        managed: true,
        status: 'active',
        enrolledAt: NOW - 100 * MINUTE,
        verdict: 'unhealthy',
        collectedAt: NOW - MINUTE,
        results: [
          { check: 'firewall', title: 'Firewall', outcome: 'fail', detail: 'no filter is loaded', fix: 'load one' },
          { check: 'disk', title: 'Disk encryption', outcome: 'pass', detail: 'LUKS' },
        ],
      },
    ],
    total: 1,
  },
  enrolDevice: {
    token: 'tok',
    expiresAt: NOW + 60 * MINUTE,
    command: 'cordon agent enrol --server agent.localhost:8443 --token tok',
  },
  revokeDevice: done,
  decisionClients: { items: [decisionClient], total: 1 },
  addDecisionClient: { client: decisionClient, key: 'cordon_authzen_key' },
  removeDecisionClient: done,
  workloads: {
    items: [
      workload,
      {
        ...workload,
        id: 'wl_db1',
        name: 'db-1',
        segments: [],
        labels: {},
        addresses: ['10.0.0.9'],
        quarantine: { since: NOW, by: 'rule:scan', reason: 'probes' },
      },
    ],
    total: 2,
  },
  segmentsPlan: {
    classes: [
      { id: 'c0', labels: { role: 'web' }, segments: ['web'], workloads: ['web-1'] },
      { id: 'c1', labels: {}, segments: [], workloads: ['db-1'] },
    ],
    pairs: [
      {
        from: 'c0',
        to: 'c1',
        pieces: [{ effect: 'allow', protocol: 'tcp', ports: '5432', policies: ['net.cedar#web-to-db'] }],
      },
    ],
    problems: [{ code: 'address-shared', message: 'two workloads have `10.0.0.9`' }],
  },
  segmentsTrace: {
    allowed: true,
    from: 'web-1',
    to: 'db-1',
    protocol: 'tcp',
    port: 5432,
    reason: 'permit',
    policies: ['net.cedar#web-to-db'],
  },
  quarantine: done,
  release: done,
  alerts: {
    items: [
      {
        id: 'alr_01',
        ruleId: 'port-scan',
        title: 'A host probes others',
        severity: 'high',
        subjectKind: 'workload',
        subjectId: 'wl_web1',
        subjectName: 'web-1',
        detail: 'five hosts in a minute',
        firstAt: NOW - 3 * MINUTE,
        lastAt: NOW - MINUTE,
        count: 5,
        status: 'open',
        eventIds: ['evt_01'],
        response: { rule: 'scan', action: 'quarantine', mode: 'dry-run', at: NOW },
      },
    ],
    total: 1,
  },
  closeAlert: done,
  events: { items: [event], total: 1 },
  eventStream: event,
  queryEvents: { rows: [{ status_code: 'no-permit', n: 3 }] },
  verifyJournal: { ok: true, lines: 12, segments: 2, head: 'hash' },
  policies: {
    version: 3,
    author: 'local:0',
    message: 'first',
    activatedAt: NOW,
    texts: {},
    policies: [{ id: 'access.cedar#staff', effect: 'permit', action: 'access', title: 'Staff may', builtin: false }],
  },
  checkPolicies: {
    ok: true,
    problems: [],
    warnings: [
      {
        code: 'policy-entity-unknown',
        message: 'there is no `Group::"stuff"`',
        source: { file: 'rules/access.cedar', line: 1, column: 22 },
      },
    ],
    policies: 1,
    tests: 0,
  },
  policyHistory: {
    items: [
      { version: 3, author: 'local:0', message: 'first', createdAt: NOW, files: ['access.cedar'], active: true },
      { version: 2, author: 'user:u1', message: 'before', createdAt: NOW - MINUTE, files: [], active: false },
    ],
    total: 2,
  },
  rollbackPolicies: { version: 4, from: 2 },
  explainPolicies: {
    effect: 'forbid',
    user: ada.email,
    app: 'billing',
    reasons: [{ code: 'no-permit' }],
    session: { id: 's1', acr: 'urn:cordon:aal2', authenticatedAt: NOW - 5 * MINUTE, address: '192.0.2.1' },
    assumptions: [],
    policies: [
      {
        id: 'access.cedar#staff',
        effect: 'permit',
        title: 'Staff may',
        builtin: false,
        role: 'nearest',
        file: 'access.cedar',
        line: 3,
        clauses: [
          {
            text: 'principal in Group::"staff"',
            outcome: 'held',
            facts: [{ expression: 'principal', value: 'User::"u1" in Group::"staff"' }],
          },
          {
            text: 'when { context.session.phishingResistant }',
            outcome: 'failed',
            facts: [{ expression: 'context.session.phishingResistant', value: 'false' }],
          },
        ],
      },
    ],
    furtherPermits: 2,
    change: ['sign in with a passkey'],
  },
  whoCan: {
    assumptions: ['over TLS'],
    items: [
      {
        userId: 'u1',
        email: ada.email,
        action: 'access',
        resource: 'billing',
        answer: 'depends',
        policies: ['access.cedar#staff'],
        dependsOn: ['context.ip'],
      },
    ],
  },
  whatCan: {
    assumptions: [],
    items: [
      {
        userId: 'u1',
        email: ada.email,
        action: 'manage',
        resource: 'cordon',
        answer: 'yes',
        policies: ['builtin.admins'],
        dependsOn: [],
        sessions: 2,
      },
    ],
  },
  replayPolicies: {
    replayed: 20,
    unchanged: 17,
    gains: [{ user: alan.email, app: 'billing', count: 1, before: [], after: ['access.cedar#all'] }],
    losses: [{ user: ada.email, app: 'billing', count: 2, before: ['access.cedar#staff'], after: [] }],
    notReplayable: [{ reason: 'recorded by another version', count: 4 }],
  },
  activatePolicies: { version: 4 },
  diffConfiguration: {
    changes: [
      { kind: 'app', id: 'wiki', op: 'add' },
      { kind: 'policies', id: 'policy-4', op: 'change' },
      { kind: 'segment', id: 'old', op: 'remove' },
    ],
  },
  applyConfiguration: { changes: [{ kind: 'app', id: 'wiki', op: 'add' }] },
};
