/** Attacks on the decision itself: what it is made from, when it is made, and how long it stands. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import { systemClock } from '#base';
import type { GatewayOptions } from '#gateway';
import type { Device } from '#model';
import { loadPolicies } from '#policy';
import { accept } from '../gateway/upstream.ts';
import { until } from '../gateway/wire.ts';
import { ADA, LAPTOP, type World, world } from '../gateway/world.ts';
import { EVERYBODY, rawWorld } from './raw-gateway.ts';

const HOUR = 3_600_000;

describe('what is decided', () => {
  it('17: a pattern cannot be half of a path: policies have no regular expressions, and `like` is about the whole', async () => {
    const made = await rawWorld({
      policies: `permit (principal, action == Action::"access", resource) when { context.path like "/public/*/page" };`,
    });
    const cookie = made.signIn();
    const status = async (path: string): Promise<number> => (await made.ask({ cookie, path })).status;
    assert.equal(await status('/public/a/page'), 200);
    for (const path of ['/admin/public/a/page', '/public/a/page/admin', '/public/page', '/Public/a/page']) {
      assert.equal(await status(path), 403, path);
    }
    const texts = { 'a.cedar': 'permit (principal, action, resource) when { context.path.matches("^/foo/.*") };' };
    assert.equal(loadPolicies({ texts, version: 1 }).ok, false);
  });

  it('17: no pattern takes longer for a path that was made to be slow', async () => {
    const stars = '*a'.repeat(200);
    const made = await rawWorld({
      policies: `permit (principal, action == Action::"access", resource) when { context.path like "/${stars}b" };`,
    });
    const start = performance.now();
    assert.equal((await made.ask({ cookie: made.signIn(), path: `/${'a'.repeat(8000)}` })).status, 403);
    assert.ok(performance.now() - start < 2000, 'a backtracking matcher would take years');
  });

  const broken: Readonly<Record<string, Partial<Device>>> = {
    'no posture at all': { posture: undefined as never },
    'a posture without a verdict': { posture: { collectedAt: 0, results: [] } as never },
    'a verdict that nobody defined': { posture: { ...LAPTOP.posture, verdict: 'excellent' as never } },
    'a time that is no number': { posture: { ...LAPTOP.posture, collectedAt: Number.NaN } },
    'a time in the far future': { posture: { ...LAPTOP.posture, collectedAt: Number.MAX_SAFE_INTEGER } },
  };
  for (const [name, change] of Object.entries(broken)) {
    it(`35: a device with ${name} is not healthy, and nothing breaks`, async () => {
      const made = await rawWorld({ apps: [{ device: 'healthy' }] });
      const cookie = made.signIn();
      assert.equal((await made.ask({ cookie })).status, 200);
      const before = made.bytes();
      made.patch('device', LAPTOP.id, change);
      assert.equal((await made.ask({ cookie })).status, 403);
      assert.equal(made.bytes(), before);
    });
  }
});

/** What stays open, and begins to be answered, over HTTP/1.1. */
const OPEN: Readonly<Record<string, (cookie: string) => string>> = {
  'a download': (cookie) => `GET /download HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${cookie}\r\n\r\n`,
  'server-sent events': (cookie) =>
    `GET /events HTTP/1.1\r\nhost: wiki.localhost\r\naccept: text/event-stream\r\ncookie: ${cookie}\r\n\r\n`,
  'an upload': (cookie) =>
    `POST /upload HTTP/1.1\r\nhost: wiki.localhost\r\ncontent-length: 1000000\r\ncookie: ${cookie}\r\n\r\nfirst bytes`,
};

const CAUSES: Readonly<Record<string, (made: World) => void>> = {
  'signing out': (made) => [...made.graph.all('session')].forEach(({ id }) => made.remove('session', id)),
  'an administrator’s kill': (made) => void made.gateway.cut({ userId: ADA.id }, { code: 'session-revoked' }),
  'the end of the account': (made) => made.patch('user', ADA.id, { status: 'disabled' }),
  'the end of a membership': (made) => made.patch('user', ADA.id, { groups: [] }),
  'a device that fails a check': (made) =>
    made.patch('device', LAPTOP.id, { posture: { ...LAPTOP.posture, verdict: 'unhealthy' } }),
  'another policy': (made) => made.activate('@id("none") forbid (principal, action == Action::"access", resource);'),
  'a stricter tier': (made) => made.patch('app', 'app_wiki', { tier: 0 }),
};

describe('how long a decision stands', () => {
  for (const [cause, happen] of Object.entries(CAUSES)) {
    it(`37: ${cause} ends a download, events, an upload, an idle WebSocket and one that only the app writes to`, async () => {
      let ended = 0;
      let arrived = 0;
      const made = await world({
        clock: systemClock,
        policies: 'permit (principal in Group::"engineering", action == Action::"access", resource);',
        apps: [{ device: 'healthy' }],
        upstream: (request, response) => {
          arrived += 1;
          request.on('error', () => undefined);
          response.on('error', () => undefined).on('close', () => (ended += 1));
          if (request.url === '/upload') request.resume();
          else response.write('the beginning of something long');
        },
        onUpgrade: (request, socket) => {
          arrived += 1;
          socket.on('close', () => (ended += 1));
          accept(request, socket);
          socket.resume().on('end', () => socket.end());
          if (request.url === '/ticks') tick(socket);
        },
      });
      const cookie = made.signIn({ session: { authenticatedAt: Date.now() - HOUR / 2 } });
      const closed = Object.values(OPEN).map((text) => {
        const socket = connect(made.port, '127.0.0.1', () => socket.write(text(cookie)));
        socket.on('error', () => undefined);
        return new Promise<void>((resolve) => {
          socket.on('close', () => resolve());
          // What was not answered yet is answered with the refusal, and its sender gets a moment to read it.
          socket.on('data', (chunk) => {
            if (/^HTTP\/1\.1 4\d\d /.test(String(chunk))) resolve();
          });
        });
      });
      const sockets = [
        await made.webSocket({ cookie, path: '/idle' }),
        await made.webSocket({ cookie, path: '/ticks' }),
      ];
      await until(() => arrived === 5, 'all five are open');
      const start = performance.now();
      happen(made);
      await Promise.all([...closed, ...sockets.map(async (one) => await one.closed)]);
      await until(() => ended === 5, 'the app is let go by all five');
      assert.ok(performance.now() - start < 1000, `${(performance.now() - start).toFixed(0)} ms`);
      assert.equal(made.gateway.connections().length, 0);
      const cuts = made.events.filter(({ message }) => message.includes(' cut off '));
      assert.equal(cuts.length, 5, 'each with an event that names the cause');
    });
  }

  it('38: a change between the decision and the dial is not missed', async () => {
    const { journal, isAsked, write } = slowJournal();
    const made = await rawWorld({ apps: [{ tier: 1 }], options: { journal } });
    const answer = made.ask({ cookie: made.signIn() });
    await until(isAsked, 'the permit is to be written');
    made.activate('@id("none") forbid (principal, action == Action::"access", resource);');
    write();
    assert.equal((await answer).status, 403);
    assert.equal(made.bytes(), '');
  });

  it('38: a permit of another version is not a permit', async () => {
    const { journal, isAsked, write } = slowJournal();
    const made = await rawWorld({ apps: [{ tier: 1 }], options: { journal } });
    const answer = made.ask({ cookie: made.signIn(), path: '/x' });
    await until(isAsked, 'the permit is to be written');
    made.activate(
      `${EVERYBODY}\n@id("y") forbid (principal, action == Action::"access", resource) when { context.path == "/y" };`,
    );
    write();
    assert.equal((await answer).status, 200, 'decided again, by the version in force');
    assert.match(made.bytes(), /^GET \/x /);
  });
});

/** A journal that takes as long as the test wants. */
function slowJournal(): {
  readonly journal: GatewayOptions['journal'];
  readonly isAsked: () => boolean;
  readonly write: () => void;
} {
  const written = Promise.withResolvers<void>();
  let asked = 0;
  return {
    journal: {
      append: async () => {
        asked += 1;
        await written.promise;
      },
      writable: true,
    },
    isAsked: () => asked > 0,
    write: written.resolve,
  };
}

/** Writes small messages for as long as the other end is there. */
function tick(socket: Duplex): void {
  const timer = setInterval(() => socket.write(Buffer.from([0x81, 1, 0x2e])), 5);
  socket.on('close', () => clearInterval(timer));
}
