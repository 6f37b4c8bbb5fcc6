import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { createHandoff, type Handoff, HANDOFF } from '#gateway';
import type { Reason } from '#model';
import { clientOf } from './caller.ts';
import { type ConsoleFiles, isNavigation } from './console-files.ts';
import { clearedCookie } from './cookies.ts';
import type { Denials } from './denials.ts';
import { sendDenied } from './denied-page.ts';
import {
  type ConsoleDecision,
  decideConsole,
  needsSignIn,
  recordConsoleDenial,
  refuseForgery,
  stepUpUrl,
} from './guard.ts';
import { type ApiServices, transportOf } from './services.ts';

/** Pages of the console host. */
export interface ConsolePages {
  /** `/.cordon/callback` and `/.cordon/sign-out`. */
  register(server: FastifyInstance): void;
  /** Opens a page of the console; begins the sign-in, or says why not. Returns false for what is no page. */
  open(request: FastifyRequest, reply: FastifyReply): Promise<boolean>;
}

/** Makes the pages of the console host. */
export function consolePages(services: ApiServices, files: ConsoleFiles, denials: Denials): ConsolePages {
  const handoff = createHandoff({
    redeemer: services.identity.handoff,
    identityOrigin: (transport) => services.originOf(services.hosts.identity, transport),
  });
  return {
    register: (server) => {
      server.get(HANDOFF.callbackPath, async (request, reply) => {
        await endHandoff(services, { handoff, denials }, request, reply);
        return await reply;
      });
      server.post('/.cordon/sign-out', async (request, reply) => {
        await signOut(services, request, reply);
        return await reply;
      });
    },
    open: async (request, reply) => {
      const path = request.url.split('?')[0] ?? '';
      if (!isNavigation(request) || /^\/(?:api|\.cordon)(?:\/|$)|^\/assets\//.test(path)) return false;
      const decided = decideConsole(services, request.raw, 'view');
      if (decided.decision.effect === 'permit') await files.sendPage(reply);
      else if (needsSignIn(decided.decision)) await beginHandoff(services, handoff, request, reply);
      else await refusePerson(services, denials, decided, { request, reply });
      return true;
    },
  };
}

async function beginHandoff(
  services: ApiServices,
  handoff: Handoff,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { location, cookies } = handoff.begin({
    host: services.hosts.console,
    transport: transportOf(request.raw),
    returnTo: request.url,
    cookie: request.headers.cookie,
  });
  await reply
    .code(303)
    .header('set-cookie', [...cookies])
    .header('location', location)
    .send();
}

async function endHandoff(
  services: ApiServices,
  { handoff, denials }: { handoff: Handoff; denials: Denials },
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const host = services.hosts.console;
  const ended = await handoff.callback({
    host,
    target: request.url,
    cookie: request.headers.cookie,
    client: clientOf(request.raw),
  });
  if (ended.ok) {
    const { location, cookies } = ended.value;
    await reply
      .code(303)
      .header('set-cookie', [...cookies])
      .header('location', location)
      .send();
    return;
  }
  const reasons: Reason[] = [{ code: 'handoff-invalid' }];
  await denials.record({ request, host, reasons, user: undefined });
  const signInUrl = services.originOf(host, transportOf(request.raw));
  await sendDenied(reply, { status: 400, reasons, remedies: ['sign-in'], signInUrl, correlationId: request.id });
}

/** Ends the session, not only this host's part of it: on a shared computer nothing may stay open. */
async function signOut(services: ApiServices, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { hosts, identity } = services;
  const transport = transportOf(request.raw);
  refuseForgery(request.raw, services.originOf(hosts.console, transport));
  const { session } = decideConsole(services, request.raw, 'view');
  if (session !== undefined) {
    const { id: sessionId, userId: ownerId } = session;
    await identity.sessions.endById({ sessionId, ownerId, by: `user:${ownerId}` });
  }
  const location = new URL('/sign-in', services.originOf(hosts.identity, transport)).href;
  await reply.code(303).header('set-cookie', clearedCookie(HANDOFF.cookie)).header('location', location).send();
}

async function refusePerson(
  services: ApiServices,
  denials: Denials,
  decided: ConsoleDecision,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
): Promise<void> {
  const { decision, session } = decided;
  await recordConsoleDenial(services, denials, request, decided);
  const transport = transportOf(request.raw);
  const user = session === undefined ? undefined : services.graph.get('user', session.userId);
  const stepUp = stepUpUrl(services, decision, transport);
  const back = new URL(request.url, services.originOf(services.hosts.console, transport)).href;
  await sendDenied(reply, {
    status: stepUp === undefined ? 403 : 401,
    reasons: decision.reasons,
    policies: decision.policies,
    remedies: decision.remedies,
    correlationId: request.id,
    ...(user === undefined ? {} : { email: user.email }),
    ...(stepUp === undefined || decision.stepUp === undefined
      ? {}
      : { stepUp: { ...decision.stepUp, url: `${stepUp}&return=${encodeURIComponent(back)}` } }),
  });
}
