import type { Json } from '#base';

/** Criticality: T0 crown jewel, T1 critical, T2 important, T3 ordinary. A smaller number is stricter. */
export type Tier = 0 | 1 | 2 | 3;

/** How worried we are about a subject; thresholds in `riskLevel`. */
export type RiskLevel = 'low' | 'medium' | 'high';

/** Authentication context class: how strongly a session was authenticated. Ordered from weak to strong. */
export const ACR_VALUES = ['urn:cordon:aal1', 'urn:cordon:aal2', 'urn:cordon:aal2-phr', 'urn:cordon:aal3'] as const;
/** One of `ACR_VALUES`. */
export type Acr = (typeof ACR_VALUES)[number];

/** A person with an account. Credentials are private rows of the store and never enter the graph. */
export interface User {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  /** Ids of the groups the user is a direct member of. */
  readonly groups: readonly string[];
  /** `invited`: second factor not enrolled yet, nothing but enrolment is possible. */
  readonly status: 'invited' | 'active' | 'disabled';
  readonly createdAt: number;
}

/** A named set of users; `parents` are groups this one is inside of. The id is the name (`admins`, `engineering`). */
export interface Group {
  readonly id: string;
  readonly name: string;
  readonly parents: readonly string[];
}

/** The outcome of one posture check. `unknown` is not `fail`, and neither is ever a pass. */
export type PostureOutcome = 'pass' | 'fail' | 'unknown' | 'not-applicable';

/** One judged posture check, with what was seen and how to fix it. */
export interface PostureResult {
  /** Check id, for example `disk-encryption`; catalogue in `devices/posture`. */
  readonly check: string;
  readonly title: string;
  readonly outcome: PostureOutcome;
  /** What was seen. */
  readonly detail: string;
  /** What the person does to pass; absent when nothing is to be done. */
  readonly fix?: string;
}

/** The last judged posture report of a device. */
export interface Posture {
  readonly collectedAt: number;
  readonly results: readonly PostureResult[];
  readonly verdict: 'healthy' | 'unhealthy' | 'unknown';
}

/** Something a person or a workload connects from: a browser we have seen before, or a host with our agent. */
export interface Device {
  readonly id: string;
  readonly name: string;
  readonly form: 'browser' | 'agent';
  /** The user it belongs to; absent for servers. */
  readonly ownerId?: string;
  /** True when the organisation controls it, that is, when our agent runs on it. */
  readonly managed: boolean;
  readonly status: 'active' | 'revoked';
  /** SHA-256 of the current certificate, base64url (RFC 8705 `x5t#S256`). */
  readonly certificateThumbprint?: string;
  /** JWK thumbprint (RFC 7638) of the device key that signs posture. */
  readonly keyThumbprint?: string;
  /** `hashToken` of the cookie that recognises a browser. */
  readonly tokenHash?: string;
  readonly enrolledAt: number;
  readonly posture?: Posture;
}

/** A signed-in person. The opaque token lives in a `__Host-` cookie; only its hash is here. */
export interface Session {
  readonly id: string;
  readonly userId: string;
  readonly tokenHash: string;
  readonly acr: Acr;
  /** Authentication methods, RFC 8176: `pwd`, `otp`, `hwk`, `swk`, `user`, `mfa`. */
  readonly amr: readonly string[];
  /** When the person last proved presence (`auth_time`), milliseconds. */
  readonly authenticatedAt: number;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly deviceId?: string;
  readonly address: string;
  readonly userAgent: string;
}

/** A session's cookie on one app host. Bound to the session and the host; dies with the session or its rotation. */
export interface AppSession {
  readonly id: string;
  readonly tokenHash: string;
  readonly sessionId: string;
  readonly host: string;
  readonly createdAt: number;
  /** Absent: a browser's cookie. `bearer`: whoever holds the token may use it. `dpop`: only with proof of the key (RFC 9449). */
  readonly form?: 'bearer' | 'dpop';
  /** JWK thumbprint (RFC 7638) of the key that a `dpop` token is bound to. */
  readonly keyThumbprint?: string;
  /** End of its own life, when that is before the session's. */
  readonly expiresAt?: number;
  /** What a program calls itself. Its person has read it; nothing is decided by it. */
  readonly program?: string;
}

/** How the token of a program begins, so that scanners for secrets find one that leaked. A browser's cookie never begins so. */
export const PROGRAM_TOKEN_PREFIX = 'cordon_at_';

/** How the gateway reaches what is behind an app, beyond the first base URL. Paths are absolute. */
export interface UpstreamOptions {
  /** More base URLs that answer the same; the load is spread over all that are healthy. */
  readonly others?: readonly string[];
  /** `http2` without TLS is HTTP/2 with prior knowledge, as gRPC servers speak it. Absent: HTTP/1.1. */
  readonly protocol?: 'http1' | 'http2';
  /** PEM file of the only authorities whose certificates the upstream may show. */
  readonly ca?: string;
  /** PEM files of the certificate that the gateway shows to the upstream, and its key. */
  readonly certificate?: string;
  readonly key?: string;
  /** Name that the upstream's certificate must be for. Absent: the host of its URL. */
  readonly serverName?: string;
  /** Path that answers 2xx while an upstream is healthy. Absent: an upstream is unhealthy for a while after it failed. */
  readonly healthPath?: string;
}

/** Headers in which an app expects to be told who is there, as products before Cordon did. */
export const IDENTITY_HEADER_PRESETS = [
  'authelia',
  'oauth2-proxy',
  'authentik',
  'iap',
  'pomerium',
  'cloudflare',
] as const;
/** One of `IDENTITY_HEADER_PRESETS`. */
export type IdentityHeaderPreset = (typeof IDENTITY_HEADER_PRESETS)[number];

/** What an SSH certificate may allow beyond running commands. */
export const SSH_EXTENSIONS = [
  'permit-pty',
  'permit-port-forwarding',
  'permit-agent-forwarding',
  'permit-X11-forwarding',
  'permit-user-rc',
] as const;
/** One of `SSH_EXTENSIONS`. */
export type SshExtension = (typeof SSH_EXTENSIONS)[number];

/** A published application. */
export interface App {
  readonly id: string;
  readonly name: string;
  /** Exact, lower-case host name without port. */
  readonly host: string;
  /** The built-in app that shows what arrived. */
  readonly builtin?: 'verify';
  /** Base URL of the upstream (`http:`, `https:` or `tcp:`), without path. Absent for built-in apps and behind a proxy that asks. */
  readonly upstream?: string;
  readonly upstreamOptions?: UpstreamOptions;
  /** `forward-auth`: another proxy carries the traffic and asks Cordon about each request. Absent: the gateway. */
  readonly enforcedBy?: 'forward-auth';
  /** What the upstream is told in addition to the signed assertion. */
  readonly identityHeaders?: readonly IdentityHeaderPreset[];
  /** `required`: no TLS connection of a client without a device certificate gets as far as a request. */
  readonly clientCertificate?: 'required';
  /** `allow`: `%2F` in a path is forwarded as it is. Absent: refused, as servers disagree about what it means. */
  readonly encodedSlash?: 'allow';
  /** Budgets of this app; absent ones are those of the gateway. */
  readonly limits?: {
    readonly requestsPerSecond?: number;
    readonly bodyBytes?: number;
  };
  /** Hosts behind the app trust Cordon's SSH authority: who may enter gets a certificate with these login names. */
  readonly ssh?: {
    readonly principals: readonly string[];
    readonly lifetimeSeconds: number;
    /** What a session may do beyond running commands. Absent: a terminal (`permit-pty`). */
    readonly extensions?: readonly SshExtension[];
    /** CIDR blocks the gateway reaches the hosts from; certificates are worth nothing from elsewhere. Absent: they are good anywhere. */
    readonly sourceAddresses?: readonly string[];
  };
  /** The app is a Kubernetes API: the gateway speaks as the account whose token is in this file, and impersonates the person. */
  readonly kubernetes?: { readonly tokenFile: string };
  /** The asset this app gives access to; its tier rules. */
  readonly assetId?: string;
  /** Own tier for apps without an asset. The stricter of both counts. */
  readonly tier: Tier;
  /** The least a device must be, whatever the tier says. */
  readonly device: 'any' | 'known' | 'managed' | 'healthy';
  /** Origins, besides the app's own, that may open a WebSocket. */
  readonly allowedOrigins: readonly string[];
}

/** A directed edge of the asset graph, for example `in-subnet`, `uses-security-group`, `assumes-role`. */
export interface AssetRelation {
  readonly type: string;
  readonly to: string;
}

/** One line of the ledger behind a tier. */
export interface LedgerRow {
  /** Factor letter of the criticality model: D, P, M, B, K, S, or `floor`. */
  readonly factor: 'D' | 'P' | 'M' | 'B' | 'K' | 'S' | 'floor';
  /** Strength of the evidence, 0 to 1. */
  readonly s: number;
  /** Weight of the factor, 0 to 1. */
  readonly w: number;
  /** Points of impact, 0 to 100, that would be missing without this line. */
  readonly contribution: number;
  readonly ruleId: string;
  readonly ruleVersion: number;
  /** One sentence a person can read. */
  readonly reason: string;
  /** Where the evidence stands: file and JSON path of the import. */
  readonly evidence: readonly string[];
  readonly observedAt: number;
}

/** A person's decision about a tier; always shown beside the computed value. */
export interface TierOverride {
  readonly tier: Tier;
  readonly reason: string;
  readonly by: string;
  readonly at: number;
  readonly expiresAt?: number;
}

/** Anything worth protecting. */
export interface Asset {
  /** The provider's own id (ARN) where there is one, else `provider:account:region:kind:native-id`. */
  readonly id: string;
  /** Canonical kind, for example `compute.instance`, `database`, `storage.bucket`, `identity.role`. */
  readonly kind: string;
  readonly name: string;
  readonly provider: 'aws' | 'azure' | 'gcp' | 'kubernetes' | 'terraform' | 'cordon';
  readonly account: string;
  readonly region: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly attributes: Readonly<Record<string, Json>>;
  readonly relations: readonly AssetRelation[];
  /** File the description came from, relative to the import's root. */
  readonly source: string;
  readonly observedAt: number;
  readonly computedTier: Tier;
  /** Impact, 0 to 100, that set the computed tier. */
  readonly impact: number;
  /** Share of the weighted factors for which there was evidence, 0 to 1. */
  readonly confidence: number;
  readonly ledger: readonly LedgerRow[];
  readonly override?: TierOverride;
}

/** Something with an address that opens or accepts connections. */
export interface Workload {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** IPv4 or IPv6 addresses in canonical text. */
  readonly addresses: readonly string[];
  readonly source: 'agent' | 'aws' | 'declared';
  readonly deviceId?: string;
  readonly assetId?: string;
  readonly quarantine?: { readonly since: number; readonly by: string; readonly reason: string };
}

/** A set of workloads, selected by labels that all must match. */
export interface Segment {
  readonly id: string;
  readonly name: string;
  readonly selector: Readonly<Record<string, string>>;
}

/** One version of all policies. Never changed after it was written. */
export interface PolicyBundle {
  /** `policy-<version>` */
  readonly id: string;
  readonly version: number;
  /** File name -> Cedar text; names that end in `.cedartest.yaml` are tests, which decide nothing. */
  readonly texts: Readonly<Record<string, string>>;
  readonly author: string;
  readonly message: string;
  readonly createdAt: number;
}

/** Which bundle is in force. There is one, with id `active`. */
export interface PolicyActivation {
  readonly id: 'active';
  readonly bundleId: string;
  readonly version: number;
  readonly by: string;
  readonly at: number;
}

/** One reason to worry about a subject. Its score halves every `halfLifeMs`. */
export interface RiskContribution {
  readonly ruleId: string;
  /** Points, 0 to 100, at `at`. */
  readonly score: number;
  readonly at: number;
  readonly halfLifeMs: number;
  readonly reason: string;
  /** `metadata.uid` of the event that caused it. */
  readonly eventId: string;
}

/** What is held against a user, device or workload. The id is `<kind>:<subject id>`. */
export interface Risk {
  readonly id: string;
  readonly subjectKind: 'user' | 'device' | 'workload';
  readonly subjectId: string;
  readonly contributions: readonly RiskContribution[];
  /** The level last told in an event. Decisions use the score, never this. Absent: `low`. */
  readonly announced?: RiskLevel;
}

/** A detection a person should see. */
export interface Alert {
  readonly id: string;
  readonly ruleId: string;
  readonly title: string;
  readonly severity: 'low' | 'medium' | 'high' | 'critical';
  readonly subjectKind: 'user' | 'device' | 'workload' | 'address' | 'system';
  readonly subjectId: string;
  readonly detail: string;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly count: number;
  readonly status: 'open' | 'closed';
  /** `metadata.uid` of events that are the evidence, newest last, at most 20. */
  readonly eventIds: readonly string[];
  /** What a response rule did or, in dry-run, would have done. */
  readonly response?: {
    readonly rule: string;
    readonly action: string;
    readonly mode: 'dry-run' | 'enforce';
    readonly at: number;
  };
  /** Response rules that had their turn, as `<rule>:<mode>`, so that none acts twice on one alert. */
  readonly responded?: readonly string[];
  /** Who closed it, and why. */
  readonly closed?: { readonly by: string; readonly at: number; readonly reason: string };
}

/** What to do when a detection fires. */
export interface ResponseRule {
  readonly id: string;
  /** Id of the detection rule that triggers it. */
  readonly when: string;
  readonly action: 'quarantine' | 'revoke-sessions' | 'alert-only';
  readonly mode: 'dry-run' | 'enforce';
}

/** Every kind of entity in the graph, by the name of its kind. */
export interface EntityOf {
  readonly user: User;
  readonly group: Group;
  readonly device: Device;
  readonly session: Session;
  readonly appSession: AppSession;
  readonly app: App;
  readonly asset: Asset;
  readonly workload: Workload;
  readonly segment: Segment;
  readonly policyBundle: PolicyBundle;
  readonly policyActivation: PolicyActivation;
  readonly risk: Risk;
  readonly alert: Alert;
  readonly responseRule: ResponseRule;
}

/** The name of a kind of entity. */
export type EntityKind = keyof EntityOf;

/** All kinds, in the order a snapshot lists them. */
export const ENTITY_KINDS: readonly EntityKind[] = [
  'group',
  'user',
  'device',
  'session',
  'appSession',
  'asset',
  'app',
  'workload',
  'segment',
  'policyBundle',
  'policyActivation',
  'risk',
  'alert',
  'responseRule',
];

/** The tier in force: an unexpired override wins over the computed tier. */
export function effectiveTier(asset: Asset, now: number): Tier {
  const override = asset.override;
  if (override !== undefined && (override.expiresAt === undefined || override.expiresAt > now)) return override.tier;
  return asset.computedTier;
}

/** Points at which a subject becomes a medium and a high risk. */
const RISK_THRESHOLDS: { readonly medium: number; readonly high: number } = { medium: 30, high: 70 };

/** The decayed score of a risk at `now`, 0 to 100: each contribution halves every half-life. */
export function riskScore(risk: Risk | undefined, now: number): number {
  let total = 0;
  for (const { score, at, halfLifeMs } of risk?.contributions ?? []) {
    total += score * 2 ** -(Math.max(0, now - at) / halfLifeMs);
  }
  return Math.min(100, total);
}

/** The level of a decayed score. What is not a number is high: nobody knows how bad it is. */
export function riskLevel(score: number): RiskLevel {
  if (score >= RISK_THRESHOLDS.high || Number.isNaN(score)) return 'high';
  return score >= RISK_THRESHOLDS.medium ? 'medium' : 'low';
}
