import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '#base';
import { createAuthority } from '#devices';
import { openStore } from '#store';
import { ask, freePort } from '../gateway/wire.ts';
import { world } from '../gateway/world.ts';
import { programPath } from './programs.ts';

const nginx = programPath({ program: 'nginx', variable: 'CORDON_TEST_NGINX' });
const skip = nginx === undefined ? 'needs `nginx` (npm run setup:system)' : false;

describe('a real nginx as the server of an app', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-upstream-nginx-'));
  const path = (name: string): string => join(folder, name);
  const ports = { http1: 0, http2: 0, tls: 0 };
  let child: ChildProcess | undefined;

  before(async () => {
    chmodSync(folder, 0o755); // nginx gives up root
    const store = await openStore({ path: path('store.db'), clock: systemClock });
    const authority = await createAuthority({ store, clock: systemClock });
    const { certificate, key } = await authority.issueServer(['wiki.internal']);
    writeFileSync(path('ca.pem'), authority.certificate);
    writeFileSync(path('server.pem'), certificate);
    writeFileSync(path('server.key'), key);
    writeFileSync(path('big'), Buffer.alloc(8 * 1_048_576, 'x'));
    await store.close();
    for (const name of ['http1', 'http2', 'tls'] as const) ports[name] = await freePort();
    writeFileSync(path('nginx.conf'), configuration(folder, ports));
    child = spawn(nginx ?? '', ['-c', path('nginx.conf'), '-p', folder, '-e', 'stderr'], { stdio: 'ignore' });
    for (let i = 0; i < 200; i++) {
      const answer = await ask(ports.http1).catch(() => undefined);
      if (answer !== undefined) break;
      await sleep(25);
    }
  });
  after(async () => {
    const gone = new Promise((resolve) => child?.once('exit', resolve));
    child?.kill('SIGTERM');
    if (child !== undefined) await gone;
    rmSync(folder, { recursive: true, force: true });
  });

  const ways = {
    'HTTP/1.1': () => ({ upstream: `http://127.0.0.1:${ports.http1}` }),
    'HTTP/2 with prior knowledge': () => ({
      upstream: `http://127.0.0.1:${ports.http2}`,
      upstreamOptions: { protocol: 'http2' as const },
    }),
    'HTTP/2 over TLS with a pinned authority': () => ({
      upstream: `https://127.0.0.1:${ports.tls}`,
      upstreamOptions: { protocol: 'http2' as const, ca: path('ca.pem'), serverName: 'wiki.internal' },
    }),
  };
  for (const [name, app] of Object.entries(ways)) {
    it(`answers over ${name}, with the public name in sight`, async () => {
      const made = await world({ apps: [app()] });
      const answer = await made.ask({ cookie: made.signIn(), path: '/hello' });
      assert.deepEqual([answer.status, answer.body], [200, 'hello wiki.localhost']);
    });

    it(`sends 8 MiB over ${name}, every byte`, async () => {
      const made = await world({ apps: [app()] });
      const answer = await made.ask({ cookie: made.signIn(), path: '/big' });
      assert.deepEqual([answer.status, answer.body.length], [200, 8 * 1_048_576]);
    });

    it(`takes 2 MiB over ${name}, and answers`, async () => {
      const made = await world({ apps: [app()] });
      const body = 'x'.repeat(2 * 1_048_576);
      const answer = await made.ask({ cookie: made.signIn(), path: '/hello', method: 'POST', body });
      assert.equal(answer.status, 200);
    });

    it(`loses no request over ${name} while it is reloaded`, async () => {
      const made = await world({ apps: [app()] });
      const cookie = made.signIn();
      const statuses = new Map<number, number>();
      for (let i = 0; i < 200; i++) {
        if (i === 50 || i === 120) child?.kill('SIGHUP');
        const { status } = await made.ask({ cookie, path: '/hello' });
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        await sleep(2);
      }
      assert.deepEqual([...statuses], [[200, 200]]);
    });
  }

  it('whose certificate is for another name is not believed', async () => {
    const { upstream, upstreamOptions } = ways['HTTP/2 over TLS with a pinned authority']();
    const made = await world({ apps: [{ upstream, upstreamOptions: { ...upstreamOptions, serverName: 'other' } }] });
    const answer = await made.ask({ cookie: made.signIn() });
    assert.deepEqual([answer.status, JSON.parse(answer.body).code], [502, 'upstream-untrusted']);
  });
});

function configuration(folder: string, { http1, http2, tls }: Readonly<Record<string, number>>): string {
  return `daemon off;
pid ${folder}/nginx.pid;
error_log stderr;
worker_processes 1;
events {}
http {
  access_log off;
  client_max_body_size 16m;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(' ')}
  server {
    listen 127.0.0.1:${http1};
    listen 127.0.0.1:${http2} http2;
    listen 127.0.0.1:${tls} ssl http2;
    ssl_certificate ${folder}/server.pem;
    ssl_certificate_key ${folder}/server.key;
    root ${folder};
    location = /hello { return 200 "hello $host"; }
  }
}
`;
}
