/**
 * Attacks on the gateway, by the catalogue of what has happened to others. Each asks of the real thing, over sockets: does the
 * attacker's byte reach the app, or does the app believe something that only Cordon may say? Revocation of what is open (37), and
 * changes between decision and dialling (38), are in `test/gateway/cuts.test.ts`.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { App } from '#model';
import { world } from '../gateway/world.ts';
import { authorised, NOT_ADMIN, rawWorld } from './raw-gateway.ts';

describe('header trust', () => {
  const identity = ['X-Forwarded-User', 'Remote-User', 'Remote-Groups', 'X-Auth-Request-Email', 'X-Cordon-Assertion'];
  for (const name of identity) {
    it(`1, 4: ${name} of a client never arrives, signed in or not`, async () => {
      const made = await world();
      await made.ask({ cookie: made.signIn(), headers: { [name]: 'admin' } });
      assert.equal(made.arrivals.length, 1);
      assert.ok(!JSON.stringify(made.arrivals[0]?.rawHeaders).includes('admin'));
      assert.equal((await made.ask({ headers: { [name]: 'admin' } })).status, 401);
    });
  }

  const aliases = [
    'X_Forwarded_User',
    'x_FORWARDED-user',
    'X_Cordon_Assertion',
    'Remote_Groups',
    'X.Authenticated.User',
    'X~Auth',
    'X!Auth',
    "X'Auth",
    'X*Auth',
    'X|Auth',
    'X+Auth',
    'X$Auth',
    'X#Auth',
    'X%Auth',
    'X&Auth',
    'X^Auth',
    'X`Auth',
  ];
  for (const name of aliases) {
    it(`2, 3: ${name}, which some server reads as another name, is refused`, async () => {
      const made = await rawWorld();
      assert.match(await made.raw(authorised(made, ['GET / HTTP/1.1', `${name}: admin`])), /^HTTP\/1\.1 400 /);
      assert.equal(made.bytes(), '');
    });
  }

  it('5: a repeated header is forwarded as it is, one that can only be one is refused', async () => {
    const made = await world();
    const head = ['GET / HTTP/1.1', 'x-role: user', 'X-Role: admin'];
    await made.raw(authorised(made, head));
    assert.deepEqual(
      made.arrivals[0]?.rawHeaders.filter((_, index, all) => all[index - 1] === 'x-role'),
      ['user', 'admin'],
    );
    for (const name of ['authorization', 'content-type', 'origin']) {
      const text = await made.raw(authorised(made, ['GET / HTTP/1.1', `${name}: a`, `${name}: b`]));
      assert.match(text, /^HTTP\/1\.1 400 [\s\S]*header-refused/);
    }
    assert.equal(made.arrivals.length, 1);
  });

  it('6: `connection` takes away neither what the client proves nor what Cordon says', async () => {
    const made = await world();
    const nominated = 'close, authorization, x-cordon-assertion, x-forwarded-for, cookie, host';
    const answer = await made.ask({
      cookie: `theme=dark; ${made.signIn()}`,
      headers: { authorization: 'Basic x', connection: nominated },
    });
    assert.equal(answer.status, 200);
    const { headers } = made.arrivals[0] ?? assert.fail();
    assert.deepEqual(
      [headers.authorization, headers.cookie, headers['x-forwarded-for']],
      ['Basic x', 'theme=dark', '127.0.0.1'],
    );
    assert.ok(headers['x-cordon-assertion']);
  });

  it('7: the address that policies see is the socket’s', async () => {
    const policies =
      'permit (principal, action == Action::"access", resource) when { context.ip.isInRange(ip("10.0.0.0/8")) };';
    const made = await world({ policies });
    for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'true-client-ip', 'cf-connecting-ip']) {
      const value = name === 'forwarded' ? 'for=10.0.0.1' : '10.0.0.1';
      assert.equal((await made.ask({ cookie: made.signIn(), headers: { [name]: value } })).status, 403, name);
    }
    assert.equal(made.arrivals.length, 0);
  });

  it('8, 9, 10: the path, host, scheme and method that policies see are the request’s own', async () => {
    const made = await world({ policies: NOT_ADMIN });
    const lies = {
      'x-forwarded-uri': '/public',
      'x-forwarded-prefix': '/public',
      'x-forwarded-host': 'public.localhost',
      'x-forwarded-proto': 'https',
      'x-original-url': '/public',
      'x-rewrite-url': '/public',
      'x-envoy-original-path': '/public',
      'x-http-method-override': 'GET',
    };
    const cookie = made.signIn();
    for (const [name, value] of Object.entries(lies)) {
      assert.equal((await made.ask({ cookie, path: '/admin', headers: { [name]: value } })).status, 403, name);
    }
    assert.equal((await made.ask({ cookie, path: '/public', headers: lies })).status, 200);
    const { headers } = made.arrivals[0] ?? assert.fail();
    assert.deepEqual(
      [headers['x-forwarded-proto'], headers['x-forwarded-host']],
      ['http', `wiki.localhost:${made.port}`],
    );
    for (const name of Object.keys(lies)) {
      if (name !== 'x-forwarded-proto' && name !== 'x-forwarded-host') assert.equal(headers[name], undefined, name);
    }
  });

  it('11: no user agent opens a door', async () => {
    const made = await world();
    for (const agent of ['GoogleHC/1.0', 'kube-probe/1.34', 'ELB-HealthChecker/2.0']) {
      assert.equal((await made.ask({ path: '/healthz', headers: { 'user-agent': agent } })).status, 401);
    }
    assert.equal(made.arrivals.length, 0);
  });

  for (const [name, byte] of [
    ['NUL', '\0'],
    ['CR', '\r'],
    ['ESC', '\x1b'],
    ['vertical tab', '\x0b'],
    ['DEL', '\x7f'],
  ] as const) {
    it(`12: a header value with ${name} is refused`, async () => {
      const made = await rawWorld();
      assert.match(await made.raw(authorised(made, ['GET / HTTP/1.1', `x-a: b${byte}c`])), /^HTTP\/1\.1 400 /);
      assert.equal(made.bytes(), '');
    });
  }

  it('12: what a client writes cannot make a second line of the journal', async () => {
    const made = await world();
    await made.ask({ headers: { 'user-agent': 'a\u0085b\u2028c'.replace(/[^\x20-\x7e]/g, '?') }, path: '/a%0A%0D' });
    await made.ask({ headers: { 'user-agent': '{"injected":true}' } });
    for (const event of made.events) assert.equal(JSON.stringify(event).split('\n').length, 1);
  });
});

describe('path and host', () => {
  const confusing = [
    '/public/../admin',
    '/public/%2e%2e/admin',
    '/public/%2E%2E%2Fadmin',
    '/a%2fb',
    '/a%5cb',
    '/%252e%252e/admin',
    '/%00',
    '/%c0%ae%c0%ae/admin',
    '/public\\..\\admin',
    '/admin;x=1',
    '/public/..;/admin',
    '//admin',
    '/./admin',
    '/public/.%2e/admin',
    '/admin#x',
    '/foo/secret#/bar',
    '/admin%20/../x',
  ];
  for (const path of confusing) {
    it(`13, 14, 15: ${path} is refused`, async () => {
      const made = await rawWorld({ policies: NOT_ADMIN });
      assert.match(await made.raw(authorised(made, [`GET ${path} HTTP/1.1`])), /^HTTP\/1\.1 400 /);
      assert.equal(made.bytes(), '');
    });
  }

  it('14: an encoded slash passes where the app takes it, and only for that app', async () => {
    const slash: Partial<App> = { encodedSlash: 'allow' };
    const made = await world({ policies: NOT_ADMIN, apps: [slash, { id: 'app_other', host: 'other.localhost' }] });
    const cookie = made.signIn();
    assert.equal((await made.ask({ cookie, path: '/group%2fproject' })).status, 200);
    assert.equal(made.arrivals[0]?.target, '/group%2Fproject');
    for (const path of ['/public/..%2fadmin', '/a%2f%2e%2e%2fadmin', '/a%5cb', '/%252e%252e'])
      assert.equal((await made.ask({ cookie, path })).status, 400, path);
    assert.equal((await made.ask({ cookie, path: '/a%2fb', host: 'other.localhost' })).status, 400);
    assert.equal(made.arrivals.length, 1);
  });

  for (const path of ['/%61dmin', '/%61%64%6d%69%6e', '/admin', '/admin/', '/admin?x=/public', '/admin?/../public']) {
    it(`13, 16: ${path} is decided on as what it is`, async () => {
      const made = await rawWorld({ policies: NOT_ADMIN });
      assert.match(await made.raw(authorised(made, [`GET ${path} HTTP/1.1`])), /^HTTP\/1\.1 403 /);
      assert.equal(made.bytes(), '');
    });
  }

  it('13: what is forwarded is what was decided on, not what was sent', async () => {
    const made = await world({ policies: NOT_ADMIN });
    await made.ask({ cookie: made.signIn(), path: '/%70ublic/%c3%a9?next=%2e%2e' });
    assert.equal(made.arrivals[0]?.target, '/public/%C3%A9?next=%2e%2e');
  });

  const targets = ['http://wiki.localhost/admin', 'http://evil.example/', 'evil.example:443', '*', 'admin'];
  for (const target of targets) {
    it(`14: a target in another form is refused: ${target}`, async () => {
      const made = await rawWorld({ policies: NOT_ADMIN });
      assert.match(await made.raw(authorised(made, [`GET ${target} HTTP/1.1`])), /^HTTP\/1\.1 400 /);
      assert.equal(made.bytes(), '');
    });
  }

  for (const host of ['WIKI.LocalHost', 'wiki.localhost.', 'wiki.localhost:443', 'Wiki.Localhost.:8080']) {
    it(`18: ${host} is the wiki`, async () => {
      const made = await rawWorld();
      const text = await made.raw(
        `GET / HTTP/1.1\r\nhost: ${host}\r\ncookie: ${made.signIn()}\r\nconnection: close\r\n\r\n`,
      );
      assert.match(text, /^HTTP\/1\.1 200 /);
      assert.match(made.bytes(), /\r\nhost: wiki\.localhost(:\d+)?\r\n/);
    });
  }

  const hosts = [
    'wiki.localhost@evil.example',
    'evil.example@wiki.localhost',
    'wiki.localhost\0',
    'wiki.localhost..',
    'wiki.localhost, evil.example',
    'wiki.localhost/x',
    'wiki.localhost:',
    'wiki.localhost:0',
    'wiki.localhost:99999',
    '',
    'w\xefki.localhost',
    'wiki.localhost evil.example',
  ];
  for (const host of hosts) {
    it(`18: the host ${JSON.stringify(host)} is refused`, async () => {
      const made = await rawWorld();
      const text = await made.raw(
        Buffer.from(
          `GET / HTTP/1.1\r\nhost: ${host}\r\ncookie: ${made.signIn()}\r\nconnection: close\r\n\r\n`,
          'latin1',
        ),
      );
      assert.match(text, /^HTTP\/1\.1 400 /);
      assert.equal(made.bytes(), '');
    });
  }

  it('18: two hosts, and none, are refused', async () => {
    const made = await rawWorld();
    for (const fields of [
      'host: wiki.localhost\r\nhost: wiki.localhost\r\n',
      'host: wiki.localhost\r\nHost: evil.example\r\n',
      '',
    ]) {
      const text = await made.raw(`GET / HTTP/1.1\r\n${fields}cookie: ${made.signIn()}\r\nconnection: close\r\n\r\n`);
      assert.match(text, /^HTTP\/1\.1 400 /);
    }
    assert.equal(made.bytes(), '');
  });

  it('18: a host that no app has, and a part of one that an app has, lead nowhere', async () => {
    const made = await world();
    for (const host of ['localhost', 'x.wiki.localhost', 'wiki.localhost.evil.example', 'iki.localhost', '127.0.0.1']) {
      assert.equal((await made.ask({ host, cookie: made.signIn() })).status, 404);
    }
    assert.equal(made.arrivals.length, 0);
  });

  for (const method of ['TRACE', 'TRACK', 'CONNECT', 'get', 'G\u0130T', 'GET\u00a0', 'X'.repeat(30)]) {
    it(`the method ${method.slice(0, 8)} is not forwarded`, async () => {
      const made = await rawWorld();
      const text = await made.raw(authorised(made, [`${method} / HTTP/1.1`]));
      assert.ok(text === '' || /^HTTP\/1\.1 (400|405) /.test(text), text.slice(0, 80));
      assert.equal(made.bytes(), '');
    });
  }
});
