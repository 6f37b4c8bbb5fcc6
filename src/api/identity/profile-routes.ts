import type { IncomingMessage } from 'node:http';
import type { IDENTITY_ROUTES } from '#contract';
import { type App, REASONS, type Session } from '#model';
import { decideAccess } from '#policy';
import { addressOf, type Caller } from '../caller.ts';
import { clearedCookie } from '../cookies.ts';
import { ApiFailure, must } from '../failure.ts';
import { SESSION_COOKIE } from '../guard.ts';
import type { Answer, Handlers } from '../register.ts';
import { type ApiServices, isEncrypted } from '../services.ts';
import { identityClient, sessionTokenOf } from './sign-in-routes.ts';

type Routes = Handlers<typeof IDENTITY_ROUTES>;

/** A person's own page: apps, factors and sessions. */
export function profileRoutes(
  services: ApiServices,
): Pick<Routes, 'profile' | 'addPasskeyOptions' | 'addPasskey' | 'endOwnSession' | 'signOut'> {
  const { factors, sessions } = services.identity;
  return {
    profile: async ({ caller, request }) => await profile(services, personOf(caller), request),
    addPasskeyOptions: async ({ request }) => {
      const begun = await factors.beginPasskey({ sessionToken: sessionTokenOf(request) });
      const { flow, options } = recent(begun);
      return { flow, options: { ...options } };
    },
    addPasskey: async ({ body, request }) => {
      const proof = { ...body, sessionToken: sessionTokenOf(request), client: identityClient(request) };
      recent(await factors.confirmPasskey(proof));
      return { ok: true };
    },
    endOwnSession: async ({ params, caller }) => {
      const { userId: ownerId, actor: by } = personOf(caller);
      must(await sessions.endById({ sessionId: params.id, by, ownerId }));
      return { ok: true };
    },
    signOut: async ({ request, reply }) => {
      await sessions.end({ token: sessionTokenOf(request), client: identityClient(request) });
      reply.header('set-cookie', clearedCookie(SESSION_COOKIE));
      return { ok: true };
    },
  };
}

type Person = Extract<Caller, { kind: 'person' }>;

function personOf(caller: Caller): Person {
  if (caller.kind !== 'person') throw new Error('the guard let somebody in who is not signed in');
  return caller;
}

/** Where a sign-in that is too old or too weak is renewed. */
const RENEWAL: ReadonlyMap<string, string> = new Map([
  ['sign-in-too-old', '/step-up'],
  ['mfa-too-weak', '/step-up?acr=urn:cordon:aal2-phr'],
]);

/** As `must`, and a sign-in that is too old or too weak comes with the way to renew it. */
function recent<T>(outcome: Parameters<typeof must<T>>[0]): T {
  const location = outcome.ok ? undefined : RENEWAL.get(outcome.error.code);
  if (outcome.ok || location === undefined) return must(outcome);
  const { code, message, hint } = outcome.error;
  throw new ApiFailure(403, code, message, { ...(hint === undefined ? {} : { hint }), location });
}

async function profile(
  services: ApiServices,
  { userId, session }: Person,
  request: IncomingMessage,
): Promise<Answer<(typeof IDENTITY_ROUTES)['profile']>> {
  const { graph, identity } = services;
  const user = graph.get('user', userId);
  const factors = await identity.factors.summary(userId);
  return {
    user: {
      id: userId,
      email: user?.email ?? '',
      name: user?.name ?? '',
      groups: [...graph.groupsOf(userId)].sort(),
    },
    session: {
      id: session.id,
      acr: session.acr,
      amr: [...session.amr],
      authenticatedAt: session.authenticatedAt,
      expiresAt: session.expiresAt,
    },
    factors: {
      totp: factors.totp,
      passkeys: factors.passkeys.length,
      recoveryCodesLeft: factors.recoveryCodesLeft,
    },
    sessions: identity.sessions.list(userId).map(({ id, address, userAgent, authenticatedAt }) => ({
      id,
      current: id === session.id,
      address,
      userAgent,
      authenticatedAt,
    })),
    apps: [...graph.all('app')].map((app) => appFor(services, { app, session, request })),
  };
}

/** What would happen if the person opened the app now, from this browser. */
function appFor(
  services: ApiServices,
  { app, session, request }: { app: App; session: Session; request: IncomingMessage },
): { id: string; name: string; url: string; effect: 'permit' | 'forbid'; reason: string } {
  const address = addressOf(request);
  const { effect, reasons } = decideAccess({
    policies: services.policies(),
    graph: services.graph,
    now: services.clock.now(),
    request: {
      session,
      app,
      method: 'GET',
      path: '/',
      host: app.host,
      address,
      secure: isEncrypted(request) || address === '::1' || address.startsWith('127.'),
    },
  });
  const [first] = reasons;
  const reason = first === undefined ? '' : (first.detail ?? REASONS[first.code].title);
  return { id: app.id, name: app.name, url: services.originOf(app.host), effect, reason };
}
