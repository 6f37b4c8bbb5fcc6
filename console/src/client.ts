import {
  type BodyOf,
  CONTROL_ROUTES,
  IDENTITY_ROUTES,
  type ParamsOf,
  type QueryOf,
  type ResponseOf,
  type RouteShape,
  routeUrl,
} from '#contract';

/** A refusal or failure as the API told it. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;
  readonly problems: readonly {
    readonly message: string;
    readonly source?: { readonly file?: string; readonly line?: number; readonly column?: number };
  }[];

  constructor(status: number, body: { code: string; message: string; hint?: string; problems?: ApiError['problems'] }) {
    super(body.message);
    this.status = status;
    this.code = body.code;
    this.hint = body.hint;
    this.problems = body.problems ?? [];
  }
}

/** What a call may carry, by the route's row in the contract. */
export type Input<R extends RouteShape> = { readonly [K in 'params' | 'query' | 'body']?: unknown } & {
  readonly params?: ParamsOf<R>;
  readonly query?: QueryOf<R>;
  readonly body?: BodyOf<R>;
};

async function send<R extends RouteShape>(route: R, input: Input<R>): Promise<ResponseOf<R>> {
  const url = routeUrl(
    route.path,
    (input.params ?? {}) as Record<string, unknown>,
    (input.query ?? {}) as Record<string, unknown>,
  );
  const hasBody = route.method !== 'GET' && route.body !== undefined;
  const response = await fetch(url, {
    method: route.method,
    headers: {
      accept: 'application/json',
      'x-requested-with': 'cordon-console',
      ...(hasBody ? { 'content-type': 'application/json' } : {}),
    },
    ...(hasBody ? { body: JSON.stringify(input.body ?? {}) } : {}),
  });
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok) return body as ResponseOf<R>;
  const error =
    typeof body === 'object' && body !== null && 'error' in body
      ? (body.error as ConstructorParameters<typeof ApiError>[1])
      : undefined;
  throw new ApiError(
    response.status,
    error ?? { code: 'no-answer', message: `the server answered ${response.status}` },
  );
}

type ControlName = keyof typeof CONTROL_ROUTES;
type IdentityName = keyof typeof IDENTITY_ROUTES;

/** Calls a route of the control API. Throws `ApiError`. */
export async function control<N extends ControlName>(
  name: N,
  input: Input<(typeof CONTROL_ROUTES)[N]> = {},
): Promise<ResponseOf<(typeof CONTROL_ROUTES)[N]>> {
  return await send(CONTROL_ROUTES[name], input);
}

/** Calls a route of the identity API. Throws `ApiError`. */
export async function identity<N extends IdentityName>(
  name: N,
  input: Input<(typeof IDENTITY_ROUTES)[N]> = {},
): Promise<ResponseOf<(typeof IDENTITY_ROUTES)[N]>> {
  return await send(IDENTITY_ROUTES[name], input);
}
