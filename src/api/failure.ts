import { CordonError, type Problem } from '#base';

/** A failure with the HTTP status it is answered with. */
export class ApiFailure extends CordonError {
  readonly status: number;
  /** Extra headers, for example `Retry-After`. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message: string,
    options: { hint?: string; problems?: readonly Problem[]; headers?: Record<string, string> } = {},
  ) {
    super(code, message, options);
    this.status = status;
    this.headers = options.headers ?? {};
  }
}

/** 404 `not-found`. */
export function notFound(what: string, id: string): ApiFailure {
  return new ApiFailure(404, 'not-found', `no ${what} \`${id}\``, { hint: `list them to see the ids there are` });
}

/** 422 with all problems of an input. */
export function refused(code: string, message: string, problems: readonly Problem[]): ApiFailure {
  return new ApiFailure(422, code, message, { problems });
}

/** The body and status any thrown value is answered with. Unexpected ones tell nothing but a correlation id. */
export function failureAnswer(
  error: unknown,
  correlationId: string,
): { status: number; headers: Readonly<Record<string, string>>; body: object } {
  if (error instanceof CordonError) {
    const status = error instanceof ApiFailure ? error.status : error.code.endsWith('-unwritable') ? 503 : 400;
    const headers = error instanceof ApiFailure ? error.headers : {};
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    return {
      status,
      headers,
      body: { error: { code: error.code, message: error.message, ...hint, problems: error.problems, correlationId } },
    };
  }
  const body = {
    error: {
      code: 'internal',
      message: 'something failed inside Cordon',
      hint: 'give the correlation id to an administrator',
      problems: [],
      correlationId,
    },
  };
  return { status: 500, headers: {}, body };
}
