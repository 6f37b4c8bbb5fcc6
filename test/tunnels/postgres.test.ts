import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { systemClock } from '#base';
import { freePort, until } from '../gateway/wire.ts';
import { type World, world } from '../gateway/world.ts';
import { ada, type Person, start, testFolder } from './person.ts';

/** Directory of the newest installed server, as Debian lays them out. */
function serverPrograms(): string | undefined {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => join(root, version, 'bin')).find((folder) => existsSync(join(folder, 'initdb')));
}

const programs = serverPrograms();
const hasClient = spawnSync('psql', ['--version']).error === undefined;

/** A database server of the test's own, and its port. It refuses to run as root, so then it runs as its own user. */
async function database(): Promise<number> {
  const folder = testFolder();
  const data = join(folder, 'data');
  const isRoot = process.getuid?.() === 0;
  const as = isRoot ? ['setpriv', '--reuid', 'postgres', '--regid', 'postgres', '--clear-groups'] : ['env'];
  if (isRoot) {
    const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' })));
    chownSync(folder, uid ?? 0, gid ?? 0);
  }
  const [first = '', ...rest] = as;
  execFileSync(first, [...rest, join(programs ?? '', 'initdb'), '-D', data, '-U', 'ada', '-A', 'trust', '--no-sync'], {
    stdio: 'pipe',
  });
  const port = await freePort();
  const server = start(first, [
    ...rest,
    join(programs ?? '', 'postgres'),
    ...['-D', data, '-h', '127.0.0.1', '-p', String(port), '-k', folder, '-F'],
  ]);
  await until(() => server.err().includes('ready to accept connections'), `the server: ${server.err()}`);
  return port;
}

async function setting(): Promise<{ made: World; person: Person; port: number }> {
  const made = await world({ clock: systemClock });
  const upstream = `tcp://127.0.0.1:${await database()}`;
  made.put('app', {
    id: 'app_db',
    name: 'Database',
    host: 'db.localhost',
    upstream,
    tier: 3,
    device: 'any',
    allowedOrigins: [],
  });
  const person = ada(made, ['db.localhost']);
  const running = person.cordon('connect', 'db');
  await until(() => /:\d+/.test(running.out()), 'the address');
  return { made, person, port: Number(/:(\d+)/.exec(running.out())?.[1]) };
}

const obstacle =
  programs === undefined || !hasClient ? `needs PostgreSQL (postgresql; not found for ${userInfo().username})` : false;

describe('psql through `cordon connect`, with a real server', { skip: obstacle, timeout: 60_000 }, () => {
  it('asks, and is cut off in the middle of a query when the policies change', async () => {
    const { made, person, port } = await setting();
    const words = ['-h', '127.0.0.1', '-p', String(port), '-U', 'ada', '-d', 'postgres', '-At'];
    const asked = start('psql', [...words, '-c', 'select sum(n) from generate_series(1, 100000) n'], {
      env: person.env,
    });
    assert.equal(await asked.ended, 0, asked.err());
    assert.equal(asked.out(), '5000050000\n');
    const waiting = start('psql', [...words, '-c', 'select pg_sleep(60)'], { env: person.env });
    await until(() => made.gateway.connections().length === 1, 'the connection');
    const began = performance.now();
    made.activate('permit (principal in Group::"sales", action == Action::"access", resource);');
    assert.equal(await waiting.ended, 2);
    assert.ok(performance.now() - began < 1000, `${performance.now() - began} ms`);
    assert.match(waiting.err(), /server closed the connection|connection .* lost|Connection reset/);
    const again = start('psql', [...words, '-c', 'select 1'], { env: person.env });
    assert.equal(await again.ended, 2);
  });

  it('gets large results whole, and sends large ones', async () => {
    const { person, port } = await setting();
    const words = ['-h', '127.0.0.1', '-p', String(port), '-U', 'ada', '-d', 'postgres', '-At'];
    const asked = start('psql', [...words, '-c', "select repeat('x', 1000) from generate_series(1, 5000)"], {
      env: person.env,
    });
    assert.equal(await asked.ended, 0, asked.err());
    assert.equal(asked.out().length, 5000 * 1001);
    const copied = start(
      'psql',
      [...words, '-c', 'create table t (a text)', '-c', '\\copy t from pstdin', '-c', 'select count(*) from t'],
      { env: person.env },
    );
    copied.child.stdin?.end(`${'y'.repeat(999)}\n`.repeat(5000));
    assert.equal(await copied.ended, 0, copied.err());
    assert.match(copied.out(), /5000\n$/);
  });
});
