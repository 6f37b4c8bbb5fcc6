/** How failures of one kind of authenticator slow down further attempts. */
export interface ThrottleRule {
  /** Failures that cost nothing; the next one starts the backoff. */
  readonly free: number;
  /** Consecutive failures after which only a success by another way, or an administrator, helps (NIST SP 800-63B-4 §3.2.2). */
  readonly max: number;
  /** Backoff after the first failure that costs, milliseconds; doubles with every further one. */
  readonly baseMs: number;
  /** Longest backoff, milliseconds. */
  readonly capMs: number;
  /** Quiet time after which the backoff starts from zero again, milliseconds. `max` counts on. */
  readonly forgetMs: number;
}

/** Every number of the identity area in one place. `docs/reference/identity.md` explains each. */
export interface IdentityLimits {
  /** Life of an invitation link, milliseconds. */
  readonly invitationMs: number;
  /** Enrolments that may be in progress for one link at a time; the oldest gives way. */
  readonly enrolmentsPerLink: number;
  /** Passkeys per person. */
  readonly passkeys: number;
  /** Time between the right password and the second factor, milliseconds. */
  readonly pendingMs: number;
  /** Life of a passkey challenge, milliseconds. */
  readonly challengeMs: number;
  /** Challenges and pending sign-ins held in memory at most; the oldest gives way. */
  readonly flows: number;
  /** Challenges one address may hold open; its oldest gives way, so it cannot push out others'. */
  readonly flowsPerAddress: number;
  /** Life of a hand-off code, milliseconds. */
  readonly handoffMs: number;
  /** Life of a code that a program exchanges, milliseconds: a person may have to carry it to a terminal. */
  readonly programCodeMs: number;
  /** Life of a program's token, milliseconds; never longer than its session. */
  readonly bearerMs: number;
  /** The same when it is bound to a key. */
  readonly boundMs: number;
  /** Absolute life of a session, milliseconds; a step-up does not extend it. */
  readonly sessionMs: number;
  /** Sessions per person; the oldest ends when another begins. */
  readonly sessionsPerUser: number;
  /** App sessions per session; the oldest ends when another begins. */
  readonly appSessionsPerSession: number;
  /** Recognised browsers per person; the oldest is forgotten. */
  readonly browsersPerUser: number;
  /** Refusals per second that are written about strangers of one kind, and about one person; more are not written. */
  readonly refusalsToldPerSecond: number;
  /** Oldest sign-in that may change the person's own factors, milliseconds. */
  readonly factorChangeMs: number;
  readonly password: {
    /** Code points after NFC. */
    readonly minLength: number;
    /** UTF-8 bytes after NFC. */
    readonly maxBytes: number;
    /** Argon2id memory, KiB. */
    readonly memoryKiB: number;
    /** Argon2id passes. */
    readonly passes: number;
    /** Hashes computed at the same time. */
    readonly concurrency: number;
    /** Hashes waiting; more are refused with `too-many-attempts`. */
    readonly queue: number;
  };
  readonly throttle: {
    /** By client address (IPv6: by /64), all accounts together. */
    readonly address: ThrottleRule;
    /** By account and factor, from browsers the account has not used before. */
    readonly stranger: ThrottleRule;
    /** By account and factor, from browsers the account has used before. With `stranger` at most 100 in all. */
    readonly known: ThrottleRule;
    /** Rows about addresses and unknown accounts kept at most; the oldest give way. */
    readonly rows: number;
    /** Quiet time after which rows about unknown accounts are removed, milliseconds. */
    readonly unknownMs: number;
  };
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The limits in force by default. The password cost is the floor of OWASP ASVS 5.0 appendix C (t=2, m=19 MiB, p=1). */
export const IDENTITY_LIMITS: IdentityLimits = {
  invitationMs: HOUR,
  enrolmentsPerLink: 3,
  passkeys: 10,
  pendingMs: 5 * MINUTE,
  challengeMs: 5 * MINUTE,
  flows: 10_000,
  flowsPerAddress: 20,
  handoffMs: MINUTE,
  programCodeMs: 3 * MINUTE,
  bearerMs: HOUR,
  boundMs: 8 * HOUR,
  sessionMs: 12 * HOUR,
  sessionsPerUser: 20,
  appSessionsPerSession: 100,
  browsersPerUser: 20,
  refusalsToldPerSecond: 5,
  factorChangeMs: 15 * MINUTE,
  password: { minLength: 8, maxBytes: 1024, memoryKiB: 19_456, passes: 2, concurrency: 2, queue: 32 },
  throttle: {
    address: { free: 5, max: Number.MAX_SAFE_INTEGER, baseMs: 30 * SECOND, capMs: HOUR, forgetMs: 2 * HOUR },
    stranger: { free: 5, max: 80, baseMs: 30 * SECOND, capMs: HOUR, forgetMs: DAY },
    known: { free: 5, max: 20, baseMs: 30 * SECOND, capMs: HOUR, forgetMs: DAY },
    rows: 100_000,
    unknownMs: 30 * DAY,
  },
};
