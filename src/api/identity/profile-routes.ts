import type { IncomingMessage } from 'node:http';
import type { IDENTITY_ROUTES } from '#contract';
import { type App, type Decision, REASONS, type Session } from '#model';
import { decideAccess } from '#policy';
import { addressOf, type Caller } from '../caller.ts';
import { clearedCookie } from '../cookies.ts';
import { ApiFailure, must } from '../failure.ts';
import { SESSION_COOKIE } from '../guard.ts';
import type { Answer, Handlers } from '../register.ts';
import { type ApiServices, isEncrypted } from '../services.ts';
import { identityClient, sessionTokenOf } from './sign-in-routes.ts';

type Routes = Handlers<typeof IDENTITY_ROUTES>;

/** A person's own page: apps, factors, sessions and programs. */
export function profileRoutes(
  services: ApiServices,
): Pick<Routes, 'profile' | 'addPasskeyOptions' | 'addPasskey' | 'endOwnSession' | 'endOwnProgram' | 'signOut'> {
  const { factors, sessions, programs } = services.identity;
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
    endOwnProgram: async ({ params, caller }) => {
      const { userId: ownerId, actor: by } = personOf(caller);
      must(await programs.end({ id: params.id, by, ownerId }));
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

/** The person behind a route that only a signed-in one reaches. */
export function personOf(caller: Caller): Person {
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
    programs: identity.programs.list(userId).map(({ id, program, host, form, createdAt, expiresAt }) => ({
      id,
      name: program ?? '',
      app: graph.appByHost(host)?.name ?? host,
      form: form ?? 'bearer',
      createdAt,
      expiresAt: expiresAt ?? createdAt,
    })),
    apps: [...graph.all('app')].map((app) => appFor(services, { app, session, request })),
  };
}

function appFor(
  services: ApiServices,
  asked: { app: App; session: Session; request: IncomingMessage },
): { id: string; name: string; url: string; effect: 'permit' | 'forbid'; reason: string } {
  const { id, name, host } = asked.app;
  const { effect, reason } = outlook(services, asked);
  return { id, name, url: services.originOf(host), effect, reason };
}

/** What would happen if the person opened the app now, from this browser. */
export function outlook(
  services: ApiServices,
  { app, session, request }: { app: App; session: Session; request: IncomingMessage },
): { effect: 'permit' | 'forbid'; reason: string; stepUp: Decision['stepUp'] } {
  const address = addressOf(request);
  const { effect, reasons, remedies, stepUp } = decideAccess({
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
  return { effect, reason, stepUp: remedies.includes('step-up') ? stepUp : undefined };
}
