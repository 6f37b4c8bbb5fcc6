import type { IncomingMessage, ServerResponse } from 'node:http';
import { newId, type Result } from '#base';
import type { AuthzenModel } from '#config';
import { readJsonText } from '../agent/body.ts';
import { addressOf } from '../caller.ts';
import { type ApiServices, transportOf } from '../services.ts';
import type { DecisionClient, DecisionClients } from './clients.ts';
import { type DecisionModel, NO_MODEL } from './decision-model.ts';
import { foreignDecisions } from './foreign-decisions.ts';
import { METADATA_PATH, metadataOf, OWN_MODEL } from './metadata.ts';
import { ownDecisions } from './own-decisions.ts';
import { pace } from './pace.ts';
import { type Asking, createRecorder, type DecisionRecorder } from './record-decisions.ts';
import { type Evaluations, readEvaluation, readEvaluations, readSearch, type Sought } from './request.ts';
import { search } from './search.ts';
import { errorText, type Verdict, verdictText } from './verdict.ts';

type Services = Pick<
  ApiServices,
  'graph' | 'policies' | 'devices' | 'clock' | 'journal' | 'onFailure' | 'hosts' | 'configuration' | 'originOf'
>;

/** Bytes of a body, and how long it may take. */
const BODY = { bytes: 1024 * 1024, withinMs: 10_000 } as const;

/** The Policy Decision Point: `authz.<domain>`. */
export interface DecisionHost {
  /** Answers a request. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Writes what has gathered for the journal. */
  close(): Promise<void>;
}

/** What is answered: the text of a JSON document, or a failure with its status in words. */
type Answer = Result<string, Failure>;

interface Failure {
  readonly status: number;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Call {
  readonly asking: Asking;
  readonly model: DecisionModel;
  readonly body: unknown;
  /** Length of the body: no question in it looks at more. */
  readonly bytes: number;
}

type Endpoint = (recorder: DecisionRecorder, call: Call) => Answer | Promise<Answer>;

const ENDPOINTS: ReadonlyMap<string, Endpoint> = new Map<string, Endpoint>([
  ['/access/v1/evaluation', evaluation],
  ['/access/v1/evaluations', evaluations],
  ['/access/v1/search/subject', searchFor('subject')],
  ['/access/v1/search/resource', searchFor('resource')],
  ['/access/v1/search/action', searchFor('action')],
]);

/**
 * Makes the handler of the decision point. Everything but the metadata needs a client's key. A denial is a 200; every other status says
 * that nothing was decided, with a message as plain text. @see AuthZEN Authorization API 1.0
 */
export function createDecisionHost(services: Services, clients: DecisionClients): DecisionHost {
  const recorder = createRecorder(services);
  const own = ownDecisions(services);
  const foreign = new WeakMap<AuthzenModel, DecisionModel>();
  const modelOf = (id: string): DecisionModel => {
    if (id === OWN_MODEL) return own;
    const declared = services.configuration().authzen.find((one) => one.id === id);
    if (declared === undefined) return NO_MODEL;
    const known = foreign.get(declared) ?? foreignDecisions(declared);
    foreign.set(declared, known);
    return known;
  };
  const failed = (error: unknown): Answer => {
    const correlationId = newId('cor', services.clock.now());
    services.onFailure(error, correlationId);
    return fail(500, `something failed inside Cordon; give the correlation id ${correlationId} to an administrator`);
  };
  /** Who is bound to a device is heard only over a connection that has proven its certificate. */
  const isFrom = ({ deviceId }: DecisionClient, request: IncomingMessage): boolean =>
    deviceId === undefined || services.devices.deviceOf(request.socket)?.id === deviceId;
  const authenticated = (request: IncomingMessage): DecisionClient | undefined => {
    const client = clients.authenticate(request.headers.authorization);
    return client !== undefined && isFrom(client, request) ? client : undefined;
  };
  const answer = async (request: IncomingMessage): Promise<Answer | undefined> => {
    const [path = ''] = (request.url ?? '').split('?', 1);
    if (path.startsWith(METADATA_PATH)) return metadata(services, request, path.slice(METADATA_PATH.length));
    const { modelId, endpoint } = routeOf(path);
    if (endpoint === undefined) return fail(404, 'there is nothing at this path');
    if (request.method !== 'POST') return fail(405, 'this path takes POST', { allow: 'POST' });
    const client = authenticated(request);
    const refusal = client === undefined ? unauthorized() : refusalOf(client, modelId);
    if (client === undefined || refusal !== undefined) {
      recorder.refused({ address: addressOf(request), path, client });
      return refusal;
    }
    const body = await readBody(request);
    if (body === undefined || !body.ok) return body;
    // The key may have been taken away while the body came.
    if (!clients.isKnown(client) || !isFrom(client, request)) return unauthorized();
    const asking = { client, model: modelId, address: addressOf(request), requestId: requestIdOf(request) };
    return await endpoint(recorder, { asking, model: modelOf(modelId), ...body.value });
  };
  return {
    handle: (request, response) => {
      answer(request)
        .catch(failed)
        .then((given) => {
          if (given !== undefined && !response.destroyed) send(response, given);
        })
        .catch((error: unknown) => {
          failed(error);
          response.destroy();
        });
    },
    close: recorder.close,
  };
}

/** `/access/v1/…` asks about Cordon's own apps, `/<model>/access/v1/…` an application's model. */
function routeOf(path: string): { readonly modelId: string; readonly endpoint: Endpoint | undefined } {
  const own = ENDPOINTS.get(path);
  if (own !== undefined) return { modelId: OWN_MODEL, endpoint: own };
  const at = path.indexOf('/', 1);
  const modelId = path.slice(1, at);
  // One decision point has one identifier.
  return { modelId, endpoint: modelId === '' || modelId === OWN_MODEL ? undefined : ENDPOINTS.get(path.slice(at)) };
}

function metadata(services: Services, request: IncomingMessage, rest: string): Answer {
  if (request.method !== 'GET') return fail(405, 'this path takes GET', { allow: 'GET' });
  const modelId = rest === '' ? OWN_MODEL : rest.slice(1);
  const isKnown = rest === '' || services.configuration().authzen.some(({ id }) => rest === `/${id}`);
  if (!isKnown) return fail(404, 'there is no such decision point');
  const origin = services.originOf(services.hosts.decisions, transportOf(request));
  return { ok: true, value: JSON.stringify(metadataOf(origin, modelId)) };
}

function refusalOf(client: DecisionClient, modelId: string): Answer | undefined {
  if (client.models.includes(modelId)) return undefined;
  return fail(403, `this client may not ask about \`${modelId.slice(0, 100)}\``);
}

function unauthorized(): Answer {
  return fail(
    401,
    'a key of a client is needed, `Authorization: Bearer …`, and the certificate of its device if it is bound to one',
    { 'www-authenticate': 'Bearer' },
  );
}

function fail(status: number, message: string, headers?: Failure['headers']): { ok: false; error: Failure } {
  return { ok: false, error: { status, message, ...(headers === undefined ? {} : { headers }) } };
}

const STATUS: Readonly<Record<string, number>> = {
  'content-type-unsupported': 415,
  'message-too-large': 413,
  'message-too-slow': 408,
};

async function readBody(request: IncomingMessage): Promise<Result<Pick<Call, 'body' | 'bytes'>, Failure> | undefined> {
  const text = await readJsonText(request, BODY);
  if (text === undefined) return undefined;
  if (!text.ok) return fail(STATUS[text.error.code] ?? 400, text.error.message);
  try {
    return { ok: true, value: { body: JSON.parse(text.value) as unknown, bytes: text.value.length } };
  } catch {
    return fail(400, 'the body is not JSON');
  }
}

function evaluation(recorder: DecisionRecorder, { asking, model, body }: Call): Answer | Promise<Answer> {
  const question = readEvaluation(body);
  if (!question.ok) return fail(400, question.error);
  const record = recorder.begin(asking);
  const settled = record.settle(question.value, model.evaluate(question.value));
  record.end();
  return settled instanceof Promise ? settled.then(answered) : answered(settled);
}

function answered(verdict: Verdict): Answer {
  return { ok: true, value: verdictText(verdict) };
}

function evaluations(recorder: DecisionRecorder, call: Call): Answer | Promise<Answer> {
  const read = readEvaluations(call.body);
  if (!read.ok) return fail(400, read.error);
  return read.value === undefined ? evaluation(recorder, call) : evaluateAll(recorder, call, read.value);
}

/** One after the other until the semantic says to stop; a question that cannot be read is a denial. */
async function evaluateAll(recorder: DecisionRecorder, call: Call, { items, stopOn }: Evaluations): Promise<Answer> {
  const record = recorder.begin(call.asking);
  const texts: string[] = [];
  const unsettled: Promise<void>[] = [];
  const turn = pace(call.bytes);
  for (const item of items) {
    const pause = turn();
    if (pause !== undefined) await pause;
    if (!item.ok) {
      texts.push(errorText(item.error));
      if (stopOn === false) break;
      continue;
    }
    const settled = record.settle(item.value, call.model.evaluate(item.value));
    if (stopOn === undefined && settled instanceof Promise) {
      const at = texts.push('') - 1;
      unsettled.push(
        settled.then((verdict) => {
          texts[at] = verdictText(verdict);
        }),
      );
      continue;
    }
    const verdict = settled instanceof Promise ? await settled : settled;
    texts.push(verdictText(verdict));
    if (verdict.isPermit === stopOn) break;
  }
  await Promise.all(unsettled);
  record.end();
  return { ok: true, value: `{"evaluations":[${texts.join(',')}]}` };
}

function searchFor(sought: Sought): Endpoint {
  return async (recorder, { asking, model, body, bytes }) => {
    const query = readSearch(body, sought);
    if (!query.ok) return fail(400, query.error);
    const page = await search(model, { modelId: asking.model, sought, query: query.value, bytes });
    if (!page.ok) return fail(400, page.error);
    recorder.searched(asking, sought, query.value, page.value.results.length);
    return { ok: true, value: JSON.stringify(page.value) };
  };
}

function requestIdOf({ headers }: IncomingMessage): string | undefined {
  const id = headers['x-request-id'];
  return typeof id === 'string' ? id : undefined;
}

function send(response: ServerResponse, answer: Answer): void {
  const { req: request } = response;
  const text = answer.ok ? answer.value : answer.error.message;
  const bytes = Buffer.byteLength(text);
  const requestId = requestIdOf(request);
  const headers: Record<string, string | number> = {
    'content-type': answer.ok ? 'application/json' : 'text/plain; charset=utf-8',
    'content-length': bytes,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  };
  if (requestId !== undefined) headers['x-request-id'] = requestId;
  if (!answer.ok) {
    Object.assign(headers, answer.error.headers);
    // A body that nobody reads must not be waited for.
    if (!request.complete) headers['connection'] = 'close';
  }
  response.writeHead(answer.ok ? 200 : answer.error.status, headers);
  // Nothing but ASCII is the same in both, and written faster.
  response.end(text, bytes === text.length ? 'latin1' : 'utf8');
}
