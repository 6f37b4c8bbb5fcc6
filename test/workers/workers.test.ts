// A gateway in two processes is one gateway: who is let in, who is cut off and what is recorded do not depend on where a connection lands.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { verifyJournal } from '#journal';
import type { Cordon } from '#server';
import { eventually } from '../story/eventually.ts';
import {
  type Ada,
  CLOSED,
  get,
  isAlive,
  journalText,
  type Live,
  openLive,
  OPEN,
  type Place,
  place,
  signAdaIn,
  startHere,
  TEXT,
  workersStarted,
} from './estate.ts';

const HOST = 'verify.localhost';
/** As many, that all of them on one worker would be a chance of one in 30,000. */
const MANY = 16;

describe('two workers', { timeout: 180_000, skip: process.platform !== 'linux' && 'needs SO_REUSEPORT' }, () => {
  let here: Place;
  let cordon: Cordon;
  /** Another test can go on with it. */
  let isWhole = false;
  let ada: Ada;
  let lives: Live[] = [];

  const end = async (): Promise<void> => {
    await cordon.stop();
    here.remove();
  };

  beforeEach(async () => {
    if (!isWhole) {
      here = place();
      cordon = await startHere(here);
      isWhole = true;
    }
    ada = await signAdaIn(cordon);
  });
  afterEach(async () => {
    for (const live of lives.splice(0)) live.end();
    if (!isWhole) await end();
  });
  after(async () => {
    if (isWhole) await end();
  });

  const openMany = async (): Promise<void> => {
    const { http } = cordon.ports;
    lives = await Promise.all(Array.from({ length: MANY }, async () => await openLive(http, HOST, ada.cookie(HOST))));
    assert.deepEqual(new Set(lives.map(({ status }) => status)), new Set([101]));
  };
  const statusesOf = async (host = HOST): Promise<Set<number>> => {
    const headers = { cookie: ada.cookie(host) };
    const answers = await Promise.all(
      Array.from({ length: MANY }, async () => await get({ port: cordon.ports.http }, host, '/', { headers })),
    );
    return new Set(answers.map(({ status }) => status));
  };

  it('let a person sign in, whichever of them each request reaches', async () => {
    const { http: port } = cordon.ports;
    for (let round = 0; round < 8; round++) {
      const first = await get({ port }, HOST, '/?x=1', { headers: { accept: 'text/html' } });
      assert.equal(first.status, 303, first.text);
      const flow = String(first.headers['set-cookie']).split(';')[0] ?? '';
      const handoff = new URL(first.headers['location'] as string);
      const leave = await get({ port }, 'id.localhost', handoff.pathname + handoff.search, {
        headers: { cookie: ada.session },
      });
      const callback = new URL(leave.headers['location'] as string);
      assert.equal(callback.host, `${HOST}:${port}`);
      const back = await get({ port }, HOST, callback.pathname + callback.search, { headers: { cookie: flow } });
      const cookie = String(back.headers['set-cookie']).split(';')[0] ?? '';
      const inside = await get({ port }, HOST, '/', { headers: { cookie, accept: 'application/json' } });
      assert.equal(inside.status, 200, inside.text);
      assert.equal(JSON.parse(inside.text).request.address, '127.0.0.1');
    }
  });

  it('show what is open at both, and cut all of it when the session ends', async (t) => {
    await openMany();
    const before = cordon.front.counters.cut;
    assert.equal((await cordon.front.connections()).length, MANY);
    const start = performance.now();
    const ended = await cordon.services.identity.sessions.endById({ sessionId: ada.sessionId, by: 'system' });
    assert.ok(ended.ok);
    const times = await Promise.all(lives.map(async (live) => await live.ended));
    const latency = Math.max(...times) - start;
    t.diagnostic(`the last of ${MANY} was cut after ${latency.toFixed(1)} ms`);
    assert.ok(latency < 1000, `the last one was cut after ${latency} ms`);
    assert.deepEqual(await cordon.front.connections(), []);
    assert.deepEqual(await statusesOf(), new Set([401]), 'and nobody comes in again');
    await eventually(async () => (cordon.front.counters.cut - before === MANY ? true : undefined), 3);
    const { cuts, added, staleMs } = await cordon.front.measure();
    const countOf = (times: { readonly counts: readonly number[] } | undefined): number =>
      (times?.counts ?? []).reduce((sum, count) => sum + count, 0);
    assert.equal(countOf(cuts['session-revoked']), MANY, 'those of both');
    assert.ok(countOf(added['verify']) >= MANY);
    assert.ok(staleMs > 0 && staleMs < 5000, `${staleMs}`);
  });

  it('cut what an administrator cuts, and count it', async () => {
    await openMany();
    assert.equal(await cordon.front.cut({ userId: ada.userId }, { code: 'connection-ended' }), MANY);
    await Promise.all(lives.map(async (live) => await live.ended));
  });

  it('follow other policies at once, both', async () => {
    await openMany();
    const change = async (text: string): Promise<void> => {
      const body = { texts: { 'a.cedar': text }, message: 'a test' };
      const answer = await get({ socketPath: cordon.controlSocket }, 'localhost', '/api/policies', {
        method: 'POST',
        body,
      });
      assert.equal(answer.status, 200, answer.text);
    };
    await change(CLOSED);
    await Promise.all(lives.map(async (live) => await live.ended));
    assert.deepEqual(await statusesOf(), new Set([403]));
    await change(OPEN);
    assert.deepEqual(await statusesOf(), new Set([200]));
  });

  it('share their port with no other Cordon', async (t) => {
    const elsewhere = place();
    t.after(elsewhere.remove);
    const text = TEXT.replace('127.0.0.1:0', `127.0.0.1:${cordon.ports.http}`);
    await assert.rejects(startHere(elsewhere, text), { code: 'port-in-use' });
    assert.deepEqual(await statusesOf(), new Set([200]));
  });

  it('may take longer than others to compile many policies, as they answer nobody meanwhile', async () => {
    isWhole = false;
    const before = cordon.front.workers;
    const many = Array.from(
      { length: 1500 },
      (_, id) =>
        `@id("p${id}") permit (principal in Group::"admins", action == Action::"access", resource) when { context.path like "/x${id}/*" };`,
    );
    const { services } = cordon;
    const bundle = {
      id: 'many',
      version: 99,
      texts: { 'a.cedar': many.join('\n') },
      author: 'system',
      message: 'a test',
      createdAt: 0,
    };
    await services.store.transact('system', async (tx) => {
      await tx.put('policyBundle', bundle);
      await tx.put('policyActivation', { id: 'active', bundleId: 'many', version: 99, by: 'system', at: 0 });
    });
    const start = performance.now();
    for (let turn = 0; performance.now() - start < 2500; turn++) {
      await services.store.transact(
        'system',
        async (tx) => await tx.put('group', { id: `g${turn}`, name: 'G', parents: [] }),
      );
      await wait(50);
    }
    assert.deepEqual(cordon.front.workers, before, here.logged.join('\n'));
    assert.deepEqual(await statusesOf(), new Set([403]));
  });

  it('lose no acknowledged event and no revocation when one of them is killed, and nobody else’s connections', async () => {
    isWhole = false;
    await openMany();
    const [victim = 0, other = 0] = cordon.front.workers;
    const acknowledged: string[] = [];
    let isOver = false;
    const clients = Array.from({ length: 8 }, async (_, client) => {
      for (let turn = 0; !isOver; turn++) {
        const path = `/${client}-${turn}`;
        const answer = await get({ port: cordon.ports.http }, 'books.localhost', path, {
          headers: { cookie: ada.cookie('books.localhost') },
        }).catch(() => undefined);
        if (answer?.status === 200) acknowledged.push(path);
      }
    });
    await wait(500);
    process.kill(victim, 'SIGKILL');
    await eventually(async () => (isAlive(victim) ? undefined : true), 2);
    await eventually(async () => (lives.some((live) => !live.isOpen()) ? true : undefined), 2);
    assert.ok(
      lives.some((live) => live.isOpen()),
      'connections of the other one live on',
    );
    const ended = await cordon.services.identity.sessions.endById({ sessionId: ada.sessionId, by: 'system' });
    assert.ok(ended.ok);
    const pids = await eventually(
      async () => (cordon.front.workers.length === 2 ? cordon.front.workers : undefined),
      15,
    );
    isOver = true;
    await Promise.all(clients);
    assert.ok(pids.includes(other) && !pids.includes(victim));
    assert.deepEqual(await statusesOf(), new Set([401]), 'the new one knows what was revoked meanwhile');
    assert.ok(acknowledged.length > 50, `only ${acknowledged.length} requests were answered; the test proves little`);
    await cordon.stop();
    const text = journalText(here.folder);
    const lost = acknowledged.filter((path) => !text.includes(`"path":"${path}"`));
    assert.deepEqual(lost, []);
    const report = await verifyJournal(join(here.folder, 'data/journal'));
    assert.equal(report.ok, true, JSON.stringify(report));
  });

  it('do not wait for one that hangs: it is ended, and replaced', async () => {
    isWhole = false;
    const [victim = 0] = cordon.front.workers;
    process.kill(victim, 'SIGSTOP');
    const start = performance.now();
    await cordon.services.identity.sessions.endById({ sessionId: ada.sessionId, by: 'system' });
    await eventually(async () => (isAlive(victim) ? undefined : true), 5);
    const took = performance.now() - start;
    assert.ok(took < 3000, `it was ended only after ${took} ms`);
    const pids = await eventually(
      async () => (cordon.front.workers.length === 2 ? cordon.front.workers : undefined),
      15,
    );
    assert.ok(!pids.includes(victim));
    assert.deepEqual(await statusesOf(), new Set([401]));
    assert.ok(
      here.logged.some((line) => line.includes('it has not taken up a change')),
      here.logged.join('\n'),
    );
  });

  it('keep nobody waiting for one that hangs while it starts', async () => {
    isWhole = false;
    const [victim = 0] = cordon.front.workers;
    process.kill(victim, 'SIGKILL');
    const hung = await eventually(
      async () => workersStarted().find((pid) => pid !== victim && !cordon.front.workers.includes(pid)),
      5,
    );
    process.kill(hung, 'SIGSTOP');
    const start = performance.now();
    await cordon.services.identity.sessions.endById({ sessionId: ada.sessionId, by: 'system' });
    const took = performance.now() - start;
    process.kill(hung, 'SIGCONT');
    assert.ok(took < 3000, `the end of a session was answered after ${took} ms`);
    await eventually(async () => (cordon.front.workers.includes(hung) ? true : undefined), 30);
    assert.deepEqual(await statusesOf(), new Set([401]), 'it knows what was revoked meanwhile');
  });

  it('are ended when they say nothing for ten seconds, though nothing changes', async () => {
    isWhole = false;
    await end();
    here = place();
    cordon = await startHere(here, `${TEXT}probe: { every: off }\n`);
    ada = await signAdaIn(cordon);
    const [victim = 0, other = 0] = cordon.front.workers;
    process.kill(victim, 'SIGSTOP');
    const start = performance.now();
    await wait(8000);
    assert.ok(isAlive(victim), `nobody is ended early\n${here.logged.join('\n')}`);
    await eventually(async () => (isAlive(victim) ? undefined : true), 8);
    const took = performance.now() - start;
    assert.ok(took > 9000 && took < 13_000, `it was ended after ${took} ms`);
    assert.ok(
      here.logged.some((line) => line.includes('it has not answered')),
      here.logged.join('\n'),
    );
    await eventually(async () => (cordon.front.workers.length === 2 ? true : undefined), 15);
    assert.ok(cordon.front.workers.includes(other));
    assert.deepEqual(await statusesOf(), new Set([200]));
  });
});
