import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Arrival } from './upstream.ts';
import { until } from './wire.ts';
import { ADA, BOB, type World, world } from './world.ts';

const folder = mkdtempSync(join(tmpdir(), 'cordon-kube-'));
after(() => rmSync(folder, { recursive: true }));
const tokenFile = join(folder, 'token');

async function cluster(token = 'account-token'): Promise<{ made: World; cookie: string }> {
  writeFileSync(tokenFile, token);
  const made = await world({ apps: [{ kubernetes: { tokenFile } }] });
  return { made, cookie: made.signIn() };
}

/** Fields that say who asks, as the API got them. */
function told(arrival: Arrival | undefined): string[] {
  const fields: string[] = [];
  const raw = arrival?.rawHeaders ?? [];
  for (let i = 0; i < raw.length; i += 2) {
    if (/authorization|impersonate|remote/i.test(raw[i] ?? '')) fields.push(`${raw[i]?.toLowerCase()}: ${raw[i + 1]}`);
  }
  return fields;
}

const ASKS_AS_ADA = [
  'authorization: Bearer account-token',
  'impersonate-user: ada@example.org',
  'impersonate-uid: usr_ada',
  'impersonate-group: cordon:engineering',
];

describe('a Kubernetes API behind the gateway', () => {
  it('is asked by the account, for the person and each of their groups', async () => {
    const { made, cookie } = await cluster();
    made.put('group', { id: 'platform', name: 'platform', parents: ['site reliability'] });
    made.put('group', { id: 'site reliability', name: 'SRE', parents: [] });
    made.patch('user', ADA.id, { groups: ['engineering', 'platform'] });
    assert.equal((await made.ask({ cookie, path: '/api/v1/pods' })).status, 200);
    assert.deepEqual(told(made.arrivals[0]), [
      ...ASKS_AS_ADA,
      'impersonate-group: cordon:platform',
      'impersonate-group: cordon:site%20reliability',
    ]);
  });

  const claims: Record<string, Record<string, string>> = {
    'another person': { 'Impersonate-User': 'system:admin' },
    'groups of the cluster': { 'impersonate-group': 'system:masters', 'IMPERSONATE-GROUP': 'system:masters' },
    'an extra': { 'Impersonate-Extra-Scopes': 'all', 'Impersonate-Uid': '0' },
    'a token of its own': { authorization: 'Bearer stolen' },
    'a name by the front proxy': { 'X-Remote-User': 'admin', 'X-Remote-Group': 'system:masters' },
    'a field of the connection that takes ours away': { connection: 'impersonate-user, authorization' },
  };
  for (const [name, headers] of Object.entries(claims)) {
    it(`does not hear of ${name}`, async () => {
      const { made, cookie } = await cluster();
      assert.equal((await made.ask({ cookie, headers })).status, 200);
      assert.deepEqual(told(made.arrivals[0]), ASKS_AS_ADA);
    });
  }

  for (const name of ['impersonate_user', 'Impersonate.Group', 'impersonate~uid']) {
    it(`is not asked at all with \`${name}\`, which some servers take for the other`, async () => {
      const { made, cookie } = await cluster();
      const { status, body } = await made.ask({ cookie, headers: { [name]: 'x' } });
      assert.deepEqual([status, JSON.parse(body).details.causes[0].reason], [400, 'header-refused']);
      assert.equal(made.arrivals.length, 0);
    });
  }

  it('gets no token that a WebSocket hides among its protocols', async () => {
    const { made, cookie } = await cluster();
    const hidden = `base64url.bearer.authorization.k8s.io.${Buffer.from('stolen').toString('base64url')}`;
    const client = await made.webSocket({
      cookie,
      path: '/api/v1/namespaces/default/pods/web/exec',
      headers: { 'sec-websocket-protocol': `${hidden}, v5.channel.k8s.io` },
    });
    assert.equal(client.status, 101);
    assert.equal(made.arrivals[0]?.headers['sec-websocket-protocol'], 'v5.channel.k8s.io');
    assert.deepEqual(told(made.arrivals[0]), ASKS_AS_ADA);
    made.remove('session', [...made.graph.all('session')][0]?.id ?? '');
    assert.equal((await client.closed).code, 4403);
  });

  it('is not held open for groups that the person has left, though they may still enter', async () => {
    const { made, cookie } = await cluster();
    made.put('group', { id: 'operators', name: 'operators', parents: [] });
    made.patch('user', ADA.id, { groups: ['engineering', 'operators'] });
    const client = await made.webSocket({ cookie, path: '/api/v1/watch' });
    const other = await made.webSocket({ cookie, path: '/api/v1/watch' });
    made.patch('user', ADA.id, { name: 'Ada B.' });
    made.gateway.sweep();
    assert.equal(made.gateway.connections().length, 2, 'a name is nothing to the cluster');
    made.patch('user', ADA.id, { groups: ['engineering'] });
    for (const { closed } of [client, other]) assert.match((await closed).reason ?? '', /^identity-changed: /);
    assert.equal((await made.ask({ cookie })).status, 200);
  });

  it('is not held open with the token of another account', async () => {
    const { made, cookie } = await cluster();
    const client = await made.webSocket({ cookie, path: '/api/v1/watch' });
    made.patch('app', 'app_wiki', { kubernetes: { tokenFile: join(folder, 'other') } });
    assert.match((await client.closed).reason ?? '', /^app-changed: /);
  });

  it('is not asked over SPDY, and the answer says what works', async () => {
    const { made, cookie } = await cluster();
    const { status, body } = await made.ask({
      method: 'POST',
      cookie,
      path: '/api/v1/namespaces/default/pods/web/exec',
      headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1' },
    });
    assert.equal(status, 400);
    assert.match(JSON.parse(body).message, /WebSocket here, not SPDY: use kubectl 1\.31/);
    assert.equal(made.arrivals.length, 0);
  });

  it('is not asked while the account has no token, and is again as soon as it has', async () => {
    const { made, cookie } = await cluster('');
    const { status, body } = await made.ask({ cookie });
    assert.deepEqual([status, JSON.parse(body).details.causes[0].reason], [503, 'upstream-credential-missing']);
    assert.ok(!body.includes(folder), 'the path is for the journal');
    await until(() => JSON.stringify(made.events).includes('holds no token'), 'the cause in the journal');
    assert.equal(made.arrivals.length, 0);
    writeFileSync(tokenFile, 'account-token');
    assert.equal((await made.ask({ cookie })).status, 200);
  });

  it('refuses in the words of its API, so that kubectl shows them', async () => {
    const { made } = await cluster();
    const { status, body } = await made.ask({ cookie: made.signIn({ user: BOB.id }) });
    const { kind, code, reason, message } = JSON.parse(body);
    assert.deepEqual([status, kind, code, reason], [403, 'Status', 403, 'Forbidden']);
    assert.match(message, /^Cordon: .*\(no-permit\).*\. Correlation id: cor_/);
    const own = await made.ask({ path: '/.cordon/none' });
    assert.equal(JSON.parse(own.body).code, 'app-unknown', 'own paths answer as everywhere');
  });

  it('is asked for no other app with its token', async () => {
    const { made } = await cluster();
    const { upstream = '' } = made.graph.get('app', 'app_wiki') ?? {};
    made.put('app', {
      id: 'app_b',
      name: 'B',
      host: 'b.localhost',
      upstream,
      tier: 3,
      device: 'any',
      allowedOrigins: [],
    });
    await made.ask({
      host: 'b.localhost',
      cookie: made.signIn({ host: 'b.localhost' }),
      headers: { authorization: 'Basic abc' },
    });
    assert.deepEqual(told(made.arrivals[0]), ['authorization: Basic abc']);
  });
});

describe('Cordon’s own paths', () => {
  for (const [kind, app] of Object.entries({
    http: {},
    tcp: { upstream: 'tcp://127.0.0.1:1' },
    ssh: { upstream: 'tcp://127.0.0.1:1', ssh: { principals: ['ops'], lifetimeSeconds: 60 } },
    kubernetes: { kubernetes: { tokenFile: '/none' } },
  })) {
    it(`say to everybody that an app speaks ${kind}, and nothing else of it`, async () => {
      const made = await world({ apps: [app] });
      const { status, body } = await made.ask({ path: '/.cordon/app' });
      assert.deepEqual([status, JSON.parse(body), made.arrivals.length], [200, { kind }, 0]);
    });
  }

  for (const [method, path] of [
    ['POST', '/.cordon/app'],
    ['HEAD', '/.cordon/app'],
    ['GET', '/.cordon/token'],
    ['GET', '/.cordon/tunnel'],
    ['DELETE', '/.cordon/sign-out'],
  ] as const) {
    it(`are there for other methods than ${method} ${path}`, async () => {
      const made = await world();
      const { status, body } = await made.ask({ method, path });
      assert.deepEqual([status, made.arrivals.length], [405, 0]);
      if (method !== 'HEAD') assert.match(body, /"code":"request-malformed".*takes another method/);
    });
  }

  it('are no more than those', async () => {
    const made = await world();
    for (const path of ['/.cordon', '/.cordon/', '/.cordon/apps', '/.cordon/app/', '/.cordon/constructor'])
      assert.equal((await made.ask({ path })).status, 404, path);
    assert.equal(made.arrivals.length, 0);
  });
});
