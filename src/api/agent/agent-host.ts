import type { IncomingMessage, ServerResponse } from 'node:http';
import { CordonError, err, newId, ok, type Problem, type Result } from '#base';
import type { Device } from '#model';
import { type Instruction, type IssuedIdentity, type MessageOf, parseMessage, WIRE_LIMITS } from '#wire';
import { type ApiServices, isEncrypted } from '../services.ts';
import { Attempts, networkOf } from './attempts.ts';
import { type BodyLimits, readJsonText } from './body.ts';

type Services = Pick<ApiServices, 'devices' | 'clock' | 'onFailure'>;

/** How long a body may take, and how long an agent may wait for its next instruction. */
const BODY_MS = { small: 10_000, report: 30_000 } as const;
const LONG_POLL_MS = 50_000;

/** Everything a route works with. */
interface Call {
  readonly services: Services;
  readonly limits: Limits;
  readonly request: IncomingMessage;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
}

interface Limits {
  /** By network of the client: whoever has no token may not keep us busy. */
  readonly enrol: Attempts;
  /** By device: a host that was taken over may not either. */
  readonly device: Attempts;
  /** By device, fewer: each report may be worth a hundred events in the journal. */
  readonly report: Attempts;
}

/** A refusal with what HTTP needs. */
type Refused = Problem & { readonly retryAfterSeconds?: number };

/** Undefined: the client has gone, and nobody is there to answer. */
type Answer = Result<IssuedIdentity | Instruction, Refused> | undefined;

interface Route {
  readonly method: 'GET' | 'POST';
  readonly run: (call: Call) => Promise<Answer>;
}

const ROUTES: Readonly<Record<string, Route>> = {
  '/v1/enrol': { method: 'POST', run: enrol },
  '/v1/renew': { method: 'POST', run: renew },
  '/v1/report': { method: 'POST', run: report },
  '/v1/instruction': { method: 'GET', run: instruction },
};

const STATUS: Readonly<Record<string, number>> = {
  'enrolment-token-invalid': 403,
  'device-unknown': 401,
  'certificate-outdated': 401,
  'device-revoked': 403,
  'device-key-changed': 403,
  'tls-required': 403,
  'route-unknown': 404,
  'method-refused': 405,
  'message-too-slow': 408,
  'posture-replayed': 409,
  'message-too-large': 413,
  'content-type-unsupported': 415,
  'too-many-attempts': 429,
  internal: 500,
  'journal-unwritable': 503,
  'store-unavailable': 503,
  'store-corrupt': 503,
};

/**
 * Makes the handler of the agents' host. It never throws. Every answer but 200 is a `Refusal` of the wire, and ends the connection when the
 * client has to begin anew: with another certificate, or after a body nobody will read.
 */
export function createAgentHost(services: Services): (request: IncomingMessage, response: ServerResponse) => void {
  const limits: Limits = {
    enrol: new Attempts({ burst: 10, everyMs: 30_000, remembered: 10_000 }),
    device: new Attempts({ burst: 30, everyMs: 500, remembered: 100_000 }),
    report: new Attempts({ burst: 30, everyMs: 5000, remembered: 100_000 }),
  };
  return (request, response) => {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    handle({ services, limits, request, signal: gone.signal })
      .catch((error: unknown) => failed(services, error))
      .then((answer) => {
        if (answer !== undefined && !response.destroyed) send(response, { answer, allow: routeOf(request)?.method });
      })
      .catch((error: unknown) => {
        services.onFailure(error, newId('cor', services.clock.now()));
        response.destroy();
      });
  };
}

async function handle(o: Call): Promise<Answer> {
  const { request } = o;
  if (!isEncrypted(request)) {
    return refuse('tls-required', 'agents are answered over TLS only', 'use the address of `listen.tls`');
  }
  const route = routeOf(request);
  if (route === undefined) {
    return refuse('route-unknown', 'there is nothing at this path', 'install the same release of Cordon on both sides');
  }
  if (request.method !== route.method) return refuse('method-refused', `this path takes ${route.method}`);
  return await route.run(o);
}

function routeOf({ url = '' }: IncomingMessage): Route | undefined {
  const [path = ''] = url.split('?', 1);
  return Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined;
}

async function enrol(call: Call): Promise<Answer> {
  const { services, limits, request } = call;
  const address = request.socket.remoteAddress ?? '';
  const network = networkOf(address);
  const wait = limits.enrol.take(network, services.clock.now());
  if (wait > 0) return tooMany(wait);
  const message = await readMessage(call, 'enrolRequest', { bytes: WIRE_LIMITS.enrolBytes, withinMs: BODY_MS.small });
  if (message === undefined || !message.ok) return message;
  const answer = await services.devices.enrol(message.value, { address });
  // A fleet behind one address enrols as fast as it likes; only what fails counts.
  if (answer.ok) limits.enrol.giveBack(network);
  return answer;
}

async function renew(call: Call): Promise<Answer> {
  const { services, request } = call;
  const device = services.devices.renewerOf(request.socket);
  if (!device.ok) return device;
  const wait = bounded(call, device.value);
  if (wait !== undefined) return wait;
  const message = await readMessage(call, 'renewRequest', { bytes: WIRE_LIMITS.renewBytes, withinMs: BODY_MS.small });
  if (message === undefined || !message.ok) return message;
  return await services.devices.renew(device.value, message.value);
}

async function report(call: Call): Promise<Answer> {
  const device = presentDevice(call);
  if (!device.ok) return device;
  const wait = bounded(call, device.value, call.limits.report);
  if (wait !== undefined) return wait;
  const message = await readMessage(call, 'report', { bytes: WIRE_LIMITS.reportBytes, withinMs: BODY_MS.report });
  if (message === undefined || !message.ok) return message;
  return await call.services.devices.report(device.value, message.value);
}

async function instruction(call: Call): Promise<Answer> {
  const device = presentDevice(call);
  if (!device.ok) return device;
  const wait = bounded(call, device.value);
  if (wait !== undefined) return wait;
  const [, search = ''] = (call.request.url ?? '').split('?', 2);
  const have = new URLSearchParams(search).get('have') ?? '';
  if (have.length > 128) return refuse('message-invalid', '`have` is not the version of a program');
  const signal = AbortSignal.any([call.signal, AbortSignal.timeout(LONG_POLL_MS)]);
  const next = await call.services.devices.nextInstruction(device.value, {
    have: have === '' ? undefined : have,
    signal,
  });
  // It may have been revoked while it waited. That it has renewed its certificate meanwhile is no reason to keep the news from it.
  const still = call.services.devices.renewerOf(call.request.socket);
  return still.ok ? ok(next) : still;
}

/** The device behind the connection; else why there is none, so that the agent knows whether to renew or to enrol. */
function presentDevice({ services, request }: Call): Result<Device, Problem> {
  const device = services.devices.deviceOf(request.socket);
  if (device !== undefined) return ok(device);
  const renewer = services.devices.renewerOf(request.socket);
  if (!renewer.ok) return renewer;
  return err({
    code: 'certificate-outdated',
    message: `the certificate of \`${renewer.value.name}\` has expired, or was replaced by a newer one`,
    hint: 'renew it and connect again; the agent does so by itself',
  });
}

function bounded({ services, limits, request }: Call, device: Device, of: Attempts = limits.device): Answer {
  const wait = of.take(`${device.id} ${request.method}`, services.clock.now());
  return wait > 0 ? tooMany(wait) : undefined;
}

async function readMessage<K extends keyof MessageOf>(
  { request }: Call,
  kind: K,
  limits: BodyLimits,
): Promise<Result<MessageOf[K], Problem> | undefined> {
  const text = await readJsonText(request, limits);
  if (text === undefined || !text.ok) return text;
  const message = parseMessage(kind, text.value);
  if (message.ok) return message;
  const [first] = message.error;
  return err(first ?? { code: 'message-invalid', message: 'the message cannot be read' });
}

function send(
  response: ServerResponse,
  { answer, allow }: { answer: NonNullable<Answer>; allow: string | undefined },
): void {
  const status = answer.ok ? 200 : (STATUS[answer.error.code] ?? 400);
  const retryAfter = answer.ok ? undefined : answer.error.retryAfterSeconds;
  const body = JSON.stringify(answer.ok ? answer.value : { error: refusalOf(answer.error) });
  // With a new identity, or without a usable one, only a new handshake helps; and a body that nobody reads must not be waited for.
  const isOver = !response.req.complete || status === 401 || (answer.ok && 'certificate' in answer.value);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 405 && allow !== undefined ? { allow } : {}),
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    ...(isOver ? { connection: 'close' } : {}),
  });
  response.end(body);
}

function refusalOf({ code, message, hint }: Problem): MessageOf['refusal']['error'] {
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}

/** What a client is told of something unexpected: nothing but where to look. */
function failed({ clock, onFailure }: Services, error: unknown): Answer {
  const correlationId = newId('cor', clock.now());
  onFailure(error, correlationId);
  const isStorage = error instanceof CordonError && /^(?:journal|store)-/.test(error.code);
  return refuse(
    isStorage && STATUS[error.code] !== undefined ? error.code : 'internal',
    'something failed inside Cordon',
    `give the correlation id ${correlationId} to an administrator`,
  );
}

function refuse(code: string, message: string, hint?: string): Answer {
  return err({ code, message, ...(hint === undefined ? {} : { hint }) });
}

function tooMany(waitMs: number): Answer {
  const retryAfterSeconds = Math.ceil(waitMs / 1000);
  return err({
    code: 'too-many-attempts',
    message: `too many attempts; wait ${retryAfterSeconds} s`,
    retryAfterSeconds,
  });
}
