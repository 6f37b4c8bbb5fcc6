/** What the gateway allows one client, and how long it waits for anybody. */
export interface Limits {
  /** Open exchanges per session; more are refused with `too-many-connections`. */
  readonly connectionsPerSession: number;
  /** Open exchanges per client address, counted before anybody is known; more are refused with `too-many-connections`. */
  readonly connectionsPerAddress: number;
  /** Requests under way at once, WebSockets left out; more are shed with `overloaded`. */
  readonly requestsAtOnce: number;
  /** Requests per second, in bursts of five seconds' worth; more are refused with `too-many-requests`. Infinite: no bound. */
  readonly requestsPerSecondPerConnection: number;
  readonly requestsPerSecondPerAddress: number;
  readonly requestsPerSecondPerAccount: number;
  /** Of what was permitted, unless the app says its own. */
  readonly requestsPerSecondPerApp: number;
  /** Bytes of a body, unless the app says its own; a longer one is refused with `body-too-large`. Infinite: no bound. */
  readonly bodyBytes: number;
  /** How long connecting to an upstream may take, milliseconds. */
  readonly connectTimeoutMs: number;
  /** How long an upstream may take to begin its answer, milliseconds. */
  readonly headersTimeoutMs: number;
  /** How long a body may stand still in either direction, milliseconds. A stream that lives on silence needs a heartbeat. */
  readonly idleTimeoutMs: number;
  /** How long a WebSocket handshake with the upstream may take, milliseconds. */
  readonly upgradeTimeoutMs: number;
  /** How often an upstream with a `health_path` is asked how it is, and how long its answer may take, milliseconds. */
  readonly healthIntervalMs: number;
  readonly healthTimeoutMs: number;
  /** Every open exchange is decided again at least this often, milliseconds. */
  readonly sweepMs: number;
  /** Tiers up to this one (0 is the strictest) are denied with `cannot-record` while the journal cannot be written. */
  readonly mustRecordUpToTier: number;
  /** Events per second about clients that nobody is signed in behind; more are counted, not written. */
  readonly anonymousEventsPerSecond: number;
}

/** The numbers in force unless the caller says otherwise. */
export const GATEWAY_LIMITS: Limits = {
  connectionsPerSession: 512,
  connectionsPerAddress: 4096,
  requestsAtOnce: 20_000,
  requestsPerSecondPerConnection: Number.POSITIVE_INFINITY,
  requestsPerSecondPerAddress: Number.POSITIVE_INFINITY,
  requestsPerSecondPerAccount: Number.POSITIVE_INFINITY,
  requestsPerSecondPerApp: Number.POSITIVE_INFINITY,
  bodyBytes: Number.POSITIVE_INFINITY,
  connectTimeoutMs: 5_000,
  headersTimeoutMs: 60_000,
  idleTimeoutMs: 120_000,
  upgradeTimeoutMs: 10_000,
  healthIntervalMs: 2_000,
  healthTimeoutMs: 2_000,
  sweepMs: 1_000,
  mustRecordUpToTier: 1,
  anonymousEventsPerSecond: 20,
};
