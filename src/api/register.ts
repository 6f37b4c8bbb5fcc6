import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { newId } from '#base';
import type { RouteShape } from '#contract';
import { addressOf, type Call, type Caller } from './caller.ts';
import { ApiFailure, failureAnswer } from './failure.ts';

type Out<S> = S extends z.ZodType ? z.output<S> : undefined;

/** A handler of one route: the call with input as the contract types it, to the response as the contract types it. */
export type Handler<R extends RouteShape> = (
  call: Omit<Call, 'params' | 'query' | 'body'> & {
    readonly params: Out<R['params']>;
    readonly query: Out<R['query']>;
    readonly body: Out<R['body']>;
    readonly reply: FastifyReply;
  },
) => Promise<z.input<R['response']>>;

/** One handler per row of a route table. A missing one is a type error. */
export type Handlers<T extends Readonly<Record<string, RouteShape>>> = { readonly [K in keyof T]: Handler<T[K]> };

/** What guards a table: finds the caller of a request and decides whether it may use a route. Throws `ApiFailure` to refuse. */
export interface Guard {
  authorize(request: FastifyRequest, access: RouteShape['access']): Promise<Caller>;
  /** Called with every unexpected failure. */
  onFailure(error: unknown, correlationId: string): void;
  now(): number;
}

/** A handler that has taken over the connection (server-sent events) returns this. */
export const STREAMING: unique symbol = Symbol('streaming');

/** Serves a route table. Input is validated once, here; an answer to bad input lists every problem. */
export function registerRoutes<T extends Readonly<Record<string, RouteShape>>>(
  server: FastifyInstance,
  table: T,
  handlers: Handlers<T>,
  guard: Guard,
): void {
  for (const name of Object.keys(table)) {
    const route: RouteShape | undefined = table[name];
    // The table and the handlers have the same keys by type; the cast forgets which row it is.
    const handler = handlers[name] as Handler<RouteShape> | undefined;
    if (route === undefined || handler === undefined) throw new Error(`route \`${name}\` has no handler`);
    server.route({
      method: route.method,
      url: route.path,
      handler: async (request, reply) => await answer(route, handler, guard, request, reply),
    });
  }
}

async function answer(
  route: RouteShape,
  handler: Handler<RouteShape>,
  guard: Guard,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const correlationId = newId('cor', guard.now());
  reply.header('x-cordon-correlation-id', correlationId).header('cache-control', 'no-store');
  try {
    const caller = await guard.authorize(request, route.access);
    const result: unknown = await handler({
      params: validated(route.params, request.params, 'path'),
      query: validated(route.query, request.query, 'query'),
      body: validated(route.body, request.body, 'body'),
      caller,
      address: addressOf(request.raw),
      request: request.raw,
      reply,
    } as Parameters<Handler<RouteShape>>[0]);
    if (result !== STREAMING) await reply.send(result);
  } catch (error) {
    const { status, headers, body } = failureAnswer(error, correlationId);
    if (status >= 500) guard.onFailure(error, correlationId);
    await reply
      .code(status)
      .headers({ ...headers })
      .send(body);
  }
}

function validated(schema: z.ZodType | undefined, value: unknown, part: string): unknown {
  if (schema === undefined) return undefined;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => ({
    code: 'request-invalid',
    message: `${part}${issue.path.length === 0 ? '' : ` \`${issue.path.map(String).join('.')}\``}: ${issue.message.charAt(0).toLowerCase()}${issue.message.slice(1)}`,
  }));
  throw new ApiFailure(400, 'request-invalid', problems[0]?.message ?? 'the request is not valid', { problems });
}
