import { waysIn } from '#policy-analysis';
import { PROBE_FIELD } from '#wire';
import { grpcFields, isGrpc } from './client/grpc.ts';
import { type Exchange, type GatewayParts, inOneLine, ownOrigin, type Refusal } from './exchange.ts';
import { PROOF_ALGORITHMS } from './credentials/proof.ts';
import { SEND_AGAIN_PATH, SIGN_IN_PATH } from './handoff.ts';
import { statusJson } from './kubernetes/status.ts';
import { type Denial, deniedJson, deniedPage } from './pages/denied.ts';
import type { Page } from './pages/page.ts';
import { isOwnPath } from './path.ts';

/** Something Cordon says itself. */
export interface OwnAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  /** Alternating names and values, beside those every answer of ours has. */
  readonly fields?: readonly string[];
}

/** Answers a refusal: to a person with a page or the way to sign in, to a program with JSON and a challenge. */
export function answerRefusal(exchange: Exchange, parts: GatewayParts, refusal: Refusal): void {
  if (exchange.client.hasLeft) return;
  const denial = denialOf(exchange, parts, refusal);
  const { keptForm } = exchange;
  if (denial.remedies.includes('sign-in') && (isNavigation(exchange) || keptForm !== undefined)) {
    const here = keptForm === undefined ? (exchange.path ?? '/') + (exchange.query ?? '') : SEND_AGAIN_PATH;
    // What a proxy passes on of an answer may not include a cookie, so there the way begins at a page of its own.
    if (exchange.asked !== undefined)
      redirect(exchange, `${SIGN_IN_PATH}?${new URLSearchParams({ return: here }).toString()}`, []);
    else beginSignIn(exchange, parts, here);
    return;
  }
  if (exchange.asked !== undefined && denial.stepUp !== undefined && isNavigation(exchange)) {
    redirect(exchange, denial.stepUp.url, []);
    return;
  }
  const fields = challengeFields(denial, exchange);
  if (keptForm !== undefined) fields.push('set-cookie', keptForm);
  if (isGrpc(exchange.client)) refuseCall(exchange, denial, fields);
  else if (wantsPage(exchange)) sendPage(exchange, denial.status, deniedPage(denial), fields);
  else send(exchange, { status: denial.status, type: 'application/json', body: programJson(exchange, denial), fields });
}

/** A call of gRPC reads how it went from fields; a status beside 200 alone would not tell it why. */
function refuseCall(exchange: Exchange, { status, reasons: [reason] }: Denial, fields: readonly string[]): void {
  const said = [...fields, ...grpcFields(status, inOneLine(reason ?? { code: 'internal' }))];
  send(exchange, { status, type: 'application/grpc', body: '', fields: said });
}

function programJson({ app, path }: Exchange, denial: Denial): string {
  const asksKubernetes = app?.kubernetes !== undefined && !isOwnPath(path ?? '');
  return asksKubernetes ? statusJson(denial) : deniedJson(denial);
}

/** Sends a page of ours. */
export function sendPage(exchange: Exchange, status: number, page: Page, fields: readonly string[] = []): void {
  send(exchange, {
    status,
    type: 'text/html; charset=utf-8',
    body: page.html,
    fields: ['content-security-policy', page.contentSecurityPolicy, 'x-frame-options', 'DENY', ...fields],
  });
}

/** Sends a browser elsewhere. 303: whatever it sent here is not sent again there. */
export function redirect(exchange: Exchange, location: string, cookies: readonly string[]): void {
  const fields = ['location', location, ...cookies.flatMap((cookie) => ['set-cookie', cookie])];
  send(exchange, { status: 303, type: 'text/plain', body: '', fields });
}

/** Sends an answer of ours. One that comes too late, into another one, breaks the connection off instead. */
export function send(exchange: Exchange, { status, type, body, fields = [] }: OwnAnswer): void {
  const { client } = exchange;
  if (client.hasBegun || client.hasLeft) {
    client.abort();
    return;
  }
  client.begin(status, [
    'content-type',
    type,
    'content-length',
    String(Buffer.byteLength(body)),
    'cache-control',
    'no-store',
    'x-content-type-options',
    'nosniff',
    'referrer-policy',
    'no-referrer',
    'cross-origin-resource-policy',
    'same-origin',
    'x-cordon-correlation-id',
    exchange.correlationId,
    ...(exchange.probe === undefined ? [] : [PROBE_FIELD, exchange.probe]),
    ...fields,
  ]);
  client.end(body);
}

/** True for a person's browser that shows what it gets. */
export function wantsPage({ client }: Exchange): boolean {
  const mode = client.header('sec-fetch-mode');
  const isPerson = client.webSocket === undefined && (mode === undefined || mode === 'navigate');
  return isPerson && client.header('accept')?.includes('text/html') === true;
}

function isNavigation(exchange: Exchange): boolean {
  return wantsPage(exchange) && ['GET', 'HEAD'].includes(exchange.client.method);
}

/** Sends a browser to sign in, and from there back to a path of this host. */
export function beginSignIn(exchange: Exchange, { handoff }: GatewayParts, returnTo: string): void {
  const { client, authority, transport } = exchange;
  const step = handoff.begin({
    host: authority?.host ?? '',
    transport,
    returnTo,
    cookie: client.header('cookie'),
  });
  const { keptForm } = exchange;
  redirect(exchange, step.location, keptForm === undefined ? step.cookies : [...step.cookies, keptForm]);
}

function denialOf(exchange: Exchange, parts: GatewayParts, { status, reasons, decision }: Refusal): Denial {
  const { app, user, device, correlationId } = exchange;
  const remedies = decision?.remedies ?? [];
  const stepUp = remedies.includes('step-up') ? decision?.stepUp : undefined;
  return {
    status,
    // What failed inside is for the log, not for whoever made it fail.
    reasons: reasons.map(({ detail, ...reason }) =>
      detail === undefined || reason.code === 'internal' ? reason : { ...reason, detail },
    ),
    policies: decision?.policies ?? [],
    remedies,
    correlationId,
    ...(app === undefined ? {} : { app: app.name }),
    ...(user === undefined ? {} : { email: user.email }),
    ...(device === undefined ? {} : { device }),
    ...waysInOf(parts, decision),
    ...sentWith(exchange),
    ...(remedies.includes('sign-in') ? { signInUrl: here(exchange) } : {}),
    ...(stepUp === undefined ? {} : { stepUp: { ...stepUp, url: stepUpUrl(exchange, parts, stepUp) } }),
  };
}

/** Where the policies leave nothing to do but to ask somebody, the answer says what to ask for. */
function waysInOf({ basis }: GatewayParts, decision: Refusal['decision']): Pick<Denial, 'waysIn'> {
  if (decision?.remedies.every((remedy) => remedy === 'request-access') !== true) return {};
  try {
    const { policies } = basis();
    const steps = policies === undefined ? [] : waysIn(policies, decision);
    return steps.length === 0 ? {} : { waysIn: steps };
  } catch {
    return {}; // The denial stands, explained or not.
  }
}

/** What becomes of what a person sent along; whoever sees a page has to know that it was not delivered. */
function sentWith({ client, keptForm }: Exchange): Pick<Denial, 'sent'> {
  if (keptForm !== undefined) return { sent: 'kept' };
  return client.hasBody && client.method !== 'GET' ? { sent: 'lost' } : {};
}

/** Where a browser opens what was asked for; something that changes things is not done again by opening it. */
function here(exchange: Exchange): string {
  const { client, path = '/', query = '', keptForm } = exchange;
  if (keptForm !== undefined) return ownOrigin(exchange) + SEND_AGAIN_PATH;
  return ownOrigin(exchange) + (client.method === 'GET' && client.webSocket === undefined ? path + query : '/');
}

function stepUpUrl(
  exchange: Exchange,
  { identityOrigin }: GatewayParts,
  { acr, maxAgeSeconds }: { readonly acr: string; readonly maxAgeSeconds: number },
): string {
  const url = new URL('/step-up', identityOrigin(exchange.transport));
  url.search = new URLSearchParams({ acr, max_age: String(maxAgeSeconds), return: here(exchange) }).toString();
  return url.href;
}

/** What a program may do about a 401, in both of the schemes it may use. @see RFC 6750 section 3, RFC 9449 section 7.1, RFC 9470 section 3 */
function challengeFields({ status, stepUp, reasons }: Denial, { authority, asked }: Exchange): string[] {
  if (status === 429 || status === 503) return ['retry-after', '1'];
  if (status !== 401) return [];
  const parameters = [`realm="${authority?.host ?? 'cordon'}"`];
  const code = reasons[0]?.code;
  if (stepUp !== undefined) {
    parameters.push('error="insufficient_user_authentication"');
    parameters.push(`acr_values="${stepUp.acr}"`, `max_age="${stepUp.maxAgeSeconds}"`);
  } else if (code === 'proof-invalid') parameters.push('error="invalid_dpop_proof"');
  else if (code !== 'not-authenticated') parameters.push('error="invalid_token"');
  const text = parameters.join(', ');
  const bound = ['www-authenticate', `DPoP ${text}, algs="${PROOF_ALGORITHMS}"`];
  if (code === 'proof-invalid') return bound;
  // Where another proxy carries the request, no token of ours is taken.
  return ['www-authenticate', `Bearer ${text}`, ...(asked === undefined ? bound : [])];
}
