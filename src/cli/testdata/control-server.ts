import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { CONTROL_ROUTES, type RouteShape } from '#contract';
import { ANSWERS, type Answers } from './answers.ts';

/** A request as the server understood it; it was checked against the schemas of its route. */
export interface Asked {
  readonly route: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: unknown;
  readonly body: unknown;
}

/** What a test wants answered instead: an object for a route, or everything the raw answer needs. */
export type Override = (asked: Asked, response: ServerResponse) => unknown;

/** A control server with canned answers, on a real Unix socket. */
export interface ControlServer {
  readonly directory: string;
  readonly socket: string;
  readonly asked: Asked[];
  close(): Promise<void>;
}

/** Starts one. `override` may answer a request (undefined: the canned answer; the response itself: it has answered). */
export async function startControlServer(
  override: Override = () => undefined,
  answers: Answers = ANSWERS,
): Promise<ControlServer> {
  const directory = mkdtempSync(join(tmpdir(), 'ctl-'));
  const socket = join(directory, 'control.sock');
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { code: 'request-invalid', message: String(error), problems: [] } }));
    });
  });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const understood = await understand(request);
    asked.push(understood);
    const other = override(understood, response);
    if (other === response) return;
    const canned = answers[understood.route as keyof Answers];
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(other ?? canned));
  };
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    directory,
    socket,
    asked,
    close: async () => {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Runs `work` against a control server that is closed afterwards, also when the test fails. */
export async function withControlServer<T>(
  override: Override,
  work: (server: ControlServer) => Promise<T>,
): Promise<T> {
  const server = await startControlServer(override);
  try {
    return await work(server);
  } finally {
    await server.close();
  }
}

async function understand(request: IncomingMessage): Promise<Asked> {
  const url = new URL(request.url ?? '', 'http://localhost');
  for (const [route, shape] of Object.entries<RouteShape>(CONTROL_ROUTES)) {
    const names = [...shape.path.matchAll(/:([a-z]+)/g)].map(([, name]) => name ?? '');
    const found = new RegExp(`^${shape.path.replaceAll(/:[a-z]+/g, '([^/]+)')}$`).exec(url.pathname);
    if (found === null || shape.method !== request.method) continue;
    const params = Object.fromEntries(names.map((name, index) => [name, decodeURIComponent(found[index + 1] ?? '')]));
    return {
      route,
      params,
      query: shape.query?.parse(Object.fromEntries(url.searchParams)),
      body: shape.body === undefined ? undefined : shape.body.parse(await json(request)),
    };
  }
  throw new Error(`no route ${request.method} ${url.pathname}`);
}

/** Answers as Cordon answers a refusal. */
export function refuse(response: ServerResponse, status: number, error: object): ServerResponse {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ error: { problems: [], ...error } }));
  return response;
}
