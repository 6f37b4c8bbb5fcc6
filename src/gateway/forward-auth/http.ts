import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { IpSet, Result } from '#base';
import { breakOff } from '../client/break-off.ts';
import { refuse } from '../exchange.ts';
import type { Gateway } from '../gateway.ts';
import { type Asked, type Asker, AskingClient } from './asking-client.ts';
import { addressReader, isTrusted } from './client-address.ts';
import { type Contract, CONTRACTS, DESCRIBED_BY, fieldsOf, type Original, readOriginal } from './original.ts';
import { peerAddress } from '../peer-address.ts';

/** What answering proxies takes. */
export interface ForwardAuthOptions {
  readonly gateway: Pick<Gateway, 'ask'>;
  /** Addresses of the proxies that may ask. Empty: nobody may. */
  readonly trusted: IpSet;
}

const PREFIX = '/forward-auth/';

/** Makes the handler of sub-requests over HTTP. It never throws, and answers everything that is no question with a refusal. */
export function answerProxies({
  gateway,
  trusted,
}: ForwardAuthOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const addressOf = addressReader(trusted);
  const peers = new WeakMap<Socket, boolean>();
  const isProxy = (socket: Socket): boolean => {
    const seen = peers.get(socket);
    if (seen !== undefined) return seen;
    const is = isTrusted(socket.remoteAddress, trusted);
    peers.set(socket, is);
    return is;
  };
  return (request, response) => {
    request.resume(); // a body that a proxy sends along is not for us
    const endpoint = endpointOf(request.url ?? '');
    if (endpoint === undefined) {
      refuseUnknown(response);
      return;
    }
    const { contract, rest } = endpoint;
    const asker = askerOver(response, contract);
    if (!isProxy(request.socket)) {
      refuseAsk(gateway, request, { asker, refusal: refuse(403, 'proxy-untrusted') });
      return;
    }
    const { method = '', rawHeaders } = request;
    const original = readOriginal(contract, { method, rest, fields: fieldsOf(rawHeaders) });
    const address = original.ok ? addressOf(original.value.forwardedFor) : original;
    if (!original.ok || !address.ok) {
      refuseAsk(gateway, request, { asker, refusal: refuse(400, 'request-malformed', problemOf(original, address)) });
      return;
    }
    gateway.ask({
      client: new AskingClient(askedAbout(request, original.value), asker),
      address: address.value,
      transport: original.value.scheme === 'https' ? 'tls' : 'http',
      removesHeaders: false,
      describedBy: DESCRIBED_BY[contract],
    });
  };
}

function problemOf(...results: readonly Result<unknown, string>[]): string {
  const failed = results.find((result) => !result.ok);
  return failed?.ok === false ? `the proxy’s question: ${failed.error}` : '';
}

function askedAbout(request: IncomingMessage, { method, target, authority }: Original): Asked {
  const { rawHeaders, headers } = request;
  const header = (name: string): string | undefined => {
    const value = headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  };
  return { method, target, authority, rawHeaders, header };
}

/** Refuses, on record, what is no question about a request. */
function refuseAsk(
  gateway: Pick<Gateway, 'ask'>,
  request: IncomingMessage,
  { asker, refusal }: { readonly asker: Asker; readonly refusal: ReturnType<typeof refuse> },
): void {
  const header = (name: string): string | undefined => (name === 'user-agent' ? request.headers[name] : undefined);
  const asked: Asked = { method: 'GET', target: '/', authority: undefined, rawHeaders: [], header };
  gateway.ask({
    client: new AskingClient(asked, asker),
    address: peerAddress(request.socket),
    transport: 'encrypted' in request.socket ? 'tls' : 'http',
    removesHeaders: false,
    refused: refusal,
  });
}

function endpointOf(url: string): { readonly contract: Contract; readonly rest: string } | undefined {
  if (!url.startsWith(PREFIX)) return undefined;
  const contract = CONTRACTS.find((name) => url.startsWith(name, PREFIX.length));
  if (contract === undefined) return undefined;
  const rest = url.slice(PREFIX.length + contract.length);
  return rest === '' || rest.startsWith('/') || rest.startsWith('?') ? { contract, rest } : undefined;
}

function refuseUnknown(response: ServerResponse): void {
  const body = `${JSON.stringify({
    code: 'app-unknown',
    message: 'proxies ask elsewhere',
    hint: `ask at one of ${CONTRACTS.map((name) => `\`${PREFIX}${name}\``).join(', ')}`,
  })}\n`;
  response.writeHead(404, ['content-type', 'application/json', 'content-length', String(Buffer.byteLength(body))]);
  response.end(body);
}

function askerOver(response: ServerResponse, contract: Contract): Asker {
  return {
    hasLeft: () => response.destroyed,
    onceClosed: (work) => {
      response.once('close', work);
    },
    answer: (status, fields, body) => {
      if (contract === 'nginx' && status !== 200) {
        answerNginx(response, status, fields);
        return;
      }
      response.writeHead(status, fields as string[]);
      response.end(body);
    },
    abort: () => {
      breakOff(response);
    },
  };
}

/** Fields of a denial that nginx can pass on; the rest describes a body that it drops. */
const KEPT_FOR_NGINX: ReadonlySet<string> = new Set(['location', 'www-authenticate', 'x-cordon-correlation-id']);

/** `auth_request` knows 2xx, 401 and 403, and makes 500 of the rest. Where a person could sign in, 401 carries the way in `location`. */
function answerNginx(response: ServerResponse, status: number, fields: readonly string[]): void {
  const kept: string[] = ['content-length', '0', 'cache-control', 'no-store'];
  let hasLocation = false;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    if (KEPT_FOR_NGINX.has(name)) kept.push(name, fields[i + 1] ?? '');
    if (name === 'location') hasLocation = true;
  }
  response.writeHead(status === 401 || hasLocation ? 401 : 403, kept);
  response.end();
}
