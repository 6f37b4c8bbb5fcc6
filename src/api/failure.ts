import { CordonError, type Problem } from '#base';

interface FailureOptions {
  readonly hint?: string;
  readonly problems?: readonly Problem[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Where a person goes to make it work: signing in, or stepping up. */
  readonly location?: string;
}

/** A failure with the HTTP status it is answered with. */
export class ApiFailure extends CordonError {
  readonly status: number;
  /** Extra headers, for example `Retry-After`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly location: string | undefined;

  constructor(status: number, code: string, message: string, options: FailureOptions = {}) {
    super(code, message, options);
    this.status = status;
    this.headers = options.headers ?? {};
    this.location = options.location;
  }
}

/** 404 `not-found`. */
export function notFound(what: string, id: string): ApiFailure {
  return new ApiFailure(404, 'not-found', `no ${what} \`${id}\``, { hint: 'list them to see the ids there are' });
}

/** 422 with all problems of an input. */
export function refused(code: string, message: string, problems: readonly Problem[]): ApiFailure {
  return new ApiFailure(422, code, message, { problems });
}

/** An answer to something thrown. */
export interface FailureAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object;
}

const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  'too-many-attempts': 429,
  'credentials-wrong': 401,
  'code-wrong': 401,
  'passkey-refused': 401,
  'not-authenticated': 401,
  'session-expired': 401,
  'user-disabled': 403,
  'sign-in-too-old': 403,
  'mfa-too-weak': 403,
  'email-taken': 409,
  'group-exists': 409,
  'last-administrator': 409,
  'last-second-factor': 409,
  'account-disabled': 409,
  'alert-closed': 409,
  'asset-not-overridden': 409,
  'query-busy': 429,
};

/**
 * The body and status any thrown value is answered with. Unexpected ones tell nothing but a correlation id; so do failures of the machine,
 * whose messages name directories, unless the caller is its operator (`isLocal`).
 */
export function failureAnswer(
  error: unknown,
  { correlationId, isLocal }: { readonly correlationId: string; readonly isLocal: boolean },
): FailureAnswer {
  const answer = (
    status: number,
    { code, message, hint, problems }: Shown,
    more: Partial<ApiFailure>,
  ): FailureAnswer => ({
    status,
    headers: more.headers ?? {},
    body: {
      error: {
        code,
        message,
        ...(hint === undefined ? {} : { hint }),
        ...(more.location === undefined ? {} : { location: more.location }),
        problems,
        correlationId,
      },
    },
  });
  if (error instanceof ApiFailure) return answer(error.status, error, error);
  const status = error instanceof CordonError ? statusOf(error.code) : 500;
  if (error instanceof CordonError && (status < 500 || isLocal)) return answer(status, error, {});
  const code = error instanceof CordonError ? error.code : 'internal';
  const hint = 'give the correlation id to an administrator';
  return answer(status, { code, message: 'something failed inside Cordon', hint, problems: [] }, {});
}

type Shown = Pick<CordonError, 'code' | 'message' | 'hint' | 'problems'>;

function statusOf(code: string): number {
  if (/^(?:journal|store)-|-(?:unwritable|unavailable)$/.test(code)) return 503;
  if (code.endsWith('-unknown')) return 404;
  return STATUS_OF_CODE[code] ?? 400;
}

/** Turns a refusal of an area into the answer to it. */
export function must<T>(
  outcome: { ok: true; value: T } | { ok: false; error: Problem & { retryAfterSeconds?: number } },
): T {
  if (outcome.ok) return outcome.value;
  const { code, message, hint, retryAfterSeconds } = outcome.error;
  throw new ApiFailure(statusOf(code), code, message, {
    ...(hint === undefined ? {} : { hint }),
    ...(retryAfterSeconds === undefined ? {} : { headers: { 'retry-after': String(retryAfterSeconds) } }),
  });
}
