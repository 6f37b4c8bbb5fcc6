import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { hashToken } from '#base';
import { HANDOFF } from '#gateway';
import type { Actor, Decision, Session } from '#model';
import { decideManage, decisionRecord, type ManageInput } from '#policy';
import { addressOf, type Caller, cookieOf } from './caller.ts';
import type { Denials } from './denials.ts';
import { ApiFailure } from './failure.ts';
import type { Guard } from './register.ts';
import { type ApiServices, transportOf } from './services.ts';

/** Cookie of the identity host; its value is the session token. */
export const SESSION_COOKIE = '__Host-cordon_session';

const SAFE = new Set(['GET', 'HEAD']);

/**
 * Refuses what another site could have made the browser send. A simple cross-site request carries no `x-requested-with` (setting it
 * needs a CORS preflight, which nothing here answers), and one that carries an origin must carry ours. Apps are on sibling hosts, so
 * `same-site` is as foreign as `cross-site`; reads are refused too, because their time and size would tell something.
 */
export function refuseForgery(request: IncomingMessage, origin: string): void {
  const { headers } = request;
  const site = headers['sec-fetch-site'];
  const isRead = SAFE.has(request.method ?? '');
  const isForeign = isRead
    ? site === 'cross-site' || site === 'same-site'
    : headers['x-requested-with'] === undefined ||
      (headers.origin !== undefined && headers.origin !== origin) ||
      (site !== undefined && site !== 'same-origin');
  if (!isForeign) return;
  throw new ApiFailure(403, 'cross-site', 'the request does not come from this site', {
    hint: 'scripts: send the header `x-requested-with: cordon`',
  });
}

/** The control socket: whoever may open it is the operator of this machine, because only the owner of the data directory may. */
export function localGuard(uid: number): Guard {
  const actor: Actor = `local:${uid}`;
  return { authorize: async () => await Promise.resolve({ kind: 'local', actor }), isAllowed: () => true };
}

/** What the console host decides about a request. */
export interface ConsoleDecision {
  readonly session: Session | undefined;
  readonly decision: Decision;
  readonly input: ManageInput;
}

/** Decides by policy whether the person behind the console's cookie may view or manage now. */
export function decideConsole(
  services: ApiServices,
  request: IncomingMessage,
  action: 'view' | 'manage',
): ConsoleDecision {
  const session = consoleSession(services, request);
  const input: ManageInput = {
    policies: services.policies(),
    graph: services.graph,
    now: services.clock.now(),
    ...(session === undefined ? {} : { session }),
    action,
    address: addressOf(request),
  };
  return { session, decision: decideManage(input), input };
}

/** The console host: app cookie -> session -> the policies on `view` and `manage`. Denials are recorded. */
export function consoleGuard(services: ApiServices, denials: Denials): Guard {
  const host = services.hosts.console;
  return {
    authorize: async (request, access) => {
      const transport = transportOf(request.raw);
      refuseForgery(request.raw, services.originOf(host, transport));
      if (access === 'local') {
        throw new ApiFailure(403, 'local-only', 'this is answered on the control socket only', {
          hint: 'run the `cordon` command on the machine where Cordon runs',
        });
      }
      const decided = decideConsole(services, request.raw, access === 'view' ? 'view' : 'manage');
      const { decision, session } = decided;
      if (decision.effect === 'permit' && session !== undefined) {
        return { kind: 'person', actor: `user:${session.userId}`, userId: session.userId, session };
      }
      await recordConsoleDenial(services, denials, request, decided);
      throw refusal(services, decision, transport);
    },
    isAllowed: (request, access) =>
      decideConsole(services, request.raw, access === 'view' ? 'view' : 'manage').decision.effect === 'permit',
  };
}

/** Records that a person may not view or manage, with all that the decision was made from. */
export async function recordConsoleDenial(
  services: ApiServices,
  denials: Denials,
  request: FastifyRequest,
  { decision, input, session }: ConsoleDecision,
): Promise<void> {
  await denials.record({
    request,
    host: services.hosts.console,
    reasons: decision.reasons,
    user: session === undefined ? undefined : services.graph.get('user', session.userId),
    cordon: decisionRecord(input, decision),
  });
}

/** The session behind the console's cookie, when the cookie was made for this very host. */
function consoleSession(services: ApiServices, request: IncomingMessage): Session | undefined {
  const token = cookieOf(request, HANDOFF.cookie);
  const appSession = token === undefined ? undefined : services.graph.appSessionByTokenHash(hashToken(token));
  // A token of a program is for apps, and in a cookie it would be good without its proof.
  if (appSession?.host !== services.hosts.console || appSession.form !== undefined) return undefined;
  return services.graph.get('session', appSession.sessionId);
}

/** The identity host: a session cookie where the route asks for one. */
export function identityGuard(services: ApiServices): Guard {
  const callerOf = (request: FastifyRequest): Caller => {
    const found = services.identity.sessions.authenticate(cookieOf(request.raw, SESSION_COOKIE));
    if (!found.ok) {
      const { code, message, hint } = found.error;
      throw new ApiFailure(401, code, message, hint === undefined ? {} : { hint });
    }
    const { session } = found.value;
    return { kind: 'person', actor: `user:${session.userId}`, userId: session.userId, session };
  };
  return {
    authorize: async (request, access) => {
      refuseForgery(request.raw, services.originOf(services.hosts.identity, transportOf(request.raw)));
      return await Promise.resolve(access === 'public' ? { kind: 'anonymous', actor: 'anonymous' } : callerOf(request));
    },
    isAllowed: (request) => services.identity.sessions.authenticate(cookieOf(request.raw, SESSION_COOKIE)).ok,
  };
}

const SIGN_IN_CODES = new Set(['not-authenticated', 'session-expired', 'session-revoked']);

/** True when signing in, and nothing else, would change a denial. */
export function needsSignIn({ reasons }: Decision): boolean {
  return SIGN_IN_CODES.has(reasons[0]?.code ?? '');
}

/** Where a person proves again that it is them, for a decision that asks for it. */
export function stepUpUrl(services: ApiServices, decision: Decision, transport: 'http' | 'tls'): string | undefined {
  const { stepUp } = decision;
  if (stepUp === undefined) return undefined;
  const url = new URL('/step-up', services.originOf(services.hosts.identity, transport));
  url.search = new URLSearchParams({ acr: stepUp.acr, max_age: String(stepUp.maxAgeSeconds) }).toString();
  return url.href;
}

function refusal(services: ApiServices, decision: Decision, transport: 'http' | 'tls'): ApiFailure {
  const [first] = decision.reasons;
  const code = first?.code ?? 'no-permit';
  const message = first?.detail ?? 'the policies do not allow this';
  if (needsSignIn(decision)) return new ApiFailure(401, code, message, { hint: 'sign in', location: '/' });
  const location = stepUpUrl(services, decision, transport);
  if (location !== undefined) {
    return new ApiFailure(401, 'step-up-required', message, { hint: 'prove again that it is you', location });
  }
  const problems = decision.reasons.map((reason) => ({ code: reason.code, message: reason.detail ?? reason.code }));
  return new ApiFailure(403, code, message, { hint: 'ask an administrator for access', problems });
}
