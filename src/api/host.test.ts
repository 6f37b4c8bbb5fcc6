import assert from 'node:assert/strict';
import { type IncomingMessage, createServer, request } from 'node:http';
import { createServer as createTlsServer, request as tlsRequest } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { CordonError, systemClock } from '#base';
import { createAuthority } from '#devices';
import { openStore } from '#store';
import { ApiFailure } from './failure.ts';
import { createHost, type OwnHost } from './host.ts';
import { type ApiBench, HOSTS, openApiBench } from './testdata/api-bench.ts';
import { Browser, callLocal, enrol, type Reply } from './testdata/browser.ts';

const SECURITY_HEADERS: readonly (readonly [name: string, value: RegExp])[] = [
  ['content-security-policy', /^default-src 'none'.*frame-ancestors 'none'/],
  ['cross-origin-opener-policy', /^same-origin$/],
  ['cross-origin-resource-policy', /^same-origin$/],
  ['permissions-policy', /camera=\(\)/],
  ['referrer-policy', /^no-referrer$/],
  ['x-content-type-options', /^nosniff$/],
  ['x-cordon-correlation-id', /^cor_\w+$/],
];

describe('what every answer carries', () => {
  let bench: ApiBench;
  before(async () => {
    bench = await openApiBench();
  });
  after(async () => await bench.close());

  for (const [what, host, path] of [
    ['a page of the identity host', HOSTS.identity, '/sign-in'],
    ['a file', HOSTS.console, '/assets/index-abc123.js'],
    ['the icon', HOSTS.console, '/favicon.svg'],
    ['a refusal', HOSTS.console, '/api/status'],
    ['a redirect', HOSTS.console, '/'],
    ['the page of a refused hand-off', HOSTS.identity, '/handoff'],
    ['a 404', HOSTS.console, '/api/nothing'],
    ['an address that cannot be read', HOSTS.console, '/api/assets/%zz'],
  ] as const) {
    it(`guards ${what}`, async () => {
      const reply = await new Browser(bench).call(host, path, { bare: true, headers: { accept: 'text/html' } });
      for (const [name, value] of SECURITY_HEADERS) assert.match(String(reply.headers[name]), value, name);
      assert.equal(reply.headers['strict-transport-security'], undefined);
      assert.equal(reply.headers['x-powered-by'], undefined);
      assert.equal(reply.headers.server, undefined);
    });
  }

  it('lets a page load scripts of its own host only, and nobody frame it', async () => {
    const { headers } = await new Browser(bench).open(`http://${HOSTS.identity}:${bench.port}/sign-in`);
    const policy = String(headers['content-security-policy']);
    const directives = new Map(policy.split('; ').map((part) => [part.split(' ')[0], part]));
    assert.equal(directives.get('script-src'), "script-src 'self'");
    assert.equal(directives.get('connect-src'), "connect-src 'self'");
    assert.equal(directives.get('frame-ancestors'), "frame-ancestors 'none'");
    assert.equal(directives.get('base-uri'), "base-uri 'none'");
    assert.ok(!policy.includes('unsafe-eval') && !policy.includes('https:') && !policy.includes('*'));
  });

  it('lets no answer be kept but the files that never change', async () => {
    const ada = await enrol(bench, 'ada@example.org');
    await ada.browser.visit(`http://${HOSTS.console}:${bench.port}/`);
    for (const path of ['/', '/api/me', '/api/nothing']) {
      const { headers } = await ada.browser.call(HOSTS.console, path, { headers: { accept: 'text/html' } });
      assert.equal(headers['cache-control'], 'no-store', path);
    }
  });
});

describe('HSTS', () => {
  for (const [host, isExpected] of [
    ['id.example.org', true],
    ['id.localhost', false],
    ['localhost', false],
    ['notlocalhost', true],
  ] as const) {
    it(`${isExpected ? 'is' : 'is not'} sent over TLS for ${host}`, async () => {
      const own = await hostThat(async () => await Promise.resolve({ ok: true }), { name: host });
      const clock = systemClock;
      const store = await openStore({ path: ':memory:', clock });
      const { certificate: cert, key } = await (await createAuthority({ store, clock })).issueServer([host]);
      const server = createTlsServer({ cert, key }, own.handle);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        tlsRequest({ host: '127.0.0.1', port, path: '/', rejectUnauthorized: false, agent: false }, resolve)
          .once('error', reject)
          .end();
      });
      answer.resume();
      assert.equal(answer.headers['strict-transport-security'] === 'max-age=31536000', isExpected);
      server.closeAllConnections();
      server.close();
      await own.close();
      await store.close();
    });
  }
});

describe('failures', () => {
  const SECRET = 'the secret at /var/lib/cordon/state.db';
  const failures: readonly {
    what: string;
    error: unknown;
    remote: string;
    local: string;
    isTold: boolean;
  }[] = [
    {
      what: 'a bug',
      error: new TypeError(SECRET),
      remote: '500 internal',
      local: '500 internal',
      isTold: true,
    },
    { what: 'something that is no error', error: SECRET, remote: '500 internal', local: '500 internal', isTold: true },
    {
      what: 'a store that is away',
      error: new CordonError('store-unavailable', SECRET, { hint: SECRET, problems: [{ code: 'x', message: SECRET }] }),
      remote: '503 store-unavailable',
      local: `503 store-unavailable ${SECRET}`,
      isTold: true,
    },
    {
      what: 'a journal that cannot be written',
      error: new CordonError('journal-unwritable', SECRET),
      remote: '503 journal-unwritable',
      local: `503 journal-unwritable ${SECRET}`,
      isTold: true,
    },
    {
      what: 'a damaged store',
      error: new CordonError('store-corrupt', SECRET),
      remote: '503 store-corrupt',
      local: `503 store-corrupt ${SECRET}`,
      isTold: true,
    },
    {
      what: 'something that is not there',
      error: new CordonError('asset-unknown', 'there is no such asset'),
      remote: '404 asset-unknown there is no such asset',
      local: '404 asset-unknown there is no such asset',
      isTold: false,
    },
    {
      what: 'a refusal',
      error: new ApiFailure(403, 'no-permit', 'not you'),
      remote: '403 no-permit not you',
      local: '403 no-permit not you',
      isTold: false,
    },
    {
      what: 'an error that carries a status',
      error: Object.assign(new Error(SECRET), { statusCode: 418, code: 'X' }),
      remote: '400 request-invalid',
      local: '400 request-invalid',
      isTold: false,
    },
  ];

  for (const { what, error, remote, local, isTold } of failures) {
    for (const isLocal of [false, true]) {
      it(`answers ${what} to ${isLocal ? 'the operator' : 'a browser'} with ${isLocal ? local : remote}`, async () => {
        const told: unknown[][] = [];
        const own = await hostThat(
          // oxlint-disable-next-line typescript/only-throw-error -- whatever is thrown has to be answered
          () => {
            throw error;
          },
          { isLocal, onFailure: (...args) => told.push(args) },
        );
        const { status, text, headers } = await askOnce(own);
        const shown = (JSON.parse(text) as { error: { code: string; message: string; correlationId: string } }).error;
        const [expectedStatus, code, ...message] = (isLocal ? local : remote).split(' ');
        assert.equal(status, Number(expectedStatus));
        assert.equal(shown.code, code);
        if (message.length > 0) assert.equal(shown.message, message.join(' '));
        else assert.ok(!text.includes(SECRET), text);
        assert.ok(!text.includes('node:') && !text.includes('.ts'), 'no stack');
        assert.equal(headers['x-cordon-correlation-id'], shown.correlationId);
        assert.deepEqual(told, isTold ? [[error, shown.correlationId]] : []);
        await own.close();
      });
    }
  }

  it('drops what the contract does not name, even when a handler passes it on', async () => {
    const bench = await openApiBench({
      wrap: (services) => ({
        ...services,
        gateway: {
          ...services.gateway,
          // Typed by the gateway with more fields than the contract shows.
          connections: () => [
            {
              ...{ id: 'con_1', userId: 'u', email: 'e', sessionId: 'ses_secret', appId: 'wiki', app: 'Wiki' },
              ...{ kind: 'http' as const, method: 'GET', path: '/', address: '192.0.2.1', since: 0 },
            },
          ],
        },
      }),
    });
    const reply = await callLocal(bench, '/api/connections');
    assert.equal(reply.status, 200);
    assert.ok(!reply.text.includes('ses_secret'));
    await bench.close();
  });

  it('shows no token and no hash of one in any list', async () => {
    const bench = await openApiBench();
    const ada = await enrol(bench, 'ada@example.org');
    await ada.browser.visit(`http://${HOSTS.console}:${bench.port}/`);
    const secrets = [
      ...[...bench.graph.all('session')].map(({ tokenHash }) => tokenHash),
      ...[...bench.graph.all('appSession')].map(({ tokenHash }) => tokenHash),
      ...[...bench.graph.all('device')].flatMap(({ tokenHash }) => tokenHash ?? []),
      ...ada.browser.cookies(HOSTS.identity).values(),
      ada.secret,
    ];
    for (const path of ['status', 'me', 'apps', 'users', 'sessions', 'connections', 'devices', 'events']) {
      const { text, status } = await ada.browser.call(HOSTS.console, `/api/${path}`);
      assert.equal(status, 200);
      for (const secret of secrets) assert.ok(!text.includes(secret), path);
    }
    await bench.close();
  });
});

describe('an own host', () => {
  it('lets an answer under way end when it closes, and answers nothing after', async () => {
    const { promise: release, resolve } = Promise.withResolvers<void>();
    const own = await hostThat(async () => {
      await release;
      return { ok: true };
    });
    const answer = askOnce(own);
    await new Promise((done) => setTimeout(done, 50));
    const closed = own.close();
    resolve();
    assert.equal((await answer).status, 200);
    await closed;
    assert.equal((await askOnce(own)).status, 503);
  });

  it('does not wait for a body that trickles in', async (test) => {
    test.mock.timers.enable({ apis: ['setTimeout'] });
    const own = await hostThat(async () => await Promise.resolve({ ok: true }));
    const server = createServer(own.handle);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => {});
    const head = 'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{';
    const arrived = new Promise((resolve) => server.once('request', resolve));
    socket.resume().write(head);
    await arrived;
    test.mock.timers.tick(30_001);
    await ended;
    server.close();
  });
});

/** A host with one route at `/` that does what it is told, and `/echo` that reads a body. */
async function hostThat(
  run: () => unknown,
  options: { name?: string; isLocal?: boolean; onFailure?: (error: unknown, correlationId: string) => void } = {},
): Promise<OwnHost> {
  const { name = 'x', isLocal = false, onFailure = () => {} } = options;
  return await createHost(
    { clock: systemClock, onFailure },
    {
      name,
      isLocal,
      routes: (server) => {
        server.get('/', async () => await run());
        server.post('/echo', async ({ body }) => await Promise.resolve(body));
      },
    },
  );
}

async function askOnce(own: OwnHost): Promise<Pick<Reply, 'status' | 'headers' | 'text'>> {
  const server = createServer(own.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return await new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: '/', agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => (text += part));
      answer.on('end', () => {
        server.close();
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text });
      });
    })
      .once('error', reject)
      .end();
  });
}
