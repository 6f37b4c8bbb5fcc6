import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { canonicalHost, canonicalTarget, hardenServer, SERVER_OPTIONS } from '#gateway';
import type { Challenges } from './challenges.ts';

const PREFIX = '/.well-known/acme-challenge/';
/** A token is base64url (RFC 8555 section 8.3); anything else is no question of an authority. */
const TOKEN = /^[A-Za-z0-9_-]{1,128}$/;

/**
 * Answers `http-01` in the clear, and sends whoever comes otherwise on to HTTPS, when the host is one that is served there.
 * Nothing else is ever answered here: no cookie is read and no content served.
 */
export function challengeServer(
  challenges: Challenges,
  served: { readonly isServed: (host: string) => boolean; readonly httpsPort: () => number | undefined },
): Server {
  const server = createServer(SERVER_OPTIONS, (request, response) => {
    const target = canonicalTarget(request.url ?? '');
    const path = target.ok ? target.value.path : '';
    if (path.startsWith(PREFIX)) answer(request, response, challenges.http.get(tokenOf(path)));
    else redirect(request, response, { target: target.ok ? path + target.value.query : undefined, ...served });
  });
  hardenServer(server);
  return server;
}

function tokenOf(path: string): string {
  const token = path.slice(PREFIX.length);
  return TOKEN.test(token) ? token : '';
}

function answer({ method }: IncomingMessage, response: ServerResponse, proof: string | undefined): void {
  const isAsked = method === 'GET' || method === 'HEAD';
  response.writeHead(proof === undefined || !isAsked ? 404 : 200, { 'content-type': 'text/plain' });
  response.end(isAsked ? proof : undefined);
}

function redirect(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  to: {
    readonly target: string | undefined;
    readonly isServed: (host: string) => boolean;
    readonly httpsPort: () => number | undefined;
  },
): void {
  const host = canonicalHost(headers.host)?.host;
  const isAsked = method === 'GET' || method === 'HEAD';
  const port = to.httpsPort();
  // A request that carries something has already sent it in the clear; sending it on would only hide that.
  if (!isAsked || host === undefined || to.target === undefined || port === undefined || !to.isServed(host)) {
    response.writeHead(404, { 'content-type': 'text/plain', connection: 'close' }).end();
    return;
  }
  const { href } = new URL(`https://${host}:${port}${to.target}`);
  response.writeHead(308, { location: href, 'content-length': 0 }).end();
}
