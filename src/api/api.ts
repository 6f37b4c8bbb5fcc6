import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { CONTROL_ROUTES, IDENTITY_ROUTES } from '#contract';
import { hardenServer, SERVER_OPTIONS } from '#gateway';
import { createAgentHost } from './agent/agent-host.ts';
import { openClients } from './authzen/clients.ts';
import { createDecisionHost } from './authzen/decision-host.ts';
import { type ConsoleFiles, isNavigation, readConsole } from './console-files.ts';
import { consolePages } from './console-pages.ts';
import { CONTROL_BODY_LIMITS, type ControlHandlers, controlHandlers } from './control/handlers.ts';
import { createDenials, type Denials } from './denials.ts';
import { consoleGuard, identityGuard, localGuard } from './guard.ts';
import { createHost, type OwnHost } from './host.ts';
import { handoffPage, leavePage, stepUpPage } from './identity/handoff-page.ts';
import { profileRoutes } from './identity/profile-routes.ts';
import { authorizeProgramPage, programRoutes } from './identity/program-routes.ts';
import { enrolmentRoutes, signInRoutes, stepUpRoutes } from './identity/sign-in-routes.ts';
import { registerRoutes } from './register.ts';
import type { ApiServices } from './services.ts';

/** Request handlers of Cordon's own hosts. None of them throws. */
export interface Api {
  /** `id.<domain>`: sign-in pages and their API. */
  identity(request: IncomingMessage, response: ServerResponse): void;
  /** `console.<domain>`: the console and the control API for people. */
  console(request: IncomingMessage, response: ServerResponse): void;
  /** `agent.<domain>`, over TLS only: what agents call. */
  agent(request: IncomingMessage, response: ServerResponse): void;
  /** `authz.<domain>`: decisions for applications (AuthZEN). */
  decisions(request: IncomingMessage, response: ServerResponse): void;
  /** The control API for the operator of this machine, as a server to listen on a Unix socket. */
  readonly control: Server;
  /** Ends streams and waits for answers under way, at most a few seconds. */
  close(): Promise<void>;
}

/** Makes the API. `consoleDirectory` holds the built console; `uid` is the operator's, for the journal. Fails with `console-missing`. */
export async function createApi(
  services: ApiServices,
  options: { readonly consoleDirectory: string; readonly uid: number },
): Promise<Api> {
  const files = await readConsole(options.consoleDirectory);
  const denials = createDenials(services);
  const clients = await openClients(services.store, services.clock);
  const decisions = createDecisionHost(services, clients);
  const shared = controlHandlers(services, clients);
  const identity = await identityHost(services, files, denials);
  const console = await consoleHost(services, { files, denials, shared });
  const local = await localHost(services, shared, options.uid);
  const control = createServer(SERVER_OPTIONS, local.handle);
  hardenServer(control);
  return {
    identity: identity.handle,
    console: console.handle,
    agent: createAgentHost(services),
    decisions: decisions.handle,
    control,
    close: async () => {
      shared.close();
      await Promise.all([identity.close(), console.close(), local.close(), decisions.close()]);
    },
  };
}

async function identityHost(services: ApiServices, files: ConsoleFiles, denials: Denials): Promise<OwnHost> {
  return await createHost(services, {
    name: services.hosts.identity,
    isLocal: false,
    routes: async (server) => {
      registerRoutes(server, IDENTITY_ROUTES, {
        handlers: {
          ...enrolmentRoutes(services),
          ...signInRoutes(services),
          ...stepUpRoutes(services),
          ...programRoutes(services),
          ...profileRoutes(services),
        },
        guard: identityGuard(services),
      });
      server.get('/handoff', async (request, reply) => {
        await handoffPage(services, denials, request, reply);
        return await reply;
      });
      server.get('/leave', async (request, reply) => {
        await leavePage(services, request, reply);
        return await reply;
      });
      server.get('/step-up', async (request, reply) => {
        if (!(await stepUpPage(services, request, reply))) await files.sendPage(reply);
        return await reply;
      });
      server.get('/authorize-program', async (request, reply) => {
        if (!(await authorizeProgramPage(services, request, reply))) await files.sendPage(reply);
        return await reply;
      });
      for (const path of ['/', '/sign-in', '/enrol']) {
        server.get(path, async (_request, reply) => {
          await files.sendPage(reply);
          return await reply;
        });
      }
      await files.register(server);
    },
    fallback: async (request, reply) => {
      if (!isNavigation(request)) return false;
      await files.sendPage(reply, 404);
      return true;
    },
  });
}

async function consoleHost(
  services: ApiServices,
  { files, denials, shared }: { files: ConsoleFiles; denials: Denials; shared: ControlHandlers },
): Promise<OwnHost> {
  const pages = consolePages(services, files, denials);
  return await createHost(services, {
    name: services.hosts.console,
    isLocal: false,
    routes: async (server) => {
      registerRoutes(server, CONTROL_ROUTES, {
        handlers: shared.handlers,
        guard: consoleGuard(services, denials),
        bodyLimits: CONTROL_BODY_LIMITS,
      });
      pages.register(server);
      await files.register(server);
    },
    fallback: pages.open,
  });
}

async function localHost(services: ApiServices, shared: ControlHandlers, uid: number): Promise<OwnHost> {
  return await createHost(services, {
    name: '',
    isLocal: true,
    routes: (server) => {
      registerRoutes(server, CONTROL_ROUTES, {
        handlers: shared.handlers,
        guard: localGuard(uid),
        bodyLimits: CONTROL_BODY_LIMITS,
      });
    },
  });
}
