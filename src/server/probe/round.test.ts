import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { newToken } from '#base';
import type { App } from '#model';
import { probesOf } from './probes.ts';
import { type ProbeFinding, type ProbeRound, probeRound, type RoundOptions } from './round.ts';

const WIKI: App = {
  id: 'wiki',
  name: 'Wiki',
  host: 'wiki.localhost',
  upstream: 'http://10.0.0.7:3000',
  tier: 2,
  device: 'any',
  allowedOrigins: [],
};
const SHOP: App = { ...WIKI, id: 'shop', host: 'shop.localhost', enforcedBy: 'forward-auth' };
delete (SHOP as { upstream?: string }).upstream;

/** Marks that a server of these tests can answer without a key. */
const marks: RoundOptions['marks'] = {
  ask: () => {
    const field = newToken();
    return { name: 'x-cordon-probe', field, answer: `ours ${field}` };
  },
};

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

/** Answers as Cordon would. */
const refuse: Serve = (request, response) => {
  response.writeHead(401, { 'x-cordon-probe': `ours ${String(request.headers['x-cordon-probe'])}` });
  response.end();
};

/** Answers as an app would: its own page, and whatever it takes for the mark. */
const serveApp: Serve = (request, response) => {
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'x-cordon-probe': String(request.headers['x-cordon-probe']),
  });
  response.end('secret');
};

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function listening(serve: Serve): Promise<{ port: number; seen: IncomingMessage[] }> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    serve(request, response);
  });
  server.on('upgrade', (request: IncomingMessage, socket) => {
    seen.push(request);
    if (serve === serveApp)
      socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
    else
      socket.end(`HTTP/1.1 403 Forbidden\r\nx-cordon-probe: ours ${String(request.headers['x-cordon-probe'])}\r\n\r\n`);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, seen };
}

async function round(port: number, change: Partial<RoundOptions> = {}): Promise<ProbeRound> {
  return await probeRound({
    listeners: [{ transport: 'http', host: '127.0.0.1', port }],
    apps: [WIKI],
    isOurs: (host) => host.endsWith('.localhost'),
    publicOrigins: new Map(),
    identityOrigins: ['http://id.localhost:8080'],
    marks,
    now: () => performance.now(),
    onFinding: async () => {},
    spreadMs: 0,
    signal: new AbortController().signal,
    ...change,
  });
}

const kinds = ({ findings }: ProbeRound): string[] => [...new Set(findings.map(({ kind }) => kind))].sort();

describe('a round of probes', () => {
  it('finds nothing where Cordon answers each of them', async () => {
    const { port, seen } = await listening(refuse);
    const { sent, refused, findings, unanswered } = await round(port);
    assert.deepEqual({ refused, findings, unanswered }, { refused: sent, findings: [], unanswered: 0 });
    assert.equal(seen.length, sent);
  });

  it('finds every way in which an app answers, also one that shows a mark of its own', async () => {
    const { port } = await listening(serveApp);
    const told: ProbeFinding[] = [];
    const found = await round(port, { onFinding: async (finding) => void told.push(finding) });
    assert.deepEqual(kinds(found), [
      'aliased-headers',
      'anonymous',
      'ended-session',
      'foreign-host',
      'identity-headers',
      'websocket',
    ]);
    assert.deepEqual([found.refused, found.findings.length, told.length], [0, found.sent, found.sent]);
    const plain = found.findings.find(({ kind }) => kind === 'anonymous');
    assert.equal(plain?.detail, 'a request of nobody was answered by something else than Cordon (200, text/html)');
  });

  it('takes no seal on anything but a refusal: an app that was reached may have asked for one', async () => {
    const { port } = await listening((request, response) => {
      response.writeHead(200, { 'x-cordon-probe': `ours ${String(request.headers['x-cordon-probe'])}` }).end();
    });
    const { findings } = await round(port);
    assert.ok(findings.some(({ kind }) => kind === 'anonymous'));
  });

  it('ends the connection of a WebSocket that somebody accepts', async () => {
    const { port, seen } = await listening((request, response) => {
      refuse(request, response);
    });
    const kept: Duplex[] = [];
    servers
      .at(-1)
      ?.removeAllListeners('upgrade')
      .on('upgrade', (request: IncomingMessage, socket: Duplex) => {
        seen.push(request);
        kept.push(
          socket
            .on('error', () => undefined)
            .on('end', () => socket.end())
            .resume(),
        );
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
      });
    assert.deepEqual(kinds(await round(port)), ['websocket']);
    for (let i = 0; i < 100 && kept.some(({ closed }) => !closed); i++) await sleep(10);
    assert.deepEqual(
      kept.map(({ closed }) => closed),
      [true],
    );
  });

  it('takes an app that refuses by itself for a finding too: it was reached', async () => {
    const { port } = await listening((_request, response) => {
      response.writeHead(401).end();
    });
    assert.ok((await round(port)).findings.length > 0);
  });

  const holes: readonly [string, (request: IncomingMessage) => boolean][] = [
    ['aliased-headers', ({ headers }) => 'x_forwarded_user' in headers],
    ['identity-headers', ({ headers }) => headers['x-forwarded-user'] === 'admin'],
    ['ended-session', ({ headers }) => headers.cookie !== undefined || headers.authorization !== undefined],
    ['foreign-host', ({ headers }) => headers.host?.endsWith('.localhost') === false],
  ];
  for (const [kind, isOpen] of holes) {
    it(`finds a gateway that is open only to ${kind}, and nothing else`, async () => {
      const { port } = await listening((request, response) => (isOpen(request) ? serveApp : refuse)(request, response));
      assert.deepEqual(kinds(await round(port)), [kind]);
    });
  }

  it('proves nothing where nobody answers, and shows nothing either', async () => {
    const { port } = await listening((request) => {
      request.socket.destroy();
    });
    const { sent, unanswered, refused, findings } = await round(port);
    assert.deepEqual([unanswered > 0, refused, findings], [true, 1, []], 'only the WebSocket was answered');
    assert.equal(unanswered, sent - 1);
  });

  it('asks again when the clock was moved under it, and believes what is said then', async () => {
    let now = 0;
    let first = true;
    const { port } = await listening((request, response) => {
      if (first) now += 3_600_000;
      (first ? serveApp : refuse)(request, response);
      first = false;
    });
    const { findings } = await round(port, { now: () => now });
    assert.deepEqual(findings, []);
  });

  it('says which apps of other proxies it cannot reach, and asks the others at their public address', async () => {
    const { port } = await listening(refuse);
    assert.deepEqual((await round(port, { apps: [WIKI, SHOP] })).notProbed, ['shop']);
    const elsewhere = await listening((request, response) => {
      if (request.url !== '/') response.writeHead(500);
      else if (request.headers['x-forwarded-user'] === undefined)
        response.writeHead(302, { location: 'http://id.localhost:8080/sign-in' });
      else response.writeHead(302, { location: 'http://id.localhost.evil.test/' });
      response.end();
    });
    const publicOrigins = new Map([['shop', `http://127.0.0.1:${elsewhere.port}`]]);
    const found = await round(port, { apps: [SHOP], publicOrigins });
    assert.deepEqual(found.notProbed, []);
    assert.deepEqual(
      found.findings.map(({ appId, kind, at }) => [appId, kind, at]),
      [['shop', 'identity-headers', 'public']],
    );
    assert.equal(elsewhere.seen[0]?.headers.host, `127.0.0.1:${elsewhere.port}`);
  });

  it('has a few probes under way at once, and keeps its pace when it has time', async () => {
    let open = 0;
    let most = 0;
    const { port } = await listening((request, response) => {
      most = Math.max(most, ++open);
      setTimeout(() => {
        open -= 1;
        refuse(request, response);
      }, 10);
    });
    const apps = Array.from(
      { length: 5 },
      (_, index): App => ({ ...WIKI, id: `app-${index}`, host: `app-${index}.localhost` }),
    );
    await round(port, { apps });
    assert.ok(most > 1 && most <= 4, `${most} at once`);
    const { durationMs, sent } = await round(port, { spreadMs: 800 });
    assert.ok(durationMs >= (800 / sent) * (sent - 1) - 20, `${durationMs} ms`);
  });

  it('ends when it is told to', async () => {
    const { port } = await listening(refuse);
    const stopping = new AbortController();
    const running = round(port, { spreadMs: 60_000, signal: stopping.signal });
    setTimeout(() => {
      stopping.abort();
    }, 20);
    const { durationMs, findings } = await running;
    assert.ok(durationMs < 5_000);
    assert.deepEqual(findings, []);
  });
});

describe('the probes of an app', () => {
  it('leave out the upstream’s name where Cordon itself answers at it', () => {
    const ask = { token: 'x', scheme: 'http' as const };
    assert.equal(
      probesOf(WIKI, { ...ask, isOurs: () => true }).filter(({ kind }) => kind === 'foreign-host').length,
      0,
    );
    const foreign = probesOf(WIKI, { ...ask, isOurs: () => false }).filter(({ kind }) => kind === 'foreign-host');
    assert.deepEqual(
      foreign.map(({ target, headers }) => [target, headers[1]]),
      [
        ['/', '10.0.0.7:3000'],
        ['http://10.0.0.7:3000/', '10.0.0.7:3000'],
      ],
    );
  });
});
