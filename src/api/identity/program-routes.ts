import type { FastifyReply, FastifyRequest } from 'fastify';
import type { BodyOf, IDENTITY_ROUTES } from '#contract';
import type { ProgramRequest } from '#identity';
import type { App } from '#model';
import { cookieOf } from '../caller.ts';
import { ApiFailure, must } from '../failure.ts';
import { SESSION_COOKIE } from '../guard.ts';
import type { Handlers } from '../register.ts';
import type { ApiServices } from '../services.ts';
import { redirect, signInAndContinue } from './handoff-page.ts';
import { outlook, personOf } from './profile-routes.ts';

type Routes = Handlers<typeof IDENTITY_ROUTES>;
type Asked = BodyOf<(typeof IDENTITY_ROUTES)['allowProgram']>;

/** A program that listens on this computer. Names are not taken: whoever answers for `localhost` is decided elsewhere (RFC 8252 section 8.3). */
const LOOPBACK = /^http:\/\/(?:127\.0\.0\.1|\[::1\]):[1-9]\d{0,4}(?:\/[A-Za-z0-9_-]{0,64})?$/;

/**
 * Letting programs open apps. Nothing here happens by opening a link: the page shows what is asked, and only its button, a request that
 * no other site can make, gives a code. A code goes to a program on this computer or before the person's eyes, and nowhere else.
 */
export function programRoutes(services: ApiServices): Pick<Routes, 'describeProgram' | 'allowProgram'> {
  const { handoff } = services.identity;
  return {
    describeProgram: async ({ body, caller, request }) => {
      const { session, userId } = personOf(caller);
      const { app, program, redirect } = read(services, body);
      const { effect, reason } = outlook(services, { app, session, request });
      return await Promise.resolve({
        app: { name: app.name, url: services.originOf(app.host) },
        name: program.name,
        form: program.form,
        email: services.graph.get('user', userId)?.email ?? '',
        expiresAt: handoff.endOf(session, program.form),
        effect,
        reason,
        ...(redirect === undefined ? {} : { refusal: withQuery(redirect, { error: 'access_denied' }) }),
      });
    },
    allowProgram: async ({ body, caller }) => {
      const { session } = personOf(caller);
      const { app, program, redirect } = read(services, body);
      const asked = { session, host: app.host, challenge: body.challenge, program };
      const { code, expiresAt } = must(handoff.issue(asked));
      return await Promise.resolve(
        redirect === undefined ? { code, expiresAt } : { location: withQuery(redirect, { code }), expiresAt },
      );
    },
  };
}

/**
 * `GET /authorize-program`: whoever is not signed in, or would have to confirm presence before the app opened, does that first and comes
 * back. Returns false when the page can be shown.
 */
export async function authorizeProgramPage(
  services: ApiServices,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<boolean> {
  const found = services.identity.sessions.authenticate(cookieOf(request.raw, SESSION_COOKIE));
  if (!found.ok) {
    await redirect(reply, signInAndContinue(request.url));
    return true;
  }
  const query = new URLSearchParams(request.url.split('?')[1] ?? '');
  const app = services.graph.appByHost(query.get('host') ?? '');
  // Once is enough: who comes back and still is not sure enough sees the page, which says so.
  if (app === undefined || query.has('confirmed')) return false;
  const { stepUp } = outlook(services, { app, session: found.value.session, request: request.raw });
  if (stepUp === undefined) return false;
  const back = `${request.url}&confirmed=1`;
  const demand = { acr: stepUp.acr, max_age: String(stepUp.maxAgeSeconds), continue: back };
  await redirect(reply, `/step-up?${new URLSearchParams(demand).toString()}`);
  return true;
}

function read(
  services: ApiServices,
  { host, redirect, name, form, jkt }: Asked,
): { readonly app: App; readonly program: ProgramRequest; readonly redirect: string | undefined } {
  const app = services.graph.appByHost(host);
  if (app === undefined) throw invalid(`no app is published at \`${host}\``);
  if (redirect !== undefined && (!LOOPBACK.test(redirect) || URL.parse(redirect) === null)) {
    throw invalid('the program does not listen on this computer');
  }
  const program = { name: name.trim(), form, ...(jkt === undefined ? {} : { keyThumbprint: jkt }) };
  // Before the person sees it: a name may not change how the page reads.
  if (!services.identity.handoff.isFit(program)) throw invalid('the program does not say who it is as it must');
  return { app, program, redirect };
}

function invalid(message: string): ApiFailure {
  return new ApiFailure(400, 'handoff-invalid', message, { hint: 'start the program again' });
}

function withQuery(redirect: string, query: Record<string, string>): string {
  const url = new URL(redirect);
  url.search = new URLSearchParams(query).toString();
  return url.href;
}
