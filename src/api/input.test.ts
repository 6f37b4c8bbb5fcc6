import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { CONTROL_ROUTES, errorView, IDENTITY_ROUTES } from '#contract';
import { type ApiBench, HOSTS, openApiBench } from './testdata/api-bench.ts';
import { Browser, callLocal, enrol, type Person, type Reply, type Sent } from './testdata/browser.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

describe('bad input', () => {
  let bench: ApiBench;
  let ada: Person;

  before(async () => {
    bench = await openApiBench();
    ada = await enrol(bench, 'ada@example.org');
    await ada.browser.visit(`http://${HOSTS.console}:${bench.port}/`);
  });
  after(async () => await bench.close());

  const refused: readonly {
    what: string;
    path: string;
    sent?: Sent;
    status: number;
    code: string;
    says: RegExp;
  }[] = [
    {
      what: 'a field nobody knows',
      path: '/api/users',
      sent: { method: 'POST', body: { email: 'x@example.org', isAdmin: true } },
      status: 400,
      code: 'request-invalid',
      says: /isAdmin/,
    },
    {
      what: 'a query nobody knows',
      path: '/api/assets?tire=0',
      status: 400,
      code: 'request-invalid',
      says: /tire/,
    },
    {
      what: 'a query on a route without any',
      path: '/api/users?x=1',
      status: 400,
      code: 'request-invalid',
      says: /`?x`?/,
    },
    {
      what: 'a parameter given twice',
      path: '/api/assets?limit=1&limit=2',
      status: 400,
      code: 'request-invalid',
      says: /query `limit`/,
    },
    {
      what: 'a number out of range',
      path: '/api/assets?limit=0',
      status: 400,
      code: 'request-invalid',
      says: /query `limit`/,
    },
    {
      what: 'a tier that does not exist',
      path: '/api/assets/x/tier',
      sent: { method: 'PUT', body: { tier: 4, reason: 'a good reason' } },
      status: 400,
      code: 'request-invalid',
      says: /body `tier`/,
    },
    {
      what: 'a reason of spaces',
      path: '/api/assets/x/tier',
      sent: { method: 'PUT', body: { tier: 1, reason: '      ' } },
      status: 400,
      code: 'request-invalid',
      says: /body `reason`/,
    },
    {
      what: 'no body',
      path: '/api/users',
      sent: { method: 'POST' },
      status: 400,
      code: 'request-invalid',
      says: /body/,
    },
    {
      what: 'an empty body that says it is JSON',
      path: '/api/users',
      sent: { method: 'POST', headers: JSON_TYPE, body: '' },
      status: 400,
      code: 'request-invalid',
      says: /body/,
    },
    {
      what: 'a body that is not an object',
      path: '/api/users',
      sent: { method: 'POST', headers: JSON_TYPE, body: '[1]' },
      status: 400,
      code: 'request-invalid',
      says: /body/,
    },
    {
      what: 'broken JSON',
      path: '/api/users',
      sent: { method: 'POST', headers: JSON_TYPE, body: '{\n  "email": oops}' },
      status: 400,
      code: 'json-invalid',
      says: /line 2, column 12/,
    },
    {
      what: 'a form',
      path: '/api/users',
      sent: { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'email=x' },
      status: 415,
      code: 'content-type-unsupported',
      says: /application\/json/,
    },
    {
      what: 'text that looks like JSON',
      path: '/api/users',
      sent: { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{"email":"x@example.org"}' },
      status: 415,
      code: 'content-type-unsupported',
      says: /application\/json/,
    },
    {
      what: 'a body larger than 256 KiB',
      path: '/api/users',
      sent: { method: 'POST', body: { email: 'x'.repeat(300_000) } },
      status: 413,
      code: 'request-too-large',
      says: /too large/,
    },
    {
      what: 'policies larger than 2 MiB',
      path: '/api/policies/check',
      sent: { method: 'POST', body: { texts: { 'a.cedar': ' '.repeat(2_200_000) } } },
      status: 413,
      code: 'request-too-large',
      says: /too large/,
    },
    { what: 'a path that does not exist', path: '/api/nothing', status: 404, code: 'not-found', says: /nothing/ },
    { what: 'a path below a route', path: '/api/status/more', status: 404, code: 'not-found', says: /nothing/ },
    { what: 'a route in capitals', path: '/API/status', status: 404, code: 'not-found', says: /nothing/ },
    { what: 'a broken escape', path: '/api/assets/%zz', status: 400, code: 'request-invalid', says: /not valid/ },
    {
      what: 'an id that is too long',
      path: `/api/assets/${'x'.repeat(2049)}`,
      status: 400,
      code: 'request-invalid',
      says: /path `id`/,
    },
    {
      what: 'a method the path does not have',
      path: '/api/status',
      sent: { method: 'POST', body: {} },
      status: 405,
      code: 'method-not-allowed',
      says: /use GET/,
    },
    {
      what: 'a method nobody uses',
      path: '/api/users/x',
      sent: { method: 'PATCH', body: {} },
      status: 405,
      code: 'method-not-allowed',
      says: /use DELETE/,
    },
  ];

  for (const { what, path, sent = {}, status, code, says } of refused) {
    it(`refuses ${what} with ${status} ${code}`, async () => {
      for (const reply of [await ada.browser.call(HOSTS.console, path, sent), await callLocal(bench, path, sent)]) {
        assert.equal(reply.status, status, reply.text);
        assert.equal(reply.code(), code);
        assert.match(reply.text, says);
        assertShape(reply);
      }
    });
  }

  it('lists every problem of an input, each with its place', async () => {
    const body = { email: 'nonsense', name: 7, groups: ['a', 8], more: true };
    const reply = await ada.browser.call(HOSTS.console, '/api/users', { method: 'POST', body });
    const { problems } = reply.json<{ error: { problems: { message: string }[] } }>().error;
    assert.equal(problems.length, 4);
    const text = problems.map(({ message }) => message).join('\n');
    for (const place of ['`email`', '`name`', '`groups.1`', 'more']) assert.ok(text.includes(place), text);
  });

  it('names the methods a path has', async () => {
    const reply = await ada.browser.call(HOSTS.console, '/api/policies', { method: 'DELETE' });
    assert.equal(reply.headers.allow, 'GET, POST');
  });

  it('reads nothing of a body whose sender may not call', async () => {
    const stranger = new Browser(bench);
    for (const body of ['{broken', Buffer.alloc(1_000_000, 0x20)]) {
      const reply = await stranger.call(HOSTS.console, '/api/users', { method: 'POST', headers: JSON_TYPE, body });
      assert.equal(reply.status, 401);
    }
  });

  it('takes policies of more than 256 KiB', async () => {
    const texts = {
      'a.cedar': `${'// words\n'.repeat(60_000)}permit (principal, action == Action::"access", resource);`,
    };
    const reply = await ada.browser.call(HOSTS.console, '/api/policies/check', { method: 'POST', body: { texts } });
    assert.equal(reply.status, 200, reply.text);
    assert.equal(reply.json<{ ok: boolean }>().ok, true);
  });

  it('takes an id with slashes, colons and anything else as one segment', async () => {
    const id = 'arn:aws:s3:::a/b c?d#e%2f../x';
    const reply = await ada.browser.call(HOSTS.console, `/api/assets/${encodeURIComponent(id)}`);
    assert.equal(reply.status, 404);
    assert.ok(reply.json<{ error: { message: string } }>().error.message.includes(id));
  });

  it('answers a request for nothing in particular with the page, and only people who open one', async () => {
    const other = await ada.browser.call(HOSTS.console, '/nothing', { headers: { 'sec-fetch-mode': 'cors' } });
    assert.equal(other.status, 404);
    assertShape(other);
    const identity = await ada.browser.open(`http://${HOSTS.identity}:${bench.port}/nothing`);
    assert.equal(identity.status, 404);
    assert.match(identity.text, /<!doctype html>/);
  });

  it('serves the files of the console, for ever, and nothing beside them', async () => {
    const stranger = new Browser(bench);
    for (const host of [HOSTS.console, HOSTS.identity]) {
      const file = await stranger.call(host, '/assets/index-abc123.js', { bare: true });
      assert.equal(file.status, 200);
      assert.equal(file.headers['cache-control'], 'public, max-age=31536000, immutable');
      assert.match(file.headers['content-type'] ?? '', /javascript/);
      assert.equal(
        (await stranger.call(host, '/favicon.svg', { bare: true })).headers['content-type'],
        'image/svg+xml',
      );
      for (const path of [
        '/assets/nothing.js',
        '/assets/../.inputs',
        '/assets/%2e%2e/.inputs',
        '/assets/..%2f.inputs',
        '/.inputs',
        '/assets/%2e%2e%2f%2e%2e%2fetc/passwd',
        '/index.html',
        '/assets/',
      ]) {
        const reply = await stranger.call(host, path, { bare: true });
        assert.ok([400, 403, 404].includes(reply.status), `${path}: ${reply.status}`);
        assertShape(reply);
      }
    }
  });

  it('has no route of one host on the other', async () => {
    const identity = await ada.browser.call(HOSTS.identity, CONTROL_ROUTES.status.path);
    assert.equal(identity.status, 404);
    const console = await ada.browser.call(HOSTS.console, IDENTITY_ROUTES.profile.path);
    assert.equal(console.status, 404);
    const pages = await callLocal(bench, '/', { headers: { accept: 'text/html' } });
    assert.equal(pages.status, 404);
  });

  it('survives bytes that are no request', async () => {
    for (const bytes of [
      'GET /api/status\r\n\r\n',
      'POST /api/users HTTP/1.1\r\nHost: console.localhost\r\nContent-Length: -1\r\n\r\n',
    ]) {
      await new Promise<void>((resolve) => {
        const socket = connect(bench.port, '127.0.0.1', () => socket.end(bytes));
        socket.resume().once('close', () => {
          resolve();
        });
      });
    }
    assert.equal((await callLocal(bench, '/api/status')).status, 200);
  });
});

function assertShape(reply: Reply): void {
  const { error } = errorView.strict().parse(reply.json());
  assert.match(error.correlationId ?? '', /^cor_\w{25}$/);
  assert.equal(reply.headers['x-cordon-correlation-id'], error.correlationId);
}
