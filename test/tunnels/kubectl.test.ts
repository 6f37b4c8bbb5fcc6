import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { systemClock } from '#base';
import { createAuthority } from '#devices';
import { hardenServer, SERVER_OPTIONS } from '#gateway';
import { openStore } from '#store';
import { until } from '../gateway/wire.ts';
import { ADA, type World, world } from '../gateway/world.ts';
import { kubernetesApi, kubernetesExec } from './cluster.ts';
import { ada, type Running, start, testFolder } from './person.ts';

const HOST = '127.0.0.1';
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** Minor version of kubectl; undefined when there is none. */
function kubectlVersion(): number | undefined {
  const { stdout, error } = spawnSync('kubectl', ['version', '--client', '-o', 'json'], { encoding: 'utf8' });
  if (error !== undefined) return undefined;
  return Number.parseInt(JSON.parse(stdout).clientVersion.minor, 10);
}

const minor = kubectlVersion() ?? 0;

/** Lets the gateway listen over TLS too, under these names: what `cordon login` would keep. */
async function overTls(made: World, hosts: readonly string[]): Promise<{ origin: string; ca: string }> {
  const store = await openStore({ path: ':memory:', clock: systemClock });
  const authority = await createAuthority({ store, clock: systemClock });
  const { certificate: cert, key } = await authority.issueServer(hosts);
  await store.close();
  const server = createServer({ ...SERVER_OPTIONS, cert, key }, made.gateway.handle);
  server.on('upgrade', made.gateway.upgrade);
  hardenServer(server);
  servers.push(server.listen(0, HOST));
  await once(server, 'listening');
  return { origin: `https://id.localhost:${(server.address() as AddressInfo).port}`, ca: authority.certificate };
}

interface Setting {
  readonly made: World;
  readonly kubectl: (words: readonly string[], env?: NodeJS.ProcessEnv) => Running;
}

async function setting(): Promise<Setting> {
  const folder = testFolder();
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, 'account-token');
  const made = await world({
    clock: systemClock,
    upstream: kubernetesApi,
    onUpgrade: kubernetesExec,
    apps: [{ id: 'app_k8s', host: HOST, kubernetes: { tokenFile } }],
  });
  const person = ada(made, [HOST], { ...(await overTls(made, [HOST])), form: 'bearer' });
  const version = minor < 22 ? ['--api-version', 'v1beta1'] : [];
  const written = person.cordon('kubeconfig', HOST, ...version);
  assert.equal(await written.ended, 0, written.err());
  mkdirSync(join(person.home, '.kube'));
  writeFileSync(join(person.home, '.kube/config'), written.out());
  return { made, kubectl: (words, env) => start('kubectl', words, { env: { ...person.env, ...env } }) };
}

describe('cordon kubeconfig', () => {
  it('makes none for an address without TLS, where kubectl sends no token', async () => {
    const made = await world({ clock: systemClock });
    const running = ada(made, ['wiki.localhost'], { form: 'bearer' }).cordon('kubeconfig', 'wiki');
    assert.equal(await running.ended, 2);
    assert.match(running.err(), /kubectl sends no token without TLS[\s\S]*hint: run `cordon login`/);
  });

  for (const [app, options, said] of [
    ['wiki', {}, /`wiki\.localhost` is a web app and no Kubernetes API.*\(app-no-cluster\)\nhint: .*`cordon token`/],
    ['wiki', { upstream: 'tcp://127.0.0.1:1' }, /is a TCP app and no .*\nhint: .*`cordon connect`/],
    ['wiki', { upstream: 'tcp://127.0.0.1:1', ssh: { principals: ['a'], lifetimeSeconds: 9 } }, /hint: .*`cordon ssh`/],
    ['nothing', {}, /no app is published at `nothing\.localhost` \(app-unknown\)/],
  ] as const) {
    it(`makes none for an app that is no cluster, and says how it is reached: ${said.source}`, async () => {
      const made = await world({ clock: systemClock, apps: [options] });
      const login = await overTls(made, ['wiki.localhost', 'nothing.localhost']);
      const running = ada(made, ['wiki.localhost'], { ...login, form: 'bearer' }).cordon('kubeconfig', app);
      assert.equal(await running.ended, 2);
      assert.match(running.err(), said);
      assert.equal(running.out(), '');
    });
  }

  it('is made for a cluster', async () => {
    const made = await world({ clock: systemClock, apps: [{ kubernetes: { tokenFile: '/none' } }] });
    const login = await overTls(made, ['wiki.localhost']);
    const running = ada(made, ['wiki.localhost'], { ...login, form: 'bearer' }).cordon('kubeconfig', 'wiki');
    assert.equal(await running.ended, 0, running.err());
    assert.match(running.out(), /server: https:\/\/wiki\.localhost:/);
  });

  it('asks nobody in a browser for an app that is no cluster', async () => {
    const made = await world({ clock: systemClock });
    const login = await overTls(made, ['wiki.localhost']);
    const running = ada(made, [], login).cordon('kubeconfig', 'wiki');
    assert.equal(await running.ended, 2);
    assert.doesNotMatch(running.err(), /open this/);
  });
});

describe('cordon kube-credential', () => {
  it('gives the kept token while the gateway takes it, and asks for another when it has ended with its session', async () => {
    const made = await world({ clock: systemClock });
    const person = ada(made, ['wiki.localhost'], { form: 'bearer' });
    const running = person.cordon('kube-credential', 'wiki');
    assert.equal(await running.ended, 0, running.err());
    assert.match(JSON.parse(running.out()).status.token, /^cordon_at_/);
    for (const { id } of [...made.graph.all('session')]) made.remove('session', id);
    const asking = person.cordon('kube-credential', 'wiki');
    await until(() => asking.err().includes('/authorize-program?host=wiki.localhost'), 'the question');
    assert.equal(asking.out(), '', 'no token that is refused');
  });
});

describe('kubectl over the gateway', {
  skip: minor === 0 ? 'needs kubectl (kubernetes-client)' : false,
  timeout: 60_000,
}, () => {
  it('lists pods as the person, with the token that `cordon kube-credential` gives', async () => {
    const { made, kubectl } = await setting();
    const running = kubectl(['get', 'pods', '-o', 'name']);
    assert.equal(await running.ended, 0, running.err());
    assert.equal(running.out(), 'pod/web\n');
    const list = made.arrivals.find(({ target }) => target.startsWith('/api/v1/namespaces/default/pods'));
    assert.equal(list?.headers['authorization'], 'Bearer account-token');
    assert.equal(list.headers['impersonate-user'], ADA.email);
    assert.equal(list.headers['impersonate-group'], 'cordon:engineering');
  });

  it('cannot act as anybody else', async () => {
    const { made, kubectl } = await setting();
    const running = kubectl(['get', 'pods', '-o', 'name', '--as', 'system:admin', '--as-group', 'system:masters']);
    await running.ended;
    const asked = made.arrivals.map(
      ({ headers }) => `${String(headers['impersonate-user'])} ${String(headers['impersonate-group'])}`,
    );
    assert.deepEqual([...new Set(asked)], [`${ADA.email} cordon:engineering`]);
  });

  it('shows why it is refused', async () => {
    const { made, kubectl } = await setting();
    made.patch('user', ADA.id, { groups: [] });
    const running = kubectl(['get', '--raw', '/api/v1/namespaces/default/pods']);
    assert.equal(await running.ended, 1);
    assert.match(running.err(), /Cordon: .*\(no-permit\)/);
    assert.equal(made.arrivals.length, 0);
  });

  it('runs a command in a pod over WebSocket; where it only knows SPDY, it is told', async () => {
    const { made, kubectl } = await setting();
    const running = kubectl(['exec', 'web', '--', 'true'], { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'true' });
    const code = await running.ended;
    if (minor < 29) {
      assert.match(running.err(), /WebSocket here, not SPDY/);
      return;
    }
    assert.equal(code, 0, running.err());
    assert.equal(running.out(), 'hello\n');
    assert.ok(made.arrivals.some(({ headers }) => headers['sec-websocket-protocol'] === 'v5.channel.k8s.io'));
    const spdy = kubectl(['exec', 'web', '--', 'true'], { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false' });
    assert.notEqual(await spdy.ended, 0);
    assert.match(spdy.err(), /WebSocket here, not SPDY/);
  });
});
