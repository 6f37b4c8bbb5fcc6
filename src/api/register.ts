import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import { z } from 'zod';
import type { RouteShape } from '#contract';
import { addressOf, type Call, type Caller } from './caller.ts';
import { ApiFailure } from './failure.ts';

type Out<S> = S extends z.ZodType ? z.output<S> : undefined;

/** A handler that has taken over the connection (server-sent events) returns this. */
export const STREAMING: unique symbol = Symbol('streaming');

/** What a route answers, as a handler gives it. */
export type Answer<R extends RouteShape> = z.input<R['response']>;

/** A handler of one route: the call with input as the contract types it, to the response as the contract types it. */
export type Handler<R extends RouteShape> = (
  call: Omit<Call, 'params' | 'query' | 'body'> & {
    readonly params: Out<R['params']>;
    readonly query: Out<R['query']>;
    readonly body: Out<R['body']>;
    readonly reply: FastifyReply;
  },
) => Promise<Answer<R>>;

/** One handler per row of a route table. A missing one is a type error. */
export type Handlers<T extends Readonly<Record<string, RouteShape>>> = { readonly [K in keyof T]: Handler<T[K]> };

/** What guards a table. */
export interface Guard {
  /** Finds the caller of a request, before its body is read. Throws `ApiFailure` to refuse. */
  authorize(request: FastifyRequest, access: RouteShape['access']): Promise<Caller>;
  /** Whether `authorize` would let the same request in now. */
  isAllowed(request: FastifyRequest, access: RouteShape['access']): boolean;
}

const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Serves a route table: guard, then input, then handler. Input is validated once, here; an answer to bad input lists every problem. */
export function registerRoutes<T extends Readonly<Record<string, RouteShape>>>(
  server: FastifyInstance,
  table: T,
  {
    handlers,
    guard,
    bodyLimits = {},
  }: {
    readonly handlers: Handlers<T>;
    readonly guard: Guard;
    /** Bytes, for routes that take more than the host's limit. */
    readonly bodyLimits?: { readonly [K in keyof T]?: number };
  },
): void {
  const methods = new Map<string, HTTPMethods[]>();
  for (const name of Object.keys(table)) {
    const route: RouteShape | undefined = table[name];
    const handler: Handler<RouteShape> | undefined = handlers[name];
    if (route === undefined || handler === undefined) throw new Error(`route \`${name}\` has no handler`);
    registerRoute(server, route, { handler, guard, bodyLimit: bodyLimits[name] });
    methods.set(route.path, [...(methods.get(route.path) ?? []), route.method]);
  }
  for (const [path, allowed] of methods) refuseOtherMethods(server, path, allowed);
}

function registerRoute(
  server: FastifyInstance,
  route: RouteShape,
  { handler, guard, bodyLimit }: { handler: Handler<RouteShape>; guard: Guard; bodyLimit: number | undefined },
): void {
  const callers = new WeakMap<FastifyRequest, Caller>();
  server.route({
    method: route.method,
    url: route.path,
    ...(bodyLimit === undefined ? {} : { bodyLimit }),
    // Before the body is read: who may not call makes us parse nothing.
    onRequest: async (request) => {
      callers.set(request, await guard.authorize(request, route.access));
    },
    handler: async (request, reply) => {
      const caller = callers.get(request);
      if (caller === undefined) throw new Error('a request got past its guard');
      const result: unknown = await handler({
        params: validated(route.params, request.params, 'path'),
        query: validated(route.query ?? NO_QUERY, request.query, 'query'),
        body: validated(route.body, request.body, 'body'),
        caller,
        address: addressOf(request.raw),
        request: request.raw,
        correlationId: request.id,
        isStillAllowed: () => guard.isAllowed(request, route.access),
        reply,
      });
      if (result === STREAMING) return reply;
      // Only what the contract names leaves: a field that a handler passed on by mistake does not.
      return await reply.send(route.response.parse(result));
    },
  });
}

function refuseOtherMethods(server: FastifyInstance, path: string, allowed: readonly HTTPMethods[]): void {
  const allow = allowed.join(', ');
  server.route({
    method: METHODS.filter((method) => !allowed.includes(method)),
    url: path,
    onRequest: (request, _reply, done) => {
      const message = `\`${request.method}\` is not a method of this path`;
      done(new ApiFailure(405, 'method-not-allowed', message, { hint: `use ${allow}`, headers: { allow } }));
    },
    handler: async (_request, reply) => await reply.send(),
  });
}

const NO_QUERY = z.object({});

function validated(schema: z.ZodType | undefined, value: unknown, part: string): unknown {
  if (schema === undefined) return undefined;
  // A key that nobody reads is a mistake of the caller, and is named as such instead of being ignored.
  const parsed = (schema instanceof z.ZodObject ? schema.strict() : schema).safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => ({
    code: 'request-invalid',
    message: `${part}${issue.path.length === 0 ? '' : ` \`${issue.path.map(String).join('.')}\``}: ${issue.message.charAt(0).toLowerCase()}${issue.message.slice(1)}`,
  }));
  throw new ApiFailure(400, 'request-invalid', problems[0]?.message ?? 'the request is not valid', { problems });
}
