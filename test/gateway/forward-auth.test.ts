import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { ipSetOf, parseCidr, parseJson } from '#base';
import { answerProxies, type GatewayOptions, SERVER_OPTIONS } from '#gateway';
import { IDENTITY_HEADER_PRESETS } from '#model';
import { portOf } from './upstream.ts';
import { type Answer, ask, raw } from './wire.ts';
import { ADA, BOB, type World, world } from './world.ts';

const CONTRACTS = ['nginx', 'traefik', 'caddy', 'haproxy', 'envoy'] as const;
type Contract = (typeof CONTRACTS)[number];

interface About {
  readonly contract?: Contract;
  readonly method?: string;
  readonly scheme?: string;
  readonly host?: string;
  readonly target?: string;
  readonly forwardedFor?: string;
  readonly cookie?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Asked extends World {
  /** Asks as a proxy does. */
  about(question?: About): Promise<Answer>;
  readonly askedPort: number;
}

const servers: Server[] = [];
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

async function askedWorld(
  trusted = ['127.0.0.1/32', '10.0.0.0/8'],
  options: Parameters<typeof world>[0] = {},
): Promise<Asked> {
  const made = await world({
    apps: [{ enforcedBy: 'forward-auth', identityHeaders: [...IDENTITY_HEADER_PRESETS], tier: 2 }],
    ...options,
  });
  const networks = trusted.map((text) => {
    const read = parseCidr(text);
    assert.ok(read.ok);
    return read.value;
  });
  const handler = answerProxies({ gateway: made.gateway, trusted: ipSetOf(networks) });
  const server = createServer({ ...SERVER_OPTIONS, shouldUpgradeCallback: () => false }, handler);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const askedPort = portOf(server);
  return Object.assign(made, {
    askedPort,
    about: async (question: About = {}) => await ask(askedPort, subRequest(question)),
  });
}

function subRequest({
  contract = 'traefik',
  method = 'GET',
  scheme = 'http',
  host = 'wiki.localhost',
  target = '/page?x=1',
  forwardedFor = '203.0.113.9',
  cookie,
  headers = {},
}: About): Parameters<typeof ask>[1] {
  const endpoint = `/forward-auth/${contract}`;
  const common = { ...(cookie === undefined ? {} : { cookie }), 'x-forwarded-for': forwardedFor, ...headers };
  if (contract === 'envoy')
    return { method, path: endpoint + target, headers: { host, 'x-forwarded-proto': scheme, ...common } };
  if (contract === 'nginx') {
    const url = `${scheme}://${host}${target}`;
    return { path: endpoint, headers: { 'x-original-url': url, 'x-original-method': method, ...common } };
  }
  return {
    path: endpoint,
    headers: {
      'x-forwarded-method': method,
      'x-forwarded-proto': scheme,
      'x-forwarded-host': host,
      'x-forwarded-uri': target,
      ...common,
    },
  };
}

for (const contract of CONTRACTS) {
  describe(`a proxy that asks as ${contract}`, () => {
    it('is told yes, who is there, and what is left of the client’s credentials', async () => {
      const made = await askedWorld();
      const cookie = `a=1; ${made.signIn()}; b=2`;
      const { status, headers, body } = await made.about({ contract, cookie });
      assert.deepEqual([status, body], [200, '']);
      assert.equal(headers['remote-user'], ADA.email);
      assert.equal(headers['x-authentik-groups'], 'engineering');
      assert.equal(headers['x-pomerium-jwt-assertion'], headers['x-cordon-assertion']);
      assert.equal(headers['x-forwarded-access-token'], '', 'set, so that no client can');
      assert.equal(headers['x-cordon-groups-omitted'], '');
      assert.deepEqual([headers['cookie'], headers['authorization']], ['a=1; b=2', '']);
      const claims = parseJson(
        Buffer.from(String(headers['x-cordon-assertion']).split('.')[1] ?? '', 'base64url').toString(),
      );
      assert.ok(claims.ok);
      const { htm, htu } = claims.value as { htm: string; htu: string };
      assert.deepEqual([htm, htu], ['GET', 'http://wiki.localhost/page']);
    });

    it('has each question journalled like any other access, with the client’s address', async () => {
      const made = await askedWorld();
      await made.about({ contract, cookie: made.signIn(), method: 'POST', forwardedFor: '203.0.113.9, 10.0.0.1' });
      await made.about({ contract, cookie: made.signIn({ user: BOB.id }) });
      assert.deepEqual(
        made.events.map((event) => [event['src_endpoint'], event.status_code]),
        [
          [{ ip: '203.0.113.9' }, undefined],
          [{ ip: '203.0.113.9' }, 'no-permit'],
        ],
      );
      const [request] = made.events.map(
        (event) => event['http_request'] as { http_method: string; url: { path: string } },
      );
      assert.deepEqual([request?.http_method, request?.url.path], ['POST', '/page']);
    });

    it('is told no, in the statuses that it knows', async () => {
      const made = await askedWorld();
      const bob = await made.about({ contract, cookie: made.signIn({ user: BOB.id }) });
      assert.equal(bob.status, 403);
      assert.equal((await made.about({ contract })).status, 401);
      made.policies = undefined;
      const fault = await made.about({ contract, cookie: made.signIn() });
      assert.equal(fault.status, contract === 'nginx' ? 403 : 503);
    });

    it('gets no yes for a request whose client describes another one, as some applications would read it', async () => {
      const made = await askedWorld();
      const cookie = made.signIn();
      const own = contract === 'nginx' ? /^x-original-(?:url|method)$/ : /^x-forwarded-(?:uri|method)$/;
      for (const name of [
        'x-original-url',
        'x-original-uri',
        'x-original-method',
        'x-forwarded-uri',
        'x-forwarded-method',
      ]) {
        if (contract !== 'envoy' && own.test(name)) continue; // the proxy’s own, or it was sent twice
        const { status } = await made.about({ contract, cookie, headers: { [name]: '/admin' } });
        assert.deepEqual(
          [status, made.events.at(-1)?.status_code],
          [contract === 'nginx' ? 403 : 400, 'header-refused'],
        );
      }
    });

    it('is told where a browser signs in', async () => {
      const made = await askedWorld();
      const { status, headers } = await made.about({ contract, headers: { accept: 'text/html' } });
      assert.equal(status, contract === 'nginx' ? 401 : 303);
      assert.equal(headers.location, '/.cordon/sign-in?return=%2Fpage%3Fx%3D1');
      assert.equal(headers['set-cookie'], undefined);
    });

    it('is told where a browser confirms who is there', async () => {
      const made = await askedWorld();
      made.patch('app', 'app_wiki', { tier: 1 });
      const cookie = made.signIn({ session: { acr: 'urn:cordon:aal2', amr: ['pwd', 'otp', 'mfa'] } });
      const { status, headers } = await made.about({ contract, cookie, headers: { accept: 'text/html' } });
      assert.equal(status, contract === 'nginx' ? 401 : 303);
      const stepUp = new URL(headers.location ?? '');
      assert.deepEqual(
        [stepUp.pathname, stepUp.searchParams.get('return')],
        ['/step-up', 'http://wiki.localhost/page?x=1'],
      );
    });

    it('gets no yes for anything malformed, whatever it is', async () => {
      const made = await askedWorld();
      const cookie = made.signIn();
      const odd = fc.oneof(
        fc.string({ minLength: 1, maxLength: 20 }).map((text) => text.replace(/[^\x21-\x7e]/g, '') || '%'),
        fc.constantFrom('', '//', '/..', '/%2e%2e/', '/%00', '/a;b', '/a%2fb', 'http://x/', '/a#b', '/\\', '*', '%'),
      );
      const where = fc.constantFrom('target', 'host', 'method', 'scheme', 'forwardedFor', 'cookie');
      await fc.assert(
        fc.asyncProperty(where, odd, async (part, text) => {
          const prefix = part === 'cookie' ? '__Host-cordon_app=' : part === 'target' ? '/' : '';
          const question: About = { contract, cookie, [part]: prefix + text };
          const answer = await made.about(question).catch(() => undefined); // some are no HTTP
          if (answer?.status !== 200) return;
          // A yes is only for a question that is written as it is decided on.
          const decided = made.events.at(-1)?.['http_request'] as { url: { path: string; hostname: string } };
          assert.notEqual(part, 'cookie');
          if (part === 'target') assert.equal((prefix + text).split('?')[0], decided.url.path);
          if (part === 'host') assert.equal(text.toLowerCase().split(':')[0], decided.url.hostname);
        }),
        { numRuns: 150 },
      );
    });
  });
}

describe('a question', () => {
  const refused: Record<string, [About, status: number, code: string]> = {
    'in which a host is written in another way': [{ host: 'wiki.localhost.' }, 400, 'request-malformed'],
    'about an app that the gateway carries': [{ host: 'verify.localhost' }, 403, 'enforced-elsewhere'],
    'about an app that is not there': [{ host: 'other.localhost' }, 404, 'app-unknown'],
    'about an encoded letter': [{ target: '/%61dmin' }, 400, 'path-refused'],
    'about an escape in small letters': [{ target: '/%c3%a4' }, 400, 'path-refused'],
    'about a page of Cordon’s own': [{ target: '/.cordon/sign-out' }, 404, 'path-refused'],
    'about CONNECT': [{ method: 'CONNECT' }, 405, 'request-malformed'],
    'about a method in small letters': [{ method: 'get' }, 405, 'request-malformed'],
    'with a header that no client may set': [{ headers: { 'remote-user': 'root' } }, 400, 'header-refused'],
    'with an alias of one': [{ headers: { remote_user: 'root' } }, 400, 'header-refused'],
    'with an upgrade to something that nobody sees into': [{ headers: { upgrade: 'h2c' } }, 400, 'request-malformed'],
    'from another site': [{ method: 'POST', headers: { origin: 'https://evil.example' } }, 403, 'origin-refused'],
    'about a WebSocket of another site': [
      { headers: { 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==', origin: 'https://evil.example' } },
      403,
      'origin-refused',
    ],
    'about a WebSocket of no site': [{ headers: { 'sec-websocket-version': '13' } }, 403, 'origin-refused'],
  };
  for (const [what, [question, status, code]] of Object.entries(refused)) {
    it(`is refused ${what}`, async () => {
      const made = await askedWorld();
      const answer = await made.about({ ...question, cookie: made.signIn() });
      assert.deepEqual([answer.status, codeOf(answer)], [status, code]);
      assert.equal(made.events.at(-1)?.status_code, code);
    });
  }

  for (const [name, tier] of [['T0', 0] as const, ['T1', 1] as const]) {
    it(`about a stream at ${name} is refused, as nobody could cut it`, async () => {
      const made = await askedWorld();
      made.patch('app', 'app_wiki', { tier });
      const headers = { 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==', origin: 'http://wiki.localhost' };
      const answer = await made.about({ headers, cookie: made.signIn() });
      assert.deepEqual([answer.status, codeOf(answer)], [403, 'stream-uncuttable']);
    });
  }

  it('about a stream below T1 is answered like any other', async () => {
    const made = await askedWorld();
    const headers = { 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==', origin: 'http://wiki.localhost' };
    assert.equal((await made.about({ headers, cookie: made.signIn() })).status, 200);
  });

  it('of somebody who is no proxy is refused, whoever asks', async () => {
    for (const trusted of [[], ['10.0.0.0/8']]) {
      const made = await askedWorld(trusted);
      const answer = await made.about({ cookie: made.signIn() });
      assert.deepEqual([answer.status, codeOf(answer)], [403, 'proxy-untrusted']);
    }
  });

  it('never takes the device of the proxy for that of the client', async () => {
    const sockets: (string | undefined)[] = [];
    const made = await askedWorld(undefined, {
      options: {
        deviceOf: (socket) => {
          sockets.push(socket.remoteAddress);
          return undefined;
        },
      },
      apps: [{ enforcedBy: 'forward-auth' }],
    });
    assert.equal((await made.about({ cookie: made.signIn(), scheme: 'https' })).status, 200);
    assert.deepEqual(sockets, [undefined], 'it is asked about no socket at all');
  });

  it('is not answered at any other path', async () => {
    const made = await askedWorld();
    for (const path of ['/', '/forward-auth', '/forward-auth/', '/forward-auth/apache', '/forward-auth/nginxy']) {
      assert.equal((await ask(made.askedPort, { path })).status, 404, path);
    }
  });

  it('with two of its one source is refused, as bytes', async () => {
    const made = await askedWorld();
    const lines = [
      'GET /forward-auth/nginx HTTP/1.1',
      'host: x',
      'x-original-url: http://wiki.localhost/page',
      'x-original-url: http://wiki.localhost/page',
      'x-original-method: GET',
      'x-forwarded-for: 203.0.113.9',
      `cookie: ${made.signIn()}`,
      'connection: close',
    ];
    assert.match(await raw(made.askedPort, `${lines.join('\r\n')}\r\n\r\n`), /^HTTP\/1\.1 403/);
  });

  it('is a yes only until the journal, the person or the session says otherwise', async () => {
    const made = await askedWorld();
    const cookie = made.signIn();
    assert.equal((await made.about({ cookie })).status, 200);
    made.patch('app', 'app_wiki', { tier: 1 });
    made.isWritable = false;
    assert.equal((await made.about({ cookie })).status, 503);
    made.isWritable = true;
    assert.equal((await made.about({ cookie })).status, 200);
    made.patch('user', ADA.id, { status: 'disabled' });
    assert.notEqual((await made.about({ cookie })).status, 200);
  });
});

describe('a yes that waits for the end of the turn', () => {
  /** A journal that runs `onPermit` right after the turn's work on a permit that it is told of. */
  const journalThat = (onPermit: () => void): GatewayOptions['journal'] => ({
    writable: true,
    append: async (event) => {
      if (event.status_id === 1) process.nextTick(onPermit);
      await Promise.resolve();
    },
  });

  for (const [contract, status] of [
    ['traefik', 401],
    ['nginx', 401],
  ] as const)
    it(`does not leave for ${contract} when the session ends meanwhile`, async () => {
      const made: Asked = await askedWorld(undefined, {
        options: {
          journal: journalThat(() => {
            for (const { id } of made.graph.all('session')) made.remove('session', id);
          }),
        },
      });
      const cookie = made.signIn();
      const answer = await made.about({ contract, cookie });
      assert.equal(answer.status, status);
      assert.equal(answer.headers['x-cordon-assertion'], undefined);
      assert.equal(made.gateway.counters.permitted, 0);
    });

  it('is for each request its own, however many are asked on one connection', async () => {
    const made = await askedWorld();
    const [ada, bob] = [made.signIn(), made.signIn({ user: BOB.id })];
    const all = Array.from({ length: 30 }, (_, n) => (n % 3 === 1 ? bob : ada));
    const text = all.map((cookie) => {
      const url = 'x-forwarded-proto: http\r\nx-forwarded-host: wiki.localhost\r\nx-forwarded-uri: /';
      return `GET /forward-auth/traefik HTTP/1.1\r\nhost: auth\r\nx-forwarded-method: GET\r\n${url}\r\nx-forwarded-for: 203.0.113.9\r\ncookie: ${cookie}\r\n\r\n`;
    });
    const answers = await raw(made.askedPort, text.join(''));
    assert.deepEqual(
      [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status)),
      all.map((cookie) => (cookie === ada ? 200 : 403)),
    );
  });
});

describe('an app behind a proxy', () => {
  it('is not carried by the gateway, but for Cordon’s own pages', async () => {
    const made = await askedWorld();
    const cookie = made.signIn();
    const answer = await made.ask({ cookie });
    assert.deepEqual([answer.status, codeOf(answer)], [421, 'enforced-elsewhere']);
    assert.equal((await made.ask({ cookie, path: '/.cordon/sign-out' })).status, 200);
    assert.equal((await made.ask({ path: '/.cordon/jwks.json' })).status, 200);
    assert.deepEqual(made.arrivals, []);
  });

  const returns: Record<string, string> = {
    '?return=%2Fpage%3Fx%3D1': '/page?x=1',
    '': '/',
    '?return=https%3A%2F%2Fevil.example': '/',
    '?return=%2F%2Fevil.example': '/',
    '?return=%2F%5Cevil.example': '/',
    '?return=%2Fa&return=%2Fb': '/',
  };
  for (const [query, returnTo] of Object.entries(returns)) {
    it(`begins to sign in at \`/.cordon/sign-in${query}\` and comes back to \`${returnTo}\``, async () => {
      const made = await askedWorld();
      const { status, headers } = await made.ask({ path: `/.cordon/sign-in${query}` });
      assert.equal(status, 303);
      assert.equal(new URL(headers.location ?? '').searchParams.get('return'), returnTo);
      assert.match(headers['set-cookie']?.[0] ?? '', /^__Host-cordon_flow=/);
    });
  }
});

describe('an app that the gateway carries', () => {
  it('is told who is there in the presets it asks for, over whatever the client has sent', async () => {
    const made = await world({ apps: [{ identityHeaders: ['authelia', 'cloudflare'] }] });
    const headers = { 'remote-user': 'root', 'remote-groups': 'admins', 'cf-access-jwt-assertion': 'x' };
    assert.equal((await made.ask({ cookie: made.signIn(), headers })).status, 200);
    const [arrival] = made.arrivals;
    assert.equal(arrival?.headers['remote-user'], ADA.email);
    assert.equal(arrival.headers['remote-groups'], 'engineering');
    assert.equal(arrival.headers['cf-access-jwt-assertion'], arrival.headers['x-cordon-assertion']);
    assert.equal(arrival.rawHeaders.filter((name) => name.toLowerCase() === 'remote-user').length, 1);
  });

  it('is told how many groups there are when they are too many to be listed', async () => {
    const made = await world({ apps: [{ identityHeaders: ['authelia'] }] });
    const many = Array.from({ length: 152 }, (_, i) => `department-of-something-${i}`);
    for (const id of many) made.put('group', { id, name: id, parents: [] });
    made.patch('user', ADA.id, { groups: ['engineering', ...many] });
    await made.ask({ cookie: made.signIn() });
    const [arrival] = made.arrivals;
    assert.equal(arrival?.headers['remote-groups'], '');
    assert.equal(arrival.headers['x-cordon-groups-omitted'], '153');
  });
});

function codeOf({ body }: Answer): unknown {
  const read = parseJson(body);
  return read.ok && typeof read.value === 'object' && read.value !== null && 'code' in read.value
    ? read.value['code']
    : undefined;
}
