import 'reflect-metadata';
import assert from 'node:assert/strict';
import { createPrivateKey, type KeyObject, sign, webcrypto } from 'node:crypto';
import { createServer as createHttpServer, request as httpRequest } from 'node:http';
import { Agent, createServer, request as httpsRequest } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import * as x509 from '@peculiar/x509';
import { canonicalJson, type Json, type ManualClock, manualClock } from '#base';
import { type Authority, createAuthority, createDevices, type Devices } from '#devices';
import { hardenServer, SERVER_OPTIONS } from '#gateway';
import { type OcsfEvent, TrustGraph } from '#model';
import { openStore } from '#store';
import { type Facts, type HostProgram, parseEnrolmentToken, POSTURE_TYPE, WIRE_VERSION } from '#wire';
import { createAgentHost } from '../agent-host.ts';

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const unseen = { unknown: 'no tool' };
/** Facts of a host that sees nothing. */
const BLIND: Facts = {
  hostname: 'web-1',
  os: unseen,
  virtualization: unseen,
  securityUpdates: unseen,
  mounts: unseen,
  inputChains: unseen,
  sshServer: unseen,
  timeSync: unseen,
};

/** A host's key and, once it is enrolled, its certificate. */
export interface HostIdentity {
  readonly key: KeyObject;
  readonly csr: string;
  readonly deviceId?: string;
  readonly certificate?: string;
}

/** An answer as the client sees it. */
export interface SeenAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Record<string, Json>;
  /** Code of the refusal; `ok` for 200. */
  readonly code: string;
}

/** What a client sends. */
export interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly body?: Json | string | Buffer;
  readonly as?: HostIdentity;
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent?: Agent;
}

/** The agents' host on a TLS listener made as in production. */
export interface AgentHostBench {
  readonly devices: Devices;
  readonly authority: Authority;
  readonly graph: TrustGraph;
  readonly clock: ManualClock;
  readonly programs: Map<string, HostProgram>;
  readonly events: OcsfEvent[];
  /** Unexpected failures, as the log would have them. */
  readonly failures: unknown[];
  readonly tlsPort: number;
  readonly httpPort: number;
  /** Changes a segment, as a change of the plan would. */
  touch(): Promise<void>;
  breakJournal(error: Error | undefined): void;
  send(sent: Sent): Promise<SeenAnswer>;
  sendInTheClear(path: string): Promise<number>;
  secret(): Promise<string>;
  enrol(): Promise<HostIdentity>;
  report(host: HostIdentity): Json;
  close(): Promise<void>;
}

/** Opens a bench on two ports of this machine. */
export async function openAgentHostBench(): Promise<AgentHostBench> {
  const clock = manualClock(Math.floor(Date.now() / 1000) * 1000);
  const store = await openStore({ path: ':memory:', clock });
  const graph = new TrustGraph();
  graph.load(await store.snapshot());
  store.onChanges((changes) => {
    for (const change of changes) graph.apply(change);
  });
  const events: OcsfEvent[] = [];
  let broken: Error | undefined;
  const journal = {
    append: async (event: OcsfEvent): Promise<void> => {
      await Promise.resolve();
      if (broken !== undefined) throw broken;
      events.push(event);
    },
  };
  const authority = await createAuthority({ store, clock });
  const programs = new Map<string, HostProgram>();
  const devices = createDevices({
    store,
    graph,
    journal,
    clock,
    authority,
    serverName: 'agent.localhost',
    programFor: (id) => programs.get(id),
  });
  const failures: unknown[] = [];
  const handler = createAgentHost({ devices, clock, onFailure: (error) => failures.push(error) });
  const { certificate, key } = await authority.issueServer(['agent.localhost']);
  const tls = createServer(
    {
      ...SERVER_OPTIONS,
      cert: certificate,
      key,
      ca: authority.certificate,
      requestCert: true,
      rejectUnauthorized: false,
    },
    handler,
  );
  hardenServer(tls);
  const clear = createHttpServer(SERVER_OPTIONS, handler);
  const [tlsPort, httpPort] = [await listen(tls), await listen(clear)];
  const secret = async (): Promise<string> => {
    const issued = await devices.issueToken({ labels: { role: 'web' }, by: 'user:ada' });
    assert.ok(issued.ok);
    const token = parseEnrolmentToken(issued.value.token);
    assert.ok(token.ok);
    return token.value.secret;
  };
  const send = async (sent: Sent): Promise<SeenAnswer> =>
    await exchange({ port: tlsPort, ca: authority.certificate }, sent);
  let sequence = 0;
  return {
    devices,
    authority,
    graph,
    clock,
    programs,
    events,
    failures,
    tlsPort,
    httpPort,
    touch: async () => {
      const segment = { id: 'web', name: 'web', selector: {} };
      await store.transact('user:ada', async (tx) => await tx.put('segment', segment));
    },
    breakJournal: (error) => {
      broken = error;
    },
    send,
    sendInTheClear: async (path) => await statusInTheClear(httpPort, path),
    secret,
    enrol: async () => {
      const host = await newHost();
      const answer = await send({ path: '/v1/enrol', body: enrolBody(host, await secret()) });
      assert.equal(answer.code, 'ok');
      return { ...host, deviceId: String(answer.body['deviceId']), certificate: String(answer.body['certificate']) };
    },
    report: (host) => reportBody(host, { sequence: (sequence += 1), now: clock.now() }),
    close: async () => {
      devices.close();
      for (const server of [tls, clear]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
      await store.close();
    },
  };
}

/** A host with a new key and a request to certify it. */
export async function newHost(): Promise<HostIdentity> {
  const keys = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=web-1',
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return { key: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }), csr: request.toString('pem') };
}

/** The body of an enrolment. */
export function enrolBody({ csr }: HostIdentity, token: string): Json {
  const facts = BLIND as unknown as Json;
  return { wire: WIRE_VERSION, token, csr, hostname: 'web-1', facts, addresses: ['10.0.0.1'] };
}

function reportBody({ key, deviceId = '' }: HostIdentity, o: { sequence: number; now: number }): Json {
  const { sequence, now } = o;
  const claims = {
    sub: deviceId,
    iat: Math.floor(now / 1000),
    jti: `${deviceId}-${sequence}-report`,
    sequence,
    collectedAt: now,
    facts: BLIND as unknown as Json,
  };
  const part = (value: Json): string => Buffer.from(canonicalJson(value)).toString('base64url');
  const signed = `${part({ alg: 'ES256', typ: POSTURE_TYPE })}.${part(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
  return {
    wire: WIRE_VERSION,
    sequence,
    collectedAt: now,
    posture: `${signed}.${signature}`,
    addresses: ['10.0.0.1'],
    deniedFlows: [],
  };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function exchange({ port, ca }: { port: number; ca: string }, sent: Sent): Promise<SeenAnswer> {
  const { body, as } = sent;
  const bytes =
    body === undefined ? undefined : Buffer.isBuffer(body) || typeof body === 'string' ? body : JSON.stringify(body);
  return await new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        host: '127.0.0.1',
        port,
        servername: 'agent.localhost',
        ca,
        agent: sent.agent ?? new Agent(),
        ...(as?.certificate === undefined
          ? {}
          : { cert: as.certificate, key: as.key.export({ type: 'pkcs8', format: 'pem' }) }),
        method: sent.method ?? (bytes === undefined ? 'GET' : 'POST'),
        path: sent.path,
        headers: { 'content-type': 'application/json', ...sent.headers },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('error', reject).on('end', () => {
          const parsed = JSON.parse(text) as SeenAnswer['body'];
          const error = parsed['error'] as { code?: string } | undefined;
          const status = response.statusCode ?? 0;
          resolve({
            status,
            headers: response.headers,
            body: parsed,
            code: error?.code ?? (status === 200 ? 'ok' : '?'),
          });
        });
      },
    );
    request.on('error', reject).end(bytes);
  });
}

async function statusInTheClear(port: number, path: string): Promise<number> {
  return await new Promise((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port, path, method: 'POST' }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    })
      .on('error', reject)
      .end();
  });
}
