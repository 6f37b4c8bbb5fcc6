// Workers without a main process: what they deny, and that they end.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { eventually } from '../story/eventually.ts';
import { get, isAlive, openLive, type Place, place, startHere, TEXT } from './estate.ts';

interface Ready {
  readonly port: number;
  readonly workers: readonly number[];
  readonly cookies: Readonly<Record<'verify' | 'crown', string>>;
}

async function start(t: TestContext): Promise<{ child: ChildProcess; ready: Ready; here: Place }> {
  const here = place();
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main-child.ts'), here.folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let workers: readonly number[] = [];
  t.after(() => {
    child.kill('SIGKILL');
    for (const pid of workers) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    here.remove();
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const ready = JSON.parse(line.toString()) as Ready;
  ({ workers } = ready);
  return { child, ready, here };
}

describe('without a main process', {
  timeout: 120_000,
  skip: process.platform !== 'linux' && 'needs SO_REUSEPORT',
}, () => {
  it('workers take no connections, end what is open and themselves, and leave the port and the data to the next one', async (t) => {
    const { child, ready, here } = await start(t);
    const live = await openLive(ready.port, 'verify.localhost', ready.cookies.verify);
    assert.equal(live.status, 101);
    const start_ = performance.now();
    child.kill('SIGKILL');
    await wait(500);
    await assert.rejects(get({ port: ready.port }, 'verify.localhost', '/'), { code: 'ECONNREFUSED' });
    const next = await startHere(here, TEXT.replace('127.0.0.1:0', `127.0.0.1:${ready.port}`));
    t.after(async () => await next.stop());
    const ended = await live.ended;
    assert.ok(ended - start_ < 7000, `it lived on for ${ended - start_} ms`);
    await eventually(async () => (ready.workers.some(isAlive) ? undefined : true), 5);
  });

  it('workers of one that hangs deny by the staleness that each tier allows', async (t) => {
    const { child, ready } = await start(t);
    const ask = async (name: 'verify' | 'crown'): Promise<{ status: number; text: string }> =>
      await get({ port: ready.port }, `${name}.localhost`, '/', {
        headers: { cookie: ready.cookies[name], accept: 'application/json' },
      });
    assert.doesNotMatch((await ask('crown')).text, /replica-stale/);
    child.kill('SIGSTOP');
    await wait(10_500);
    const crown = await ask('crown');
    assert.match(crown.text, /replica-stale/, 'T0 allows ten seconds');
    assert.equal((await ask('verify')).status, 200, 'T3 allows ten minutes');
    child.kill('SIGCONT');
    await eventually(async () => ((await ask('crown')).text.includes('replica-stale') ? undefined : true), 5);
  });
});
