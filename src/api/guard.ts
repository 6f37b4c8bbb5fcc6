import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { hashToken } from '#base';
import type { Session } from '#model';
import { decideManage } from '#policy';
import { addressOf, type Caller, cookieOf } from './caller.ts';
import { ApiFailure } from './failure.ts';
import { type ApiServices, transportOf } from './services.ts';

/** What a route asks of its caller, from the contract's tables. */
type Access = 'view' | 'manage' | 'local' | 'public' | 'session';

/** Cookie of the identity host; its value is the session token. */
export const SESSION_COOKIE = '__Host-cordon_session';
/** Cookie of an app host or the console host; its value is the token of an app session. */
export const APP_COOKIE = '__Host-cordon_app';

const SAFE = new Set(['GET', 'HEAD']);

/**
 * Refuses what another site could have made the browser send. A simple cross-site request carries no `x-requested-with` (setting it
 * needs a CORS preflight, which nothing here answers), and one that carries an origin must carry ours.
 */
export function refuseForgery(request: IncomingMessage, origin: string): void {
  if (SAFE.has(request.method ?? '')) return;
  const { headers } = request;
  const site = headers['sec-fetch-site'];
  const isOurs =
    headers['x-requested-with'] !== undefined &&
    (headers.origin === undefined || headers.origin === origin) &&
    (site === undefined || site === 'same-origin');
  if (isOurs) return;
  throw new ApiFailure(403, 'cross-site', 'the request does not come from this site', {
    hint: 'scripts: send the header `x-requested-with: cordon`',
  });
}

/** The control socket: whoever may open it is the operator of this machine, because only the owner of the data directory may. */
export function localCaller(uid: number): Caller {
  return { kind: 'local', actor: `local:${uid}` };
}

/** The console host: app cookie -> session -> the policies on `view` and `manage`. */
export function consoleGuard(
  services: ApiServices,
  host: string,
): (request: FastifyRequest, access: Access) => Promise<Caller> {
  return async (request, access) => {
    const transport = transportOf(request.raw);
    refuseForgery(request.raw, services.originOf(host, transport));
    if (access === 'local') {
      throw new ApiFailure(403, 'local-only', 'this is answered on the control socket only', {
        hint: 'run the `cordon` command on the machine where Cordon runs',
      });
    }
    const session = consoleSession(services, request.raw, host);
    const decision = decideManage({
      policies: services.policies(),
      graph: services.graph,
      now: services.clock.now(),
      ...(session === undefined ? {} : { session }),
      action: access === 'view' ? 'view' : 'manage',
      address: addressOf(request.raw),
    });
    if (decision.effect === 'permit' && session !== undefined) {
      return { kind: 'person', actor: `user:${session.userId}`, userId: session.userId, session };
    }
    throw refusal(services, decision, transport);
  };
}

/** The session behind the console's cookie, when the cookie was made for this very host. */
export function consoleSession(services: ApiServices, request: IncomingMessage, host: string): Session | undefined {
  const token = cookieOf(request, APP_COOKIE);
  const appSession = token === undefined ? undefined : services.graph.appSessionByTokenHash(hashToken(token));
  if (appSession === undefined || appSession.host !== host) return undefined;
  return services.graph.get('session', appSession.sessionId);
}

/** The identity host: a session cookie where the route asks for one. */
export function identityGuard(
  services: ApiServices,
  host: string,
): (request: FastifyRequest, access: Access) => Promise<Caller> {
  return async (request, access) => {
    refuseForgery(request.raw, services.originOf(host, transportOf(request.raw)));
    if (access === 'public') return { kind: 'anonymous', actor: 'anonymous' };
    const found = services.identity.sessions.authenticate(cookieOf(request.raw, SESSION_COOKIE));
    if (!found.ok) throw new ApiFailure(401, found.error.code, found.error.message, withHint(found.error.hint));
    const { session } = found.value;
    return { kind: 'person', actor: `user:${session.userId}`, userId: session.userId, session };
  };
}

const NEEDS_SIGN_IN = new Set(['not-authenticated', 'session-expired', 'session-revoked']);

function refusal(
  services: ApiServices,
  decision: ReturnType<typeof decideManage>,
  transport: 'http' | 'tls',
): ApiFailure {
  const [first] = decision.reasons;
  const code = first?.code ?? 'no-permit';
  const message = first?.detail ?? 'the policies do not allow this';
  if (NEEDS_SIGN_IN.has(code)) {
    return new ApiFailure(401, code, message, { hint: 'sign in', location: '/' });
  }
  if (decision.stepUp !== undefined) {
    const query = new URLSearchParams({
      acr: decision.stepUp.acr,
      max_age: String(decision.stepUp.maxAgeSeconds),
    });
    const origin = services.originOf(services.hosts.identity, transport);
    return new ApiFailure(401, 'step-up-required', message, {
      hint: 'prove again that it is you',
      location: `${origin}/step-up?${query.toString()}`,
    });
  }
  const problems = decision.reasons.map((reason) => ({ code: reason.code, message: reason.detail ?? reason.code }));
  return new ApiFailure(403, code, message, { hint: 'ask an administrator for access', problems });
}

function withHint(hint: string | undefined): { hint?: string } {
  return hint === undefined ? {} : { hint };
}
