import type { z } from 'zod';
import {
  type BodyOf,
  CONTROL_ROUTES,
  type errorView,
  IDENTITY_ROUTES,
  type ParamsOf,
  type problemView,
  type QueryOf,
  type ResponseOf,
  type RouteShape,
  routeUrl,
} from '#contract';
import { leaveToProve } from './leave.ts';

/** A refusal or failure as the API told it. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;
  readonly problems: readonly ApiProblem[];
  /** Finds the event behind the refusal. */
  readonly correlationId: string | undefined;
  /** Where a person goes to make it work: sign-in or step-up. */
  readonly location: string | undefined;

  constructor(status: number, body: ErrorBody) {
    super(body.message);
    this.status = status;
    this.code = body.code;
    this.hint = body.hint;
    this.problems = body.problems ?? [];
    this.correlationId = body.correlationId;
    this.location = body.location;
  }
}

/** One problem with what was sent, with its place where it has one. */
export type ApiProblem = z.output<typeof problemView>;

type ErrorBody = Omit<z.output<typeof errorView>['error'], 'problems'> & { readonly problems?: readonly ApiProblem[] };

/** What a call may carry, by the route's row in the contract. */
export type Input<R extends RouteShape> = { readonly [K in 'params' | 'query' | 'body']?: unknown } & {
  readonly params?: ParamsOf<R>;
  readonly query?: QueryOf<R>;
  readonly body?: BodyOf<R>;
};

async function send<R extends RouteShape>(route: R, input: Input<R>): Promise<ResponseOf<R>> {
  const url = routeUrl(route.path, input.params ?? {}, input.query ?? {});
  const hasBody = route.method !== 'GET' && route.body !== undefined;
  const response = await reach(url, {
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
  throw new ApiError(
    response.status,
    errorOf(body) ?? { code: 'no-answer', message: `the server answered ${response.status}` },
  );
}

function errorOf(body: unknown): ErrorBody | undefined {
  return typeof body === 'object' && body !== null && 'error' in body ? (body.error as ErrorBody) : undefined;
}

async function reach(url: string, request: RequestInit): Promise<Response> {
  try {
    return await fetch(url, request);
  } catch {
    throw new ApiError(0, {
      code: 'server-unreachable',
      message: 'Cordon does not answer',
      hint:
        request.method === 'GET'
          ? 'is it running, and are you connected? This page tries again by itself.'
          : 'is it running, and are you connected? Look whether it was done before you try again.',
    });
  }
}

/** The name of a route of the control API. */
export type ControlName = keyof typeof CONTROL_ROUTES;
type IdentityName = keyof typeof IDENTITY_ROUTES;

/** What a route of the control API takes. */
export type ControlInput<N extends ControlName> = Input<(typeof CONTROL_ROUTES)[N]>;
/** What a route of the control API answers. */
export type ControlOutput<N extends ControlName> = ResponseOf<(typeof CONTROL_ROUTES)[N]>;

/** Calls a route of the control API. Throws `ApiError`; one that signing in or stepping up would cure leaves the page for it. */
export async function control<N extends ControlName>(name: N, input: ControlInput<N> = {}): Promise<ControlOutput<N>> {
  try {
    return await send(CONTROL_ROUTES[name], input);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) leaveToProve(error.location ?? '/');
    throw error;
  }
}

/** Calls a route of the identity API. Throws `ApiError`. */
export async function identity<N extends IdentityName>(
  name: N,
  input: Input<(typeof IDENTITY_ROUTES)[N]> = {},
): Promise<ResponseOf<(typeof IDENTITY_ROUTES)[N]>> {
  return await send(IDENTITY_ROUTES[name], input);
}
