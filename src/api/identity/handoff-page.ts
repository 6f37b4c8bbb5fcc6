import type { FastifyReply, FastifyRequest } from 'fastify';
import { HANDOFF } from '#gateway';
import type { Reason } from '#model';
import { cookieOf } from '../caller.ts';
import type { Denials } from '../denials.ts';
import { sendDenied } from '../denied-page.ts';
import { SESSION_COOKIE } from '../guard.ts';
import { type ApiServices, transportOf } from '../services.ts';

/**
 * `GET /handoff?host&challenge&return`: carries a sign-in to another host of this installation. Whoever is not signed in signs in first and
 * comes back here. Only hosts of ours are served, and only at their own origin, so a code can leave to nobody else.
 */
export async function handoffPage(
  services: ApiServices,
  denials: Denials,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const host = single(request, 'host');
  const challenge = single(request, 'challenge');
  const returnTo = single(request, 'return') ?? '/';
  if (host === undefined || challenge === undefined || !isPublished(services, host)) {
    await refuse(services, denials, request, reply);
    return;
  }
  const found = services.identity.sessions.authenticate(cookieOf(request.raw, SESSION_COOKIE));
  if (!found.ok) {
    await redirect(reply, signInAndContinue(request.url));
    return;
  }
  const issued = services.identity.handoff.issue({ session: found.value.session, host, challenge });
  if (!issued.ok) {
    await refuse(services, denials, request, reply);
    return;
  }
  const url = new URL(HANDOFF.callbackPath, services.originOf(host, transportOf(request.raw)));
  // The host that gets it follows only paths of its own.
  url.search = new URLSearchParams({ code: issued.value.code, return: returnTo }).toString();
  await redirect(reply, url.href);
}

/**
 * `GET /step-up` as other hosts link to it: `return` is the address the person came from. The page itself follows only paths of this host, so
 * it is told `/leave`, which leads on. Returns false when the page can be shown as it is.
 */
export async function stepUpPage(
  services: ApiServices,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<boolean> {
  const found = services.identity.sessions.authenticate(cookieOf(request.raw, SESSION_COOKIE));
  if (!found.ok) {
    // A sign-in proves no less than a step-up.
    const back = single(request, 'return');
    await redirect(reply, signInAndContinue(back === undefined ? '/' : leaveTo(back)));
    return true;
  }
  const query = new URLSearchParams(request.url.split('?')[1] ?? '');
  const back = query.get('return');
  if (back === null) return false;
  query.delete('return');
  query.set('continue', leaveTo(back));
  await redirect(reply, `/step-up?${query.toString()}`);
  return true;
}

/** `GET /leave?to=…`: leads to a published host, and anybody who asks for another to the own page. */
export async function leavePage(services: ApiServices, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  await redirect(reply, publishedUrl(services, single(request, 'to')) ?? '/');
}

function leaveTo(url: string): string {
  return `/leave?${new URLSearchParams({ to: url }).toString()}`;
}

/** The sign-in page, which leads on to a path of the identity host. */
export function signInAndContinue(path: string): string {
  return `/sign-in?${new URLSearchParams({ continue: path }).toString()}`;
}

/** The same address, made anew from what is known about the host, or undefined: no open redirect. */
function publishedUrl(services: ApiServices, text: string | undefined): string | undefined {
  const url = text === undefined ? null : URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return undefined;
  if (!isPublished(services, url.hostname)) return undefined;
  return services.originOf(url.hostname, url.protocol === 'https:' ? 'tls' : 'http') + url.pathname + url.search;
}

function isPublished({ graph, hosts }: ApiServices, host: string): boolean {
  return host === hosts.console || graph.appByHost(host) !== undefined;
}

/** A parameter given twice could be read differently by two parsers, so it counts as none. */
function single(request: FastifyRequest, name: string): string | undefined {
  const values = new URLSearchParams(request.url.split('?')[1] ?? '').getAll(name);
  return values.length === 1 ? values[0] : undefined;
}

/** Leads on to another address. */
export async function redirect(reply: FastifyReply, location: string): Promise<void> {
  await reply.code(303).header('location', location).send();
}

async function refuse(
  services: ApiServices,
  denials: Denials,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const reasons: Reason[] = [{ code: 'handoff-invalid' }];
  await denials.record({ request, host: services.hosts.identity, reasons, user: undefined });
  await sendDenied(reply, { status: 400, reasons, remedies: [], correlationId: request.id });
}
