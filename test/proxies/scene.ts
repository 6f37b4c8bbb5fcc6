/**
 * A real proxy between a client and an app, which asks Cordon about each request.
 */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { createServer as createHttp2Server, type Http2Server } from 'node:http2';
import { ipSetOf, ok, parseCidr } from '#base';
import type { App } from '#model';
import { answerEnvoy, answerProxies, SERVER_OPTIONS } from '#gateway';
import { type Arrival, portOf } from '../gateway/upstream.ts';
import { type Answer, ask, type Asking, raw } from '../gateway/wire.ts';
import { makeWorld, type World } from '../gateway/world.ts';
import { type PROGRAMS, type Running, startProxy } from './programs.ts';

const POLICIES = `@id("engineering")
permit (principal in Group::"engineering", action == Action::"access", resource);
@id("admin")
forbid (principal, action == Action::"access", resource) when { context.path like "/admin*" };`;

const WIKI = { enforcedBy: 'forward-auth', identityHeaders: ['authelia'], tier: 2 } as const;

/** A real proxy between a client and the app, which asks Cordon. */
export interface Scene {
  readonly world: World;
  readonly asked: Server;
  readonly proxy: Running;
  ask(asking?: Asking): Promise<Answer>;
  /** Sends bytes that ask for the wiki with Ada's cookie, with these lines as well. */
  raw(lines: readonly string[]): Promise<string>;
  /** What reached the app since the last look. */
  arrivals(): Arrival[];
  /** Codes of the refusals journalled since the last look. */
  refusals(): string[];
  close(): Promise<void>;
}

/** Sets the scene; `others` are more apps that Cordon decides about, of which the proxy knows nothing. */
export async function setScene(
  program: (typeof PROGRAMS)[number],
  path: string,
  others: readonly Partial<App>[] = [],
): Promise<Scene> {
  let signIn = (): string => '';
  const world = await makeWorld({
    policies: POLICIES,
    apps: [WIKI, ...others.map((other) => ({ ...WIKI, ...other }))],
    options: {
      handoff: {
        redeem: async ({ host }) => {
          await Promise.resolve();
          const token = signIn().split('=')[1] ?? '';
          return ok({ token, appSession: { id: 'app_x', tokenHash: '', sessionId: '', host, createdAt: 0 } });
        },
      },
    },
  });
  signIn = () => world.signIn();
  const loopback = parseCidr('127.0.0.1/32');
  assert.ok(loopback.ok);
  const options = { gateway: world.gateway, trusted: ipSetOf([loopback.value]) };
  const asked = createServer({ ...SERVER_OPTIONS, shouldUpgradeCallback: () => false }, answerProxies(options));
  const askedByGrpc = createHttp2Server();
  askedByGrpc.on('stream', answerEnvoy(options));
  for (const server of [asked, askedByGrpc]) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  }
  const app = Number(new URL(world.graph.get('app', 'app_wiki')?.upstream ?? '').port);
  const ports = {
    cordon: world.port,
    asked: portOf(asked),
    askedByGrpc: (askedByGrpc.address() as { port: number }).port,
    app,
  };
  const closeCordon = async (): Promise<void> => {
    await world.close();
    closeAll(asked, askedByGrpc);
  };
  const proxy = await startProxy(program, path, ports).catch(async (cause: unknown) => {
    await closeCordon();
    throw cause;
  });
  let seen = 0;
  let told = 0;
  return {
    world,
    asked,
    proxy,
    ask: async (asking) => await ask(proxy.port, asking),
    raw: async (lines) =>
      await raw(
        proxy.port,
        `${[...lines, `cookie: a=1; ${world.signIn()}; b=2`, ...(hasConnection(lines) ? [] : ['connection: close'])].join('\r\n')}\r\n\r\n`,
      ),
    arrivals: () => {
      const fresh = world.arrivals.slice(seen);
      seen = world.arrivals.length;
      return fresh;
    },
    refusals: () => {
      const fresh = world.events.slice(told);
      told = world.events.length;
      return fresh.flatMap(({ status_code: code }) => (code === undefined ? [] : [String(code)]));
    },
    close: async () => {
      await proxy.stop();
      await closeCordon();
      assert.deepEqual(world.errors, [], 'something failed that no test expects');
    },
  };
}

function hasConnection(lines: readonly string[]): boolean {
  return lines.some((line) => line.startsWith('connection:'));
}

function closeAll(asked: Server, askedByGrpc: Http2Server): void {
  asked.closeAllConnections();
  asked.close();
  askedByGrpc.close();
}
