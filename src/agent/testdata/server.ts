import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { formatEnrolmentToken, type Instruction, parseMessage, type Report, type EnrolRequest } from '#wire';
import { type TestAuthority, testAuthority } from './authority.ts';

/** A server that speaks the wire, and remembers all it was sent. */
export interface TestServer {
  readonly authority: TestAuthority;
  readonly port: number;
  /** `host:port` for `--server`. */
  readonly address: string;
  readonly token: string;
  readonly secret: string;
  /** Bytes of HTTP that arrived, decrypted, over all connections. */
  received(): string;
  readonly enrolments: EnrolRequest[];
  readonly reports: Report[];
  /** `have` of each poll; empty for none. */
  readonly polls: string[];
  renewals: number;
  /** What reports and polls answer; a poll waits while `program` is what the agent has. */
  instruction: Instruction;
  /** Answers instead of the usual; undefined leaves it as it is. */
  intercept:
    | ((request: IncomingMessage, response: ServerResponse, body: string) => boolean | Promise<boolean>)
    | undefined;
  /** How long issued certificates are valid, and how long ago they were issued. */
  lifetime: { validForMs: number; issuedAgoMs: number };
  /** Ends the waits of polls, so that they look at `instruction` again. */
  wake(): void;
  /** Takes no more connections and ends those there are, as a server that died. */
  stop(): Promise<void>;
  /** Listens again on the same port. */
  restart(): Promise<void>;
}

const SECRET = 'S'.repeat(43);
const NAME = 'agent.test';

/** Starts a server on `host` (loopback unless said). `certifiedAs` and `by` make it one the agent must not trust. */
export async function testServer(
  o: { host?: string; port?: number; certifiedAs?: string; by?: TestAuthority; validForMs?: number } = {},
): Promise<TestServer> {
  const authority = await testAuthority();
  const { certificate, key } = await (o.by ?? authority).server(
    o.certifiedAs ?? NAME,
    o.validForMs === undefined ? {} : { validForMs: o.validForMs },
  );
  const state = new Waits();
  let received = '';
  const server = createServer({
    cert: certificate,
    key,
    ca: authority.certificate,
    requestCert: true,
    rejectUnauthorized: false,
  });
  server.on('request', (request, response) => {
    received += `${request.method} ${request.url} ${request.rawHeaders.join(' ')}\n`;
    let body = '';
    request.on('data', (chunk) => {
      received += String(chunk);
      body += String(chunk);
    });
    request.on('end', () => void answer(self, request, response, { body, state }));
  });
  const host = o.host ?? '127.0.0.1';
  const listen = async (port: number): Promise<void> =>
    await new Promise((resolve, reject) => server.once('error', reject).listen(port, host, () => resolve()));
  await listen(o.port ?? 0);
  const { port } = server.address() as AddressInfo;
  const self: TestServer = {
    authority,
    port,
    address: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    secret: SECRET,
    token: formatEnrolmentToken({ secret: SECRET, fingerprint: authority.fingerprint, serverName: NAME }),
    received: () => received,
    enrolments: [],
    reports: [],
    polls: [],
    renewals: 0,
    instruction: { wire: 1, reportEverySeconds: 3600, renewalDue: false },
    intercept: undefined,
    lifetime: { validForMs: 86_400_000, issuedAgoMs: 60_000 },
    wake: () => state.wake(),
    stop: async () => {
      state.wake();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
    restart: async () => await listen(port),
  };
  return self;
}

class Waits {
  #waiting: (() => void)[] = [];
  async until(isOver: () => boolean, ended: AbortSignal): Promise<void> {
    while (!isOver() && !ended.aborted) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        ended.addEventListener('abort', () => resolve());
      });
      if (ended.aborted) return;
    }
  }
  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

async function answer(
  self: TestServer,
  request: IncomingMessage,
  response: ServerResponse,
  { body, state }: { body: string; state: Waits },
): Promise<void> {
  const say = (status: number, value: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  };
  const refuse = (status: number, code: string): void => say(status, { error: { code, message: `refused: ${code}` } });
  if ((await self.intercept?.(request, response, body)) === true) return;
  const url = new URL(request.url ?? '', 'https://agent.test');
  const isKnown = (request.socket as TLSSocket).authorized;
  if (url.pathname === '/v1/enrol') {
    const parsed = parseMessage('enrolRequest', body);
    if (!parsed.ok) return refuse(400, 'message-invalid');
    self.enrolments.push(parsed.value);
    if (parsed.value.token !== SECRET) return refuse(403, 'enrolment-token-invalid');
    return say(200, await identityFor(self, parsed.value.csr));
  }
  if (!isKnown) return refuse(401, 'certificate-outdated');
  if (url.pathname === '/v1/renew') {
    const parsed = parseMessage('renewRequest', body);
    if (!parsed.ok) return refuse(400, 'message-invalid');
    self.renewals++;
    return say(200, await identityFor(self, parsed.value.csr));
  }
  if (url.pathname === '/v1/report') {
    const parsed = parseMessage('report', body);
    if (!parsed.ok) return refuse(400, 'message-invalid');
    self.reports.push(parsed.value);
    return say(200, offer(self.instruction, parsed.value.program?.applied));
  }
  const have = url.searchParams.get('have') ?? '';
  self.polls.push(have);
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const before = self.instruction;
  await state.until(
    () => self.instruction !== before || (before.program !== undefined && before.program.version !== have),
    AbortSignal.any([gone.signal, AbortSignal.timeout(30_000)]),
  );
  say(200, offer(self.instruction, have));
}

function offer(instruction: Instruction, have: string | undefined): Instruction {
  if (instruction.program === undefined || instruction.program.version !== have) return instruction;
  const { program: _, ...rest } = instruction;
  return rest;
}

async function identityFor(self: TestServer, csr: string): Promise<object> {
  const issued = await self.authority.device(csr, self.lifetime);
  return { deviceId: 'dev_test', ca: self.authority.certificate, ...issued };
}
