import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { CordonError, systemClock } from '#base';
import { type ConfigurationSource, textSource } from './configuration-source.ts';
import { type Cordon, startCordon, type StartOptions } from './start.ts';

const POLICIES = { 'a.cedar': 'permit (principal, action == Action::"access", resource == App::"verify");' };
const CONSOLE = join(import.meta.dirname, '../../console/dist');
const LISTEN = 'listen: { http: "127.0.0.1:0", tls: "127.0.0.1:0" }\n';

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-start-'));
  t.after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

function optionsFor(folder: string, text = LISTEN, change: Partial<StartOptions> = {}): StartOptions {
  const source: ConfigurationSource = textSource({ text, policies: POLICIES }, join(folder, 'data'));
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  return { version: '0', clock: systemClock, source, consoleDirectory: CONSOLE, uid: 0, log, ...change };
}

async function started(t: TestContext, options: StartOptions): Promise<Cordon> {
  const cordon = await startCordon(options);
  t.after(cordon.stop);
  return cordon;
}

async function statusOf(
  to: { port?: number | undefined; socketPath?: string },
  host: string,
  path: string,
): Promise<number> {
  return await new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', ...to, path, headers: { host }, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

describe('a start', () => {
  it('answers on every own host, on the apps and on the control socket', async (t) => {
    const { ports, controlSocket } = await started(t, optionsFor(folderOf(t)));
    assert.equal(await statusOf({ port: ports.http }, 'id.localhost', '/api/profile'), 401);
    assert.equal(await statusOf({ port: ports.http }, 'console.localhost', '/api/status'), 401);
    assert.equal(await statusOf({ port: ports.http }, 'verify.localhost', '/'), 401);
    assert.equal(await statusOf({ port: ports.http }, 'agent.localhost', '/v1/enrol'), 404, 'over TLS only');
    assert.equal(await statusOf({ port: ports.http }, 'authz.localhost', '/access/v1/evaluation'), 405);
    assert.equal(await statusOf({ port: ports.http }, 'elsewhere.localhost', '/'), 404);
    assert.equal(await statusOf({ socketPath: controlSocket }, 'localhost', '/api/status'), 200);
  });

  it('answers in the same way with several workers, and nothing of it is left after a stop', async (t) => {
    const folder = folderOf(t);
    const text = `${LISTEN}gateway: { workers: 2 }\n`;
    const cordon = await started(t, optionsFor(folder, text));
    const { ports, controlSocket, front } = cordon;
    assert.equal(front.workers.length, 2);
    assert.equal(await statusOf({ port: ports.http }, 'id.localhost', '/api/profile'), 401);
    assert.equal(await statusOf({ port: ports.http }, 'console.localhost', '/api/status'), 401);
    assert.equal(await statusOf({ port: ports.http }, 'verify.localhost', '/'), 401);
    assert.equal(await statusOf({ port: ports.http }, 'agent.localhost', '/v1/enrol'), 404, 'over TLS only');
    assert.equal(await statusOf({ port: ports.http }, 'authz.localhost', '/access/v1/evaluation'), 405);
    assert.equal(await statusOf({ port: ports.http }, 'elsewhere.localhost', '/'), 404);
    assert.equal(await statusOf({ socketPath: controlSocket }, 'localhost', '/api/status'), 200);
    const pids = [...front.workers];
    await cordon.stop();
    await assert.rejects(statusOf({ port: ports.http }, 'id.localhost', '/'));
    for (const pid of pids) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
    assert.ok(!readdirSync(join(folder, 'data')).includes('workers.sock'));
    await started(t, optionsFor(folder, text));
  });

  it('gives the first administrator another link each time, until there is one', async (t) => {
    const folder = folderOf(t);
    const first = await startCordon(optionsFor(folder));
    await first.stop();
    const second = await started(t, optionsFor(folder));
    assert.ok(first.firstAdministrator !== undefined && second.firstAdministrator !== undefined);
    assert.notEqual(first.firstAdministrator.url, second.firstAdministrator.url);
    const token = first.firstAdministrator.url.split('#')[1] ?? '';
    const opened = await second.services.identity.enrolment.open({ token });
    assert.equal(opened.ok, false, 'the older link is dead');
  });

  it('keeps the keys of the authority and of the assertions', async (t) => {
    const folder = folderOf(t);
    const first = await startCordon(optionsFor(folder));
    await first.stop();
    const second = await started(t, optionsFor(folder));
    assert.equal(first.services.authority.fingerprint, second.services.authority.fingerprint);
  });

  it('that fails leaves nothing open: the next one works', async (t) => {
    const folder = folderOf(t);
    const failing = optionsFor(folder, LISTEN, {
      seed: async () => {
        throw new CordonError('demo-not-empty', 'a seed that fails');
      },
    });
    await assert.rejects(startCordon(failing), { code: 'demo-not-empty' });
    await started(t, optionsFor(folder));
  });

  it('that is not admitted changes nothing of what is stored, its policies included', async (t) => {
    const folder = folderOf(t);
    const first = await startCordon(optionsFor(folder));
    const version = first.services.policies()?.version;
    await first.stop();
    const source = textSource({ text: LISTEN, policies: { 'b.cedar': '' } }, join(folder, 'data'));
    const refused = optionsFor(folder, LISTEN, {
      source,
      admit: ({ graph }) => {
        assert.equal(graph.count('app'), 1, 'it sees what is stored');
        throw new CordonError('demo-not-empty', 'somebody else lives here');
      },
    });
    await assert.rejects(startCordon(refused), { code: 'demo-not-empty' });
    const again = await started(t, optionsFor(folder));
    assert.equal(again.services.policies()?.version, version);
  });

  it('on a port that is taken fails before it touches the data', async (t) => {
    const folder = folderOf(t);
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    t.after(() => other.close());
    const address = other.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const text = `listen: { http: "127.0.0.1:${port}", tls: "off" }\n`;
    await assert.rejects(startCordon(optionsFor(folder, text)), { code: 'port-in-use' });
    assert.deepEqual(readdirSync(join(folder, 'data')), []);
  });

  it('on a port for metrics that is taken fails, and leaves no work behind that would keep the process', async (t) => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    t.after(() => other.close());
    const address = other.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const text = `listen: { http: "127.0.0.1:0", tls: "off" }\nmetrics: { listen: "127.0.0.1:${port}" }\n`;
    const cleared = t.mock.method(globalThis, 'clearInterval').mock;
    const set = t.mock.method(globalThis, 'setInterval').mock;
    await assert.rejects(startCordon(optionsFor(folderOf(t), text)), { code: 'port-in-use' });
    const ended = new Set(cleared.calls.map(({ arguments: [timer] }) => timer));
    const left = set.calls.filter(({ result }) => !ended.has(result) && result?.hasRef() === true);
    assert.ok(set.callCount() > 0);
    assert.deepEqual(left.length, 0);
  });

  it('over a journal that somebody edited says so and does not start', async (t) => {
    const folder = folderOf(t);
    await (await startCordon(optionsFor(folder))).stop();
    writeFileSync(join(folder, 'data/journal/head.json'), '{}');
    await assert.rejects(startCordon(optionsFor(folder)), (error) => error instanceof CordonError);
  });
});

describe('a stop', () => {
  it('frees ports, socket, journal and store, and may be asked for twice', async (t) => {
    const folder = folderOf(t);
    const cordon = await startCordon(optionsFor(folder));
    await Promise.all([cordon.stop(), cordon.stop()]);
    await assert.rejects(statusOf({ port: cordon.ports.http }, 'id.localhost', '/'));
    await assert.rejects(statusOf({ socketPath: cordon.controlSocket }, 'localhost', '/'));
    await started(t, optionsFor(folder));
  });
});
