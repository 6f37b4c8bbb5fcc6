import assert from 'node:assert/strict';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { Secret, TOTP } from 'otpauth';
import { type ApiBench, HOSTS, PASSWORD } from './api-bench.ts';

/** An answer, read whole. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON; fails when it is not. */
  json<T = Record<string, unknown>>(): T;
  /** Code of the error in the body. */
  code(): string;
}

/** What to send. */
export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body?: string | Buffer | object | undefined;
  /** Leaves out what a page of ours would send along. */
  readonly bare?: boolean;
}

/** A browser: cookies by host, requests as our pages make them. Redirects are not followed. */
export class Browser {
  readonly #port: number;
  readonly #cookies = new Map<string, Map<string, string>>();

  constructor({ port }: Pick<ApiBench, 'port'>) {
    this.#port = port;
  }

  /** The cookies of a host. */
  cookies(host: string): Map<string, string> {
    const known = this.#cookies.get(host) ?? new Map<string, string>();
    this.#cookies.set(host, known);
    return known;
  }

  /** Calls an API as a page of that host would. */
  async call(host: string, path: string, sent: Sent = {}): Promise<Reply> {
    const headers = sent.bare === true ? {} : { 'x-requested-with': 'cordon-console', 'sec-fetch-site': 'same-origin' };
    return await this.#send(host, path, { ...sent, headers: { ...headers, ...sent.headers } });
  }

  /** Opens a page, as typing its address does. */
  async open(url: string): Promise<Reply> {
    const { hostname, pathname, search } = new URL(url);
    const headers = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'none' };
    return await this.#send(hostname, pathname + search, { headers });
  }

  /** Opens a page and follows redirects, at most ten. */
  async visit(url: string): Promise<Reply & { readonly url: string }> {
    let at = url;
    for (let hop = 0; hop < 10; hop++) {
      const reply = await this.open(at);
      const { location } = reply.headers;
      if (location === undefined) return { ...reply, url: at };
      at = new URL(location, at).href;
    }
    throw new Error(`too many redirects, at ${at}`);
  }

  /** Opens a stream and gives its lines as they arrive. */
  async stream(host: string, path: string): Promise<IncomingMessage> {
    return await new Promise((resolve, reject) => {
      const sent = request(this.#options(host, path, {}), resolve);
      sent.once('error', reject).end();
    });
  }

  #options(host: string, path: string, { method = 'GET', headers = {} }: Sent): object {
    const jar = [...this.cookies(host)].map(([name, value]) => `${name}=${value}`).join('; ');
    return {
      host: '127.0.0.1',
      port: this.#port,
      method,
      path,
      agent: false,
      headers: { host: `${host}:${this.#port}`, ...(jar === '' ? {} : { cookie: jar }), ...headers },
    };
  }

  async #send(host: string, path: string, sent: Sent): Promise<Reply> {
    const reply = await exchange(this.#options(host, path, sent), sent.body);
    for (const line of reply.headers['set-cookie'] ?? []) {
      const [pair = '', ...attributes] = line.split('; ');
      const [name = '', value = ''] = pair.split('=');
      if (attributes.includes('Max-Age=0')) this.cookies(host).delete(name);
      else this.cookies(host).set(name, value);
    }
    return reply;
  }
}

/** Calls the control socket, as the command does. */
export async function callLocal({ socket }: Pick<ApiBench, 'socket'>, path: string, sent: Sent = {}): Promise<Reply> {
  const { method = 'GET', headers = {}, body } = sent;
  return await exchange({ socketPath: socket, method, path, agent: false, headers }, body);
}

async function exchange(options: object, body: Sent['body']): Promise<Reply> {
  return await new Promise((resolve, reject) => {
    const isRaw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
    const sent = request(options, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        resolve(replyOf(answer, Buffer.concat(chunks).toString('utf8')));
      });
      answer.on('error', reject);
    });
    sent.once('error', reject);
    if (!isRaw && !sent.hasHeader('content-type')) sent.setHeader('content-type', 'application/json');
    sent.end(isRaw ? body : JSON.stringify(body));
  });
}

function replyOf({ statusCode = 0, headers }: IncomingMessage, text: string): Reply {
  const json = <T>(): T => JSON.parse(text) as T;
  return {
    status: statusCode,
    headers,
    text,
    json,
    code: () => json<{ error?: { code?: string } }>().error?.code ?? '',
  };
}

/** A person who has enrolled over HTTP, with the browser they did it in. */
export interface Person {
  readonly userId: string;
  readonly email: string;
  readonly browser: Browser;
  readonly secret: string;
  readonly recoveryCodes: readonly string[];
}

/** The code an authenticator app shows now. */
export function codeOf(secret: string, now: number): string {
  return new TOTP({ secret: Secret.fromBase32(secret), digits: 6, period: 30 }).generate({ timestamp: now });
}

/** Invites a person, who enrols with a password and an authenticator app. The first one becomes the administrator. */
export async function enrol(bench: ApiBench, email: string, groups: readonly string[] = []): Promise<Person> {
  const { identity } = bench.services;
  const link = (await identity.invitations.bootstrap()) ?? (await invitation(bench, email, groups));
  const browser = new Browser(bench);
  const post = async (path: string, body: object): Promise<Reply> => {
    const reply = await browser.call(HOSTS.identity, path, { method: 'POST', body });
    assert.equal(reply.status, 200, `${path}: ${reply.text}`);
    return reply;
  };
  const { enrolment } = (await post('/api/enrolment', { token: link.token })).json<{ enrolment: string }>();
  await post('/api/enrolment/password', { enrolment, name: 'A. Person', email, password: PASSWORD });
  const { secret } = (await post('/api/enrolment/totp', { enrolment })).json<{ secret: string }>();
  await post('/api/enrolment/totp/confirm', { enrolment, code: codeOf(secret, bench.clock.now()) });
  const { recoveryCodes } = (await post('/api/enrolment/finish', { enrolment })).json<{ recoveryCodes: string[] }>();
  return { userId: link.userId, email, browser, secret, recoveryCodes };
}

async function invitation(
  { services }: ApiBench,
  email: string,
  groups: readonly string[],
): Promise<{ userId: string; token: string }> {
  const invited = await services.identity.invitations.invite({ email, name: '', groups, by: 'local:0' });
  assert.ok(invited.ok);
  return invited.value;
}
