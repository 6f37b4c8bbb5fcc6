import { z } from 'zod';

/** Milliseconds since the epoch. */
const time = z.number();
const tier = z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]);
const labels = z.record(z.string(), z.string());

/** One problem with an input, as clients receive it. */
export const problemView = z.object({
  code: z.string(),
  message: z.string(),
  source: z
    .object({ file: z.string().optional(), line: z.number().optional(), column: z.number().optional() })
    .optional(),
  hint: z.string().optional(),
});

/** Body of every error answer. */
export const errorView = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    hint: z.string().optional(),
    /** Where a person goes to make it work: `/` to sign in, or a step-up page, to which the caller adds `return`. */
    location: z.string().optional(),
    problems: z.array(problemView),
    correlationId: z.string().optional(),
  }),
});

/** What one round of Cordon's own probes found. */
export const probeView = z.object({
  startedAt: time,
  durationMs: z.number(),
  sent: z.number(),
  /** Answered by Cordon itself, as it should be. */
  refused: z.number(),
  unanswered: z.number(),
  findings: z.array(
    z.object({
      appId: z.string(),
      host: z.string(),
      kind: z.string(),
      /** Where it was asked: a listener, or the public address of an app that another proxy serves. */
      at: z.enum(['http', 'tls', 'public']),
      status: z.number(),
      detail: z.string(),
    }),
  ),
  /** Ids of apps that only another proxy serves, at an address nobody configured. */
  notProbed: z.array(z.string()),
});

/** The state of the whole installation in one screen. */
export const statusView = z.object({
  version: z.string(),
  domain: z.string(),
  startedAt: time,
  now: time,
  graphSeq: z.number(),
  policyVersion: z.number(),
  journal: z.object({ writable: z.boolean(), directory: z.string() }),
  /** Set while the newest configuration on disk does not load; the last good one stays in force. */
  configurationProblem: z.object({ at: time, problems: z.array(problemView) }).optional(),
  /** The last round of Cordon's own probes; absent before the first. */
  probe: probeView.optional(),
  counts: z.object({
    assets: z.array(z.number()),
    users: z.number(),
    activeSessions: z.number(),
    devices: z.number(),
    unhealthyDevices: z.number(),
    workloads: z.number(),
    quarantined: z.number(),
    segments: z.number(),
    apps: z.number(),
    openAlerts: z.number(),
    liveConnections: z.number(),
  }),
  decisions: z.object({
    permitted: z.number(),
    denied: z.number(),
    since: time,
    perMinute: z.array(z.object({ at: time, permitted: z.number(), denied: z.number() })),
  }),
});

/** An asset in a list. */
export const assetView = z.object({
  id: z.string(),
  kind: z.string(),
  name: z.string(),
  provider: z.string(),
  account: z.string(),
  region: z.string(),
  labels,
  tier,
  computedTier: tier,
  impact: z.number(),
  confidence: z.number(),
  overridden: z.boolean(),
  /** The strongest line of the ledger. */
  reason: z.string(),
});

/** An asset with the ledger behind its tier. */
export const assetDetailView = assetView.extend({
  attributes: z.record(z.string(), z.unknown()),
  relations: z.array(z.object({ type: z.string(), to: z.string() })),
  source: z.string(),
  observedAt: time,
  ledger: z.array(
    z.object({
      factor: z.string(),
      s: z.number(),
      w: z.number(),
      contribution: z.number(),
      ruleId: z.string(),
      reason: z.string(),
      evidence: z.array(z.string()),
    }),
  ),
  counterfactual: z.string().optional(),
  override: z.object({ tier, reason: z.string(), by: z.string(), at: time, expiresAt: time.optional() }).optional(),
  apps: z.array(z.string()),
});

/** A person, as administrators see one. */
export const userView = z.object({
  id: z.string(),
  email: z.string(),
  name: z.string(),
  status: z.enum(['invited', 'active', 'disabled']),
  groups: z.array(z.string()),
  factors: z.object({ password: z.boolean(), totp: z.boolean(), passkeys: z.number(), recoveryCodesLeft: z.number() }),
  risk: z.object({ score: z.number(), level: z.enum(['low', 'medium', 'high']), reasons: z.array(z.string()) }),
  sessions: z.number(),
  createdAt: time,
});

/** A one-time link to hand to a person. */
export const invitationView = z.object({ userId: z.string(), url: z.string(), expiresAt: time });

/** A group of people; members count through nested groups. */
export const groupView = z.object({
  id: z.string(),
  name: z.string(),
  parents: z.array(z.string()),
  members: z.number(),
});

/** A signed-in person. The token is never part of it. */
export const sessionView = z.object({
  id: z.string(),
  userId: z.string(),
  email: z.string(),
  acr: z.string(),
  amr: z.array(z.string()),
  authenticatedAt: time,
  expiresAt: time,
  address: z.string(),
  userAgent: z.string(),
  deviceId: z.string().optional(),
});

/** A browser or an enrolled host, with what its last posture report was judged to be. */
export const deviceView = z.object({
  id: z.string(),
  name: z.string(),
  form: z.enum(['browser', 'agent']),
  owner: z.string().optional(),
  managed: z.boolean(),
  status: z.enum(['active', 'revoked']),
  enrolledAt: time,
  verdict: z.enum(['healthy', 'unhealthy', 'unknown']),
  collectedAt: time.optional(),
  results: z.array(
    z.object({
      check: z.string(),
      title: z.string(),
      outcome: z.enum(['pass', 'fail', 'unknown', 'not-applicable']),
      detail: z.string(),
      fix: z.string().optional(),
    }),
  ),
});

/** A connection through the gateway that is open now. */
export const connectionView = z.object({
  id: z.string(),
  userId: z.string(),
  email: z.string(),
  appId: z.string(),
  /** Name of the app. */
  app: z.string(),
  kind: z.enum(['http', 'websocket', 'grpc', 'tcp']),
  path: z.string(),
  since: time,
  address: z.string(),
});

/** A published application. */
export const appView = z.object({
  id: z.string(),
  name: z.string(),
  host: z.string(),
  url: z.string(),
  /** What is spoken with it. `http2`: HTTP/2 towards the upstream, as gRPC needs it. `builtin`: Cordon itself answers. */
  kind: z.enum(['builtin', 'http', 'http2', 'tcp', 'ssh', 'kubernetes']),
  tier,
  device: z.string(),
  assetId: z.string().optional(),
  upstream: z.string().optional(),
  /** Every server behind it, with what the gateway last told of it; nothing told since the start: nothing speaks against it. */
  upstreams: z.array(
    z.object({
      origin: z.string(),
      last: z.object({ to: z.enum(['healthy', 'unhealthy', 'files']), why: z.string(), at: time }).optional(),
    }),
  ),
  /** Path at which the gateway looks whether a server is well. */
  healthPath: z.string().optional(),
  /** Who carries its requests: the gateway, or another proxy that asks Cordon about each. */
  enforcedBy: z.enum(['gateway', 'forward-auth']),
  /** What becomes of an open stream when access ends: it is cut, it goes on at the proxy, or none is let in at all. */
  streams: z.enum(['cut', 'uncut', 'refused']),
  /** Presets of headers that tell it who is there, besides the signed assertion. */
  identityHeaders: z.array(z.string()),
  /** True when no TLS connection without the certificate of a device gets as far as a request. */
  clientCertificate: z.boolean(),
  /** Origins besides its own that may open a WebSocket. */
  allowedOrigins: z.array(z.string()),
  /** Its own budgets; absent ones are those of the gateway. */
  limits: z.object({ requestsPerSecond: z.number().optional(), bodyBytes: z.number().optional() }),
  ssh: z.object({ principals: z.array(z.string()), lifetimeSeconds: z.number() }).optional(),
});

/** An application that may ask for decisions over AuthZEN. */
export const decisionClientView = z.object({
  id: z.string(),
  name: z.string(),
  /** Ids of the models it may ask, each with the identifier of its decision point. */
  models: z.array(z.object({ id: z.string(), decisionPoint: z.string() })),
  /** Name of the device whose certificate has to come with the key. */
  device: z.string().optional(),
  createdAt: time,
  by: z.string(),
});

/** Something with an address that opens or accepts connections. */
export const workloadView = z.object({
  id: z.string(),
  name: z.string(),
  labels,
  addresses: z.array(z.string()),
  source: z.string(),
  segments: z.array(z.string()),
  deviceId: z.string().optional(),
  quarantine: z.object({ since: time, by: z.string(), reason: z.string() }).optional(),
});

/** One directed pair of label classes with what is allowed between them. */
const planPairView = z.object({
  from: z.string(),
  to: z.string(),
  pieces: z.array(
    z.object({
      effect: z.enum(['allow', 'deny']),
      protocol: z.string(),
      ports: z.string(),
      policies: z.array(z.string()),
    }),
  ),
});

/** Who may connect to whom: classes of workloads that no policy can tell apart, and the pairs about which something is said. */
export const planView = z.object({
  classes: z.array(z.object({ id: z.string(), labels, segments: z.array(z.string()), workloads: z.array(z.string()) })),
  pairs: z.array(planPairView),
  problems: z.array(problemView),
});

/** The answer to "may this connection be opened?". */
export const traceView = z.object({
  allowed: z.boolean(),
  from: z.string(),
  to: z.string(),
  protocol: z.string(),
  port: z.number(),
  reason: z.string(),
  policies: z.array(z.string()),
});

/** A detection a person should see. */
export const alertView = z.object({
  id: z.string(),
  ruleId: z.string(),
  title: z.string(),
  severity: z.enum(['low', 'medium', 'high', 'critical']),
  subjectKind: z.string(),
  subjectId: z.string(),
  subjectName: z.string(),
  detail: z.string(),
  firstAt: time,
  lastAt: time,
  count: z.number(),
  status: z.enum(['open', 'closed']),
  eventIds: z.array(z.string()),
  response: z.object({ rule: z.string(), action: z.string(), mode: z.string(), at: time }).optional(),
});

/** An OCSF event; the attributes of its class stand beside the common ones. */
export const eventView = z.looseObject({
  class_uid: z.number(),
  activity_name: z.string(),
  time,
  message: z.string(),
  severity_id: z.number(),
  metadata: z.looseObject({ uid: z.string(), correlation_uid: z.string().optional() }),
});

/** The policy bundle in force and the built-in policies. */
export const policiesView = z.object({
  version: z.number(),
  author: z.string(),
  message: z.string(),
  activatedAt: time.optional(),
  texts: z.record(z.string(), z.string()),
  policies: z.array(
    z.object({ id: z.string(), effect: z.string(), action: z.string(), title: z.string(), builtin: z.boolean() }),
  ),
});

const replayRow = z.object({
  user: z.string(),
  app: z.string(),
  count: z.number(),
  before: z.array(z.string()),
  after: z.array(z.string()),
});

/** What an edited policy would have changed in the requests that were really made. */
export const replayView = z.object({
  replayed: z.number(),
  unchanged: z.number(),
  gains: z.array(replayRow),
  losses: z.array(replayRow),
  notReplayable: z.array(z.object({ reason: z.string(), count: z.number() })),
});

/** What a check of policies found. `ok` when nothing stands in the way of activating them. */
export const checkView = z.object({
  ok: z.boolean(),
  /** Why they cannot be activated: they do not validate, or fail their own tests. */
  problems: z.array(problemView),
  /** What is most likely not meant. */
  warnings: z.array(problemView),
  policies: z.number(),
  /** Questions that the tests of the bundle asked. */
  tests: z.number(),
});

/** One version of the policies, as the history lists it. */
export const bundleView = z.object({
  version: z.number(),
  author: z.string(),
  message: z.string(),
  createdAt: time,
  files: z.array(z.string()),
  active: z.boolean(),
});

/** A policy, and what of it held for a question, up to what decided. */
const explainedPolicyView = z.object({
  id: z.string(),
  effect: z.enum(['permit', 'forbid']),
  title: z.string(),
  builtin: z.boolean(),
  role: z.enum(['decided', 'erred', 'nearest']),
  file: z.string(),
  line: z.number(),
  clauses: z.array(
    z.object({
      text: z.string(),
      outcome: z.enum(['held', 'failed', 'error']),
      facts: z.array(z.object({ expression: z.string(), value: z.string() })),
      error: z.string().optional(),
    }),
  ),
});

/** Why a person may or may not open an app. */
export const explanationView = z.object({
  effect: z.enum(['permit', 'forbid']),
  user: z.string(),
  app: z.string(),
  reasons: z.array(z.object({ code: z.string(), detail: z.string().optional() })),
  /** The session that was asked about; absent when the person is not signed in. */
  session: z.object({ id: z.string(), acr: z.string(), authenticatedAt: time, address: z.string() }).optional(),
  /** What was taken for granted because the person is not signed in. */
  assumptions: z.array(z.string()),
  policies: z.array(explainedPolicyView),
  furtherPermits: z.number(),
  /** The smallest change that would allow it; empty when it is allowed or none was found. */
  change: z.array(z.string()),
});

/** Who can do something, or what somebody can do. */
export const searchView = z.object({
  /** What was taken for granted; empty when only existing sessions counted. */
  assumptions: z.array(z.string()),
  items: z.array(
    z.object({
      userId: z.string(),
      email: z.string(),
      action: z.enum(['access', 'view', 'manage']),
      resource: z.string(),
      answer: z.enum(['yes', 'depends']),
      policies: z.array(z.string()),
      /** Facts of a request on which it depends. */
      dependsOn: z.array(z.string()),
      /** Sessions with which it can be done now. */
      sessions: z.number().optional(),
    }),
  ),
  /** Send this as `after` to go on; absent on the last page. */
  next: z.string().optional(),
});

/** What an import of an account found and changed. */
export const importView = z.object({
  assets: z.number(),
  created: z.number(),
  updated: z.number(),
  removed: z.number(),
  unchanged: z.number(),
  unknownFiles: z.array(z.string()),
  problems: z.array(problemView),
  byKind: z.record(z.string(), z.number()),
  byTier: z.array(z.number()),
});

/** One difference between a document and what is in force. */
export const configurationChangeView = z.object({
  kind: z.string(),
  id: z.string(),
  op: z.enum(['add', 'change', 'remove']),
});

/** The outcome of walking the journal's hash chain. */
export const verifyView = z.object({
  ok: z.boolean(),
  lines: z.number(),
  segments: z.number(),
  head: z.string().optional(),
  problem: z.object({ file: z.string(), line: z.number(), reason: z.string() }).optional(),
});
