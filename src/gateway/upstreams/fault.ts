import { errors } from 'undici';
import type { ReasonCode } from '#model';

/** The reasons of the catalogue that say what an upstream did. */
export type UpstreamReason = Extract<
  ReasonCode,
  'upstream-unreachable' | 'upstream-untrusted' | 'upstream-invalid' | 'upstream-timeout'
>;

/** What an upstream did wrong, as the catalogue names it. The message is for the journal: it may name what is inside. */
export class UpstreamFault extends Error {
  readonly reason: UpstreamReason;
  /** `dial`: there was no connection yet, so nothing was sent. */
  readonly stage: 'dial' | 'exchange';

  constructor(reason: UpstreamReason, message: string, stage: UpstreamFault['stage'] = 'dial') {
    super(message);
    this.name = 'UpstreamFault';
    this.reason = reason;
    this.stage = stage;
  }
}

/**
 * How an attempt failed. `unreachable`: no connection. `lost`: a connection that ended before the answer did. `late`: too slow. `nonsense`:
 * no HTTP. `ours`: the client's or Cordon's own doing, which says nothing about the server.
 */
export type Failure = 'unreachable' | 'lost' | 'late' | 'nonsense' | 'ours';

/** A failure with its name of the catalogue, and all that is known for the journal. */
export interface Named {
  readonly failure: Failure;
  readonly reason: UpstreamReason | 'request-malformed';
  readonly cause: string;
}

const LATE: ReadonlySet<string> = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

const NONSENSE: ReadonlySet<string> = new Set([
  'UND_ERR_HEADERS_OVERFLOW',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'ERR_INVALID_CHAR',
  'ERR_INVALID_HTTP_TOKEN',
  'ERR_HTTP_INVALID_HEADER_VALUE',
  'ERR_HTTP_INVALID_STATUS_CODE',
  'ERR_ASSERTION', // what undici takes for impossible, such as a status below 100
]);

const LOST: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT']);

/** This machine's own shortages. */
const SHORTAGES = /^(?:EMFILE|ENFILE|ENOBUFS|ENOMEM|EADDRNOTAVAIL)\b/;

const FAILURE_OF = {
  'upstream-unreachable': 'lost',
  'upstream-untrusted': 'nonsense',
  'upstream-invalid': 'nonsense',
  'upstream-timeout': 'late',
} as const;

/** Names what went wrong with an upstream, from its connection to the last byte of its answer. */
export function nameFailure(error: Error): Named {
  const code = 'code' in error ? String(error.code) : '';
  const cause = `${code} ${error.message}`.trim().slice(0, 500);
  if (error instanceof UpstreamFault) {
    const failure = error.stage === 'dial' ? 'unreachable' : FAILURE_OF[error.reason];
    return { failure: SHORTAGES.test(error.message) ? 'ours' : failure, reason: error.reason, cause };
  }
  if (LATE.has(code)) return { failure: 'late', reason: 'upstream-timeout', cause };
  if (code === 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH') return { failure: 'ours', reason: 'request-malformed', cause };
  if (isNonsense(error, code)) return { failure: 'nonsense', reason: 'upstream-invalid', cause };
  return { failure: LOST.has(code) ? 'lost' : 'ours', reason: 'upstream-unreachable', cause };
}

function isNonsense(error: Error, code: string): boolean {
  if (error instanceof errors.HTTPParserError || NONSENSE.has(code)) return true;
  return code === 'UND_ERR_SOCKET' && error.message.startsWith('bad '); // an upgrade or an answer that nobody asked for
}
