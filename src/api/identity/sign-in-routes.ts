import type { IncomingMessage } from 'node:http';
import type { IDENTITY_ROUTES } from '#contract';
import type { Client, SignedIn } from '#identity';
import type { FastifyReply } from 'fastify';
import QRCode from 'qrcode';
import { clientOf, cookieOf } from '../caller.ts';
import { DEVICE_COOKIE, setSessionCookies } from '../cookies.ts';
import { must } from '../failure.ts';
import { SESSION_COOKIE } from '../guard.ts';
import type { Handlers } from '../register.ts';
import type { ApiServices } from '../services.ts';

type Routes = Handlers<typeof IDENTITY_ROUTES>;

/** The client of a request on the identity host, with its device cookie. */
export function identityClient(request: IncomingMessage): Client {
  return { ...clientOf(request), deviceToken: cookieOf(request, DEVICE_COOKIE) };
}

/** The session token of a request that got past the guard. */
export function sessionTokenOf(request: IncomingMessage): string {
  return cookieOf(request, SESSION_COOKIE) ?? '';
}

/** Steps from a one-time link to an account. */
export function enrolmentRoutes(
  services: ApiServices,
): Pick<
  Routes,
  'openInvitation' | 'setPassword' | 'beginTotp' | 'confirmTotp' | 'beginPasskey' | 'confirmPasskey' | 'finishEnrolment'
> {
  const { enrolment } = services.identity;
  return {
    openInvitation: async ({ body }) => must(await enrolment.open(body)),
    setPassword: async ({ body }) => must(await enrolment.setPassword(body)),
    beginTotp: async ({ body }) => {
      const { secret, otpauthUri } = must(enrolment.beginTotp(body));
      return { secret, uri: otpauthUri, qrSvg: await QRCode.toString(otpauthUri, { type: 'svg', margin: 1 }) };
    },
    confirmTotp: async ({ body }) => await Promise.resolve(must(enrolment.confirmTotp(body))),
    beginPasskey: async ({ body }) => {
      const { options } = must(await enrolment.beginPasskey(body));
      return { options: { ...options } };
    },
    confirmPasskey: async ({ body }) => must(await enrolment.confirmPasskey(body)),
    finishEnrolment: async ({ body, request, reply }) => {
      const finished = must(await enrolment.finish({ ...body, client: identityClient(request) }));
      await signedIn(services, finished, { request, reply });
      return { recoveryCodes: [...finished.recoveryCodes] };
    },
  };
}

/** The ways to sign in. */
export function signInRoutes(
  services: ApiServices,
): Pick<Routes, 'signInPassword' | 'signInTotp' | 'signInRecovery' | 'signInPasskeyOptions' | 'signInPasskey'> {
  const { signIn } = services.identity;
  return {
    signInPassword: async ({ body, request }) => {
      const { pending, factors } = must(await signIn.password({ ...body, client: identityClient(request) }));
      return { next: 'second-factor', pending, factors: [...factors] };
    },
    signInTotp: async ({ body, request, reply }) =>
      await signedIn(services, must(await signIn.totp({ ...body, client: identityClient(request) })), {
        request,
        reply,
      }),
    signInRecovery: async ({ body, request, reply }) =>
      await signedIn(services, must(await signIn.recovery({ ...body, client: identityClient(request) })), {
        request,
        reply,
      }),
    signInPasskeyOptions: async ({ body, request }) => {
      const { flow, options } = must(await signIn.beginPasskey({ ...body, client: identityClient(request) }));
      return { flow, options: { ...options } };
    },
    signInPasskey: async ({ body, request, reply }) =>
      await signedIn(services, must(await signIn.finishPasskey({ ...body, client: identityClient(request) })), {
        request,
        reply,
      }),
  };
}

/** Proving presence again; every success replaces the session and its cookie. */
export function stepUpRoutes(
  services: ApiServices,
): Pick<Routes, 'stepUpPasskeyOptions' | 'stepUpPasskey' | 'stepUpTotp'> {
  const { stepUp } = services.identity;
  return {
    stepUpPasskeyOptions: async ({ request }) => {
      const { flow, options } = must(await stepUp.beginPasskey({ sessionToken: sessionTokenOf(request) }));
      return { flow, options: { ...options } };
    },
    stepUpPasskey: async ({ body, request, reply }) => {
      const proof = { ...body, sessionToken: sessionTokenOf(request), client: identityClient(request) };
      setSessionCookies(reply, must(await stepUp.finishPasskey(proof)));
      return { next: 'done' };
    },
    stepUpTotp: async ({ body, request, reply }) => {
      const proof = { ...body, sessionToken: sessionTokenOf(request), client: identityClient(request) };
      setSessionCookies(reply, must(await stepUp.totp(proof)));
      return { next: 'done' };
    },
  };
}

/** Hands the session to the browser, and ends the one the browser had: nobody would hold its cookie any more. */
async function signedIn(
  { identity }: ApiServices,
  session: SignedIn,
  { request, reply }: { request: IncomingMessage; reply: FastifyReply },
): Promise<{ next: 'done' }> {
  setSessionCookies(reply, session);
  const before = cookieOf(request, SESSION_COOKIE);
  if (before !== undefined) await identity.sessions.end({ token: before, client: identityClient(request) });
  return { next: 'done' };
}
