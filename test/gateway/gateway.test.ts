import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { hashToken, newToken, ok } from '#base';
import { type Answer, until } from './wire.ts';
import { ADA, BOB, LAPTOP, type World, world } from './world.ts';

const PAGE = { accept: 'text/html', 'sec-fetch-mode': 'navigate' };

/** The verifier that a browser with this secret gives for one way back to the wiki. */
function answerOf(secret: string, back: string): string {
  return createHmac('sha256', secret).update(`wiki.localhost ${back}`).digest('base64url');
}

/** Finds the event of an answer by the correlation id that the answer names. */
async function eventOf({ events }: World, answer: Answer): Promise<World['events'][number]> {
  const id = answer.headers['x-cordon-correlation-id'];
  assert.match(String(id), /^cor_[0-9a-z]+$/);
  const find = () => events.find(({ metadata }) => metadata.correlation_uid === id);
  await until(() => find() !== undefined, 'the event');
  return find() ?? assert.fail();
}

describe('a permitted request', () => {
  it('arrives with method, target, body and fields of the client, and what Cordon says about it', async () => {
    const made = await world();
    const cookie = `theme=dark; ${made.signIn()}`;
    const answer = await made.ask({
      cookie,
      method: 'POST',
      path: '/%61?b=%2F..',
      body: 'the body',
      headers: { 'x-custom': 'yes', 'x-forwarded-user': 'root', 'content-type': 'text/plain' },
    });
    assert.deepEqual([answer.status, answer.body], [200, 'hello from the app: /a?b=%2F..']);
    const [arrival] = made.arrivals;
    assert.ok(arrival);
    assert.deepEqual([arrival.method, arrival.target, arrival.body], ['POST', '/a?b=%2F..', 'the body']);
    const { 'x-cordon-assertion': token = '', connection: _, ...headers } = arrival.headers;
    assert.deepEqual(headers, {
      host: `wiki.localhost:${made.port}`,
      cookie: 'theme=dark',
      'content-type': 'text/plain',
      'content-length': '8',
      'x-custom': 'yes',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': `wiki.localhost:${made.port}`,
      'x-cordon-correlation-id': answer.headers['x-cordon-correlation-id'],
    });
    const keys = await made.ask({ path: '/.cordon/jwks.json' });
    const { payload } = await jwtVerify(String(token), createLocalJWKSet(JSON.parse(keys.body)), {
      audience: 'app_wiki',
      currentDate: new Date(made.clock.now()),
    });
    assert.deepEqual(
      [payload.sub, payload['groups'], payload['device']],
      [ADA.id, ['engineering'], { id: LAPTOP.id, name: LAPTOP.name, managed: true, posture: 'healthy' }],
    );
    assert.deepEqual([payload['htm'], payload['htu']], ['POST', `http://wiki.localhost:${made.port}/a`]);
  });

  it('is in the journal with its decision, found by the correlation id, without query and cookies', async () => {
    const made = await world();
    const answer = await made.ask({ cookie: made.signIn(), path: '/a?token=secret' });
    const event = await eventOf(made, answer);
    assert.equal(event.message, 'ada@example.org permitted GET wiki.localhost/a');
    assert.deepEqual([event.class_uid, event.action_id, event.status_id], [4002, 1, 1]);
    const record = event.unmapped?.cordon as { proven: boolean; decision: { effect: string; policies: string[] } };
    assert.deepEqual(
      [record.proven, record.decision.effect, record.decision.policies],
      [true, 'permit', ['access.cedar#engineering']],
    );
    assert.ok(!JSON.stringify(event).includes('secret'));
    assert.ok(!JSON.stringify(event).includes('__Host'));
  });

  it('streams an answer as it comes', async () => {
    const gate = Promise.withResolvers<void>();
    const made = await world({
      upstream: (_request, response) => {
        response.write('first');
        void gate.promise.then(() => response.end('second'));
      },
    });
    const { promise, resolve } = Promise.withResolvers<string>();
    const asked = made.raw(
      `GET / HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${made.signIn()}\r\nconnection: close\r\n\r\n`,
    );
    await until(() => made.gateway.connections().length === 1, 'the connection');
    gate.resolve();
    resolve(await asked);
    assert.match(await promise, /first[\s\S]*second/);
  });

  it('waits for a client that reads slowly, instead of holding the answer in memory', async () => {
    const chunk = Buffer.alloc(64 * 1024);
    let written = 0;
    const made = await world({
      upstream: (_request, response) => {
        const write = (): void => {
          while (written < 96 * 1024 * 1024) {
            written += chunk.length;
            if (response.write(chunk)) continue;
            response.once('drain', write);
            return;
          }
          response.end();
        };
        write();
      },
    });
    const socket = connect(made.port, '127.0.0.1');
    socket.pause();
    socket.write(`GET / HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${made.signIn()}\r\n\r\n`);
    // Until nothing was taken for a while.
    for (let before = -1; before !== written; await sleep(300)) before = written;
    assert.ok(written > 0 && written < 48 * 1024 * 1024, `${written} bytes were taken from the app`);
    socket.destroy();
  });

  it('that is pipelined ends with its connection too, answered or not', async () => {
    const made = await world({ upstream: () => undefined });
    const socket = connect(made.port, '127.0.0.1');
    const one = `GET /x HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${made.signIn()}\r\n\r\n`;
    socket.write(one.repeat(20));
    await until(() => made.arrivals.length === 20, 'the requests at the app');
    socket.destroy();
    await until(() => made.gateway.connections().length === 0, 'their end');
  });

  const bodiless: [string, string, number][] = [
    ['HEAD', 'HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n', 200],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n', 204],
    ['GET', 'HTTP/1.1 304 Not Modified\r\netag: "1"\r\ncontent-length: 5000\r\n\r\n', 304],
  ];
  for (const [method, text, status] of bodiless) {
    it(`gets an answer without a body: ${method} ${status}`, async () => {
      const made = await world({ rawUpstream: (socket) => socket.on('data', () => socket.write(text)) });
      const cookie = made.signIn();
      for (let i = 0; i < 2; i++) {
        const answer = await made.ask({ cookie, method });
        assert.deepEqual([answer.status, answer.body], [status, '']);
      }
    });
  }

  it('gets the answer, not what is said before it', async () => {
    const text = 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
    const made = await world({ rawUpstream: (socket) => socket.once('data', () => socket.write(text)) });
    const answer = await made.ask({ cookie: made.signIn() });
    assert.deepEqual([answer.status, answer.headers['link'], answer.body], [200, undefined, 'ok']);
  });

  it('is broken off at the app when the client leaves', async () => {
    const left = Promise.withResolvers<void>();
    const made = await world({
      upstream: (request) => {
        request.on('close', () => {
          left.resolve();
        });
      },
    });
    const socket = connect(made.port, '127.0.0.1');
    socket.write(`GET / HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${made.signIn()}\r\n\r\n`);
    await until(() => made.arrivals.length === 1, 'the request');
    socket.destroy();
    await left.promise;
  });

  it('streams a body as it is sent, chunked', async () => {
    const made = await world();
    const answer = await made.ask({
      cookie: made.signIn(),
      method: 'PUT',
      headers: { 'transfer-encoding': 'chunked' },
      body: 'x'.repeat(300_000),
    });
    assert.equal(answer.status, 200);
    assert.equal(made.arrivals[0]?.body.length, 300_000);
    assert.equal(made.arrivals[0]?.headers['transfer-encoding'], 'chunked');
  });

  it('keeps a connection for the next request, and decides that one anew', async () => {
    const made = await world();
    const cookie = made.signIn();
    const one = `GET /1 HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${cookie}\r\n\r\n`;
    const two = 'GET /2 HTTP/1.1\r\nhost: wiki.localhost\r\nconnection: close\r\n\r\n';
    const text = await made.raw(one + two);
    assert.match(text, /^HTTP\/1.1 200 OK[\s\S]*from the app: \/1HTTP\/1.1 401 Unauthorized/);
    assert.equal(made.arrivals.length, 1);
  });

  it('passes an answer on with its own status and fields, without those of the hop', async () => {
    const made = await world({
      upstream: (_request, response) => {
        response.writeHead(207, 'Multi', [
          ['set-cookie', 'a=1'],
          ['set-cookie', '__Host-cordon_app=evil; Path=/; Secure'],
          ['set-cookie', 'b=2'],
          ['x-cordon-correlation-id', 'cor_forged'],
          ['etag', '"1"'],
        ] as never);
        response.end();
      },
    });
    const answer = await made.ask({ cookie: made.signIn() });
    assert.equal(answer.status, 207);
    assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2']);
    assert.equal(answer.headers.etag, '"1"');
    assert.notEqual(answer.headers['x-cordon-correlation-id'], 'cor_forged');
  });

  it('ends its list entry when it is over, and when the client goes away', async () => {
    const made = await world({ upstream: () => undefined });
    const cookie = made.signIn();
    const socket = connect(made.port, '127.0.0.1');
    socket.write(`GET /x HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${cookie}\r\n\r\n`);
    await until(() => made.gateway.connections().length === 1, 'the connection');
    const [view] = made.gateway.connections();
    assert.deepEqual(
      [view?.userId, view?.app, view?.kind, view?.path, view?.deviceId],
      [ADA.id, 'Wiki', 'http', '/x', LAPTOP.id],
    );
    socket.destroy();
    await until(() => made.gateway.connections().length === 0, 'its end');
  });
});

describe('a denied request', () => {
  it('shows a person why, by which policy, what to do, and the id that finds the event', async () => {
    const made = await world();
    const answer = await made.ask({
      cookie: made.signIn({ user: BOB.id, session: { deviceId: LAPTOP.id } }),
      headers: PAGE,
    });
    assert.equal(answer.status, 403);
    const event = await eventOf(made, answer);
    assert.equal(event.message, 'bob@example.org denied (no-permit) GET wiki.localhost/');
    assert.equal(event.action_id, 2);
    for (const text of [
      'No policy permits this',
      'no-permit',
      'Ask the owner of the app',
      event.metadata.correlation_uid ?? '?',
      'bob@example.org',
    ])
      assert.ok(answer.body.includes(text), text);
    assert.match(String(answer.headers['content-security-policy']), /^default-src 'none'; style-src 'sha256-/);
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.equal(made.arrivals.length, 0);
  });

  it('tells a program the same as JSON, in the form of all of Cordon’s errors', async () => {
    const made = await world({
      policies: '@id("ban") @title("Nobody") forbid (principal, action == Action::"access", resource);',
    });
    const answer = await made.ask({ cookie: made.signIn(), headers: { accept: 'application/json' } });
    const body = JSON.parse(answer.body);
    assert.deepEqual(
      [answer.status, body.code, body.correlationId],
      [403, 'no-permit', answer.headers['x-cordon-correlation-id']],
    );
    assert.deepEqual(body.policies, ['access.cedar#ban']);
  });

  it('demands step-up for a critical app: a challenge for a program (RFC 9470), a link for a person', async () => {
    const made = await world({ apps: [{ tier: 0 }] });
    const cookie = made.signIn({ session: { acr: 'urn:cordon:aal2', amr: ['pwd', 'otp', 'mfa'] } });
    const program = await made.ask({ cookie, path: '/a?b=1' });
    assert.equal(program.status, 401);
    const demand = 'error="insufficient_user_authentication", acr_values="urn:cordon:aal3", max_age="900"';
    assert.equal(
      program.headers['www-authenticate'],
      ['Bearer', 'DPoP']
        .map((scheme) => `${scheme} realm="wiki.localhost", ${demand}`)
        .join(', ')
        .concat(', algs="ES256 EdDSA"'),
    );
    const { stepUp } = JSON.parse(program.body);
    const url = new URL(stepUp.url);
    assert.equal(url.origin + url.pathname, 'http://id.localhost:8080/step-up');
    assert.deepEqual(Object.fromEntries(url.searchParams), {
      acr: 'urn:cordon:aal3',
      max_age: '900',
      return: `http://wiki.localhost:${made.port}/a?b=1`,
    });
    const person = await made.ask({ cookie, headers: PAGE });
    assert.equal(person.status, 401);
    assert.match(person.body, /href="http:\/\/id\.localhost:8080\/step-up\?acr=/);
    assert.equal(made.arrivals.length, 0);
  });

  it('lists the failing checks of an unhealthy device', async () => {
    const made = await world({ apps: [{ device: 'healthy' }] });
    made.patch('device', LAPTOP.id, {
      posture: {
        ...LAPTOP.posture,
        verdict: 'unhealthy',
        results: [{ check: 'firewall', title: 'Firewall', outcome: 'fail', detail: 'off <b>', fix: 'Turn it on' }],
      },
    });
    const answer = await made.ask({ cookie: made.signIn(), headers: PAGE });
    assert.equal(answer.status, 403);
    assert.match(answer.body, /<strong>Firewall<\/strong> \(fail\): off &#60;b&#62;<br>To fix: Turn it on/);
  });

  const faults: [string, number, string, (made: World) => void][] = [
    ['the replica is older than the tier allows', 503, 'replica-stale', (made) => (made.replicaAgeMs = 601_000)],
    ['the person is disabled', 403, 'user-disabled', (made) => made.patch('user', ADA.id, { status: 'disabled' })],
    ['the device is revoked', 403, 'device-revoked', (made) => made.patch('device', LAPTOP.id, { status: 'revoked' })],
    ['the session has expired', 401, 'session-expired', (made) => made.clock.advance(12 * 3_600_000)],
  ];
  for (const [name, status, code, happen] of faults) {
    it(`says ${code} when ${name}`, async () => {
      const made = await world();
      const cookie = made.signIn();
      happen(made);
      const answer = await made.ask({ cookie });
      assert.deepEqual([answer.status, JSON.parse(answer.body).code], [status, code]);
      assert.equal(made.arrivals.length, 0);
    });
  }

  it('says no-policies with 503 while none are in force', async () => {
    const made = await world({ options: { policies: () => undefined } });
    const answer = await made.ask({ cookie: made.signIn() });
    assert.deepEqual([answer.status, JSON.parse(answer.body).code], [503, 'no-policies']);
  });

  it('says internal and no more when something throws, and tells the operator', async () => {
    const made = await world({
      options: {
        policies: () => {
          throw new Error('the inside of Cordon');
        },
      },
    });
    const answer = await made.ask({ cookie: made.signIn(), headers: PAGE });
    assert.equal(answer.status, 500);
    assert.ok(!answer.body.includes('inside of Cordon'));
    assert.match(answer.body, /Something failed inside Cordon/);
    assert.match(String(made.errors.shift()), /the inside of Cordon/);
    made.errors.length = 0;
  });

  it('answers an upload that it refuses, instead of breaking it off', async () => {
    const made = await world();
    const answer = await made.ask({ method: 'POST', body: 'x'.repeat(500_000) });
    assert.equal(answer.status, 401);
    assert.equal(answer.headers.connection, 'close');
  });
});

describe('somebody who is not signed in', () => {
  it('is sent to sign in, and comes back to where they were', async () => {
    const made = await world();
    const answer = await made.ask({ path: '/a?b=1', headers: PAGE });
    assert.equal(answer.status, 303);
    const url = new URL(String(answer.headers.location));
    assert.equal(url.origin + url.pathname, 'http://id.localhost:8080/handoff');
    assert.deepEqual([url.searchParams.get('host'), url.searchParams.get('return')], ['wiki.localhost', '/a?b=1']);
    const secret = /^__Host-cordon_flow=([^;]+)/.exec(answer.headers['set-cookie']?.[0] ?? '')?.[1] ?? '';
    assert.equal(url.searchParams.get('challenge'), hashToken(answerOf(secret, '/a?b=1')));
    assert.equal((await eventOf(made, answer)).status_code, 'not-authenticated');
  });

  const others: [string, Parameters<World['ask']>[0], string][] = [
    ['a program', { headers: { accept: 'application/json' } }, 'application/json'],
    ['a script of a page', { headers: { accept: 'text/html', 'sec-fetch-mode': 'cors' } }, 'application/json'],
    ['a form that was sent', { method: 'POST', headers: PAGE }, 'text/html; charset=utf-8'],
  ];
  for (const [name, asking, type] of others) {
    it(`gets 401 with challenges as ${name} (RFC 6750, RFC 9449)`, async () => {
      const made = await world();
      const answer = await made.ask(asking);
      assert.deepEqual(
        [answer.status, answer.headers['content-type'], answer.headers['www-authenticate']],
        [401, type, 'Bearer realm="wiki.localhost", DPoP realm="wiki.localhost", algs="ES256 EdDSA"'],
      );
    });
  }

  it('gets an app session at the end of the hand-off', async () => {
    const code = newToken();
    const asked: unknown[] = [];
    const made = await world({
      options: {
        handoff: {
          redeem: (input) => {
            asked.push(input);
            const appSession = { id: 'a', tokenHash: 'h', sessionId: 's', host: input.host, createdAt: 0 };
            return Promise.resolve(ok({ token: 'the-token', appSession }));
          },
        },
      },
    });
    const secret = newToken();
    const answer = await made.ask({
      path: `/.cordon/callback?code=${code}&return=%2Fa`,
      cookie: `__Host-cordon_flow=${secret}`,
      headers: { ...PAGE, 'user-agent': 'browser' },
    });
    assert.deepEqual([answer.status, answer.headers.location], [303, '/a']);
    assert.match(answer.headers['set-cookie']?.[0] ?? '', /^__Host-cordon_app=the-token; Path=\/; Secure; HttpOnly/);
    const client = { address: '127.0.0.1', userAgent: 'browser' };
    assert.deepEqual(asked, [{ code, verifier: answerOf(secret, '/a'), host: 'wiki.localhost', client }]);
  });
});

describe('Cordon’s own paths on an app host', () => {
  it('sign out with a button only, and end the session and the cookie', async () => {
    const ended: unknown[] = [];
    const made = await world({ options: { endSession: (input) => Promise.resolve(ended.push(input)) } });
    const cookie = made.signIn();
    const page = await made.ask({ path: '/.cordon/sign-out', cookie, headers: PAGE });
    assert.match(page.body, /<form method="post"><button>Sign out/);
    assert.match(page.body, /ada@example.org/);
    assert.match(String(page.headers['content-security-policy']), /form-action 'self'/);
    assert.deepEqual(ended, []);
    const answer = await made.ask({
      method: 'POST',
      path: '/.cordon/sign-out',
      cookie,
      headers: { ...PAGE, origin: `http://wiki.localhost:${made.port}` },
    });
    assert.equal(answer.status, 200);
    assert.match(answer.headers['set-cookie']?.[0] ?? '', /^__Host-cordon_app=; .*Max-Age=0$/);
    assert.equal(ended.length, 1);
  });

  it('publish the keys to everybody', async () => {
    const made = await world();
    const answer = await made.ask({ path: '/.cordon/jwks.json' });
    assert.equal(answer.headers['content-type'], 'application/jwk-set+json');
    assert.equal(JSON.parse(answer.body).keys[0].alg, 'ES256');
  });

  for (const path of ['/.cordon', '/.cordon/', '/.cordon/x', '/.CORDON/x', '/.cordon/jwks.json/'])
    it(`never reach an upstream: ${path}`, async () => {
      const made = await world();
      const answer = await made.ask({ path, cookie: made.signIn() });
      assert.deepEqual([answer.status, made.arrivals.length], [404, 0]);
    });
});

describe('the verify app', () => {
  it('shows a program exactly what an upstream would have got', async () => {
    const made = await world();
    const cookie = made.signIn({ host: 'verify.localhost' });
    const answer = await made.ask({ host: 'verify.localhost', cookie, path: '/a', headers: { 'x-custom': 'yes' } });
    const shown = JSON.parse(answer.body);
    assert.deepEqual([shown.user.email, shown.groups, shown.device.id], [ADA.email, ['engineering'], LAPTOP.id]);
    assert.deepEqual(shown.decision.policies, ['access.cedar#engineering']);
    assert.equal(shown.assertion.claims.aud, 'app_verify');
    const names = shown.headers.map(([name]: [string]) => name);
    assert.ok(names.includes('x-custom') && names.includes('x-cordon-assertion') && !names.includes('cookie'));
    assert.ok(!answer.body.includes(cookie.split('=')[1] ?? '?'));
  });

  it('shows a person a page whose script may only connect to itself', async () => {
    const made = await world();
    made.patch('user', ADA.id, { name: '<script>alert(1)</script>' });
    const answer = await made.ask({
      host: 'verify.localhost',
      cookie: made.signIn({ host: 'verify.localhost' }),
      headers: PAGE,
    });
    assert.equal(answer.status, 200);
    assert.ok(!answer.body.includes('<script>alert'));
    const csp = String(answer.headers['content-security-policy']);
    assert.match(csp, new RegExp(`connect-src ws://verify\\.localhost:${made.port};`));
    assert.match(csp, /script-src 'sha256-[A-Za-z0-9+/=]+';/);
  });

  it('holds a WebSocket open until it is cut, and says goodbye to one that leaves', async () => {
    const made = await world();
    const cookie = made.signIn({ host: 'verify.localhost' });
    const [stays, leaves] = await Promise.all([1, 2].map(() => made.webSocket({ host: 'verify.localhost', cookie })));
    assert.ok(stays && leaves);
    await until(() => stays.texts.length === 1, 'its first message');
    assert.match(stays.texts[0] ?? '', /^\{"connection":"con_/);
    leaves.socket.write(Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
    assert.equal((await leaves.closed).code, 1000);
    await until(() => made.gateway.connections().length === 1, 'its end');
    made.patch('user', ADA.id, { groups: [] });
    assert.deepEqual((await stays.closed).code, 4403);
  });
});
