import type { z } from 'zod';

/** One row of a route table. */
export interface RouteShape {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  /** One sentence for the reference. */
  readonly what: string;
  readonly access: 'view' | 'manage' | 'local' | 'public' | 'session';
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly response: z.ZodType;
}

type Part<R extends RouteShape, K extends 'params' | 'query' | 'body'> = R extends {
  readonly [P in K]: infer S extends z.ZodType;
}
  ? z.input<S>
  : undefined;

/** What a client sends as path parameters. */
export type ParamsOf<R extends RouteShape> = Part<R, 'params'>;
/** What a client sends as query. */
export type QueryOf<R extends RouteShape> = Part<R, 'query'>;
/** What a client sends as body. */
export type BodyOf<R extends RouteShape> = Part<R, 'body'>;
/** What a client receives. */
export type ResponseOf<R extends RouteShape> = z.output<R['response']>;

/** Fills a route's path and query; every value is percent-encoded, so an id with slashes stays one segment. */
export function routeUrl(
  path: string,
  params: Readonly<Record<string, unknown>> = {},
  query: Readonly<Record<string, unknown>> = {},
): string {
  const filled = path.replaceAll(/:([a-z]+)/gi, (_match, name: string) => encodeURIComponent(String(params[name])));
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) search.set(key, String(value));
  const text = search.toString();
  return text === '' ? filled : `${filled}?${text}`;
}
