// A stop with two workers: what is under way is finished, nothing is begun, and nothing of it is lost.
import assert from 'node:assert/strict';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { hashToken, newToken, systemClock } from '#base';
import { type Cordon } from '#server';
import { eventually } from '../story/eventually.ts';
import { type Ada, get, isAlive, journalText, openLive, type Place, place, signAdaIn, startHere } from './estate.ts';

const HOST = 'slow.localhost';
const MANY = 16;

describe('a stop of two workers', {
  timeout: 60_000,
  skip: process.platform !== 'linux' && 'needs SO_REUSEPORT',
}, () => {
  let here: Place;
  let app: Server;
  let cordon: Cordon;
  let ada: Ada;
  let cookie = '';
  let waiting: ServerResponse[] = [];
  beforeEach(async () => {
    waiting = [];
    app = createServer((_request, response) => {
      response.write('begun ');
      waiting.push(response);
    });
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', () => resolve()));
    here = place();
  });
  afterEach(async () => {
    await cordon.stop();
    app.closeAllConnections();
    app.close();
    here.remove();
  });

  const begin = async (drain: string): Promise<Promise<string>[]> => {
    const { port } = app.address() as AddressInfo;
    cordon = await startHere(
      here,
      `listen: { http: "127.0.0.1:0", tls: "off" }
gateway: { workers: 2, drain: ${drain} }
apps:
  verify: { builtin: verify, tier: T3, device: any }
  slow: { upstream: "http://127.0.0.1:${port}", tier: T3, device: any }
`,
    );
    ada = await signAdaIn(cordon);
    const token = newToken();
    cookie = `__Host-cordon_app=${token}`;
    await cordon.services.store.transact('system', async (tx) => {
      const tokenHash = hashToken(token);
      const { sessionId } = ada;
      await tx.put('appSession', { id: 'app_slow', tokenHash, sessionId, host: HOST, createdAt: systemClock.now() });
    });
    const answers = Array.from({ length: MANY }, async (_, index) => {
      const answer = get({ port: cordon.ports.http }, HOST, `/file-${index}`, { headers: { cookie } });
      return await answer.then(
        ({ text }) => text,
        () => 'cut off',
      );
    });
    await eventually(async () => (waiting.length === MANY ? true : undefined), 5);
    return answers;
  };

  it('lets answers under way end, takes no other connection, and has written all of it down', async () => {
    const answers = await begin('20s');
    const { http: port } = cordon.ports;
    const { workers } = cordon.front;
    const start = performance.now();
    const stopped = cordon.stop();
    await wait(500);
    await assert.rejects(get({ port }, HOST, '/late', { headers: { cookie } }), { code: 'ECONNREFUSED' });
    for (const response of waiting) response.end('ended');
    assert.deepEqual(new Set(await Promise.all(answers)), new Set(['begun ended']));
    await stopped;
    const took = performance.now() - start;
    assert.ok(took < 6000, `it took ${took} ms, though nothing was under way any more`);
    assert.deepEqual(workers.filter(isAlive), []);
    const text = journalText(here.folder);
    for (let index = 0; index < MANY; index++)
      assert.ok(text.includes(`"path":"/file-${index}"`), `${index} is missing`);
  });

  it('ends what is not done in time, with the reason, and WebSockets with it', async () => {
    const answers = await begin('1s');
    const live = await openLive(cordon.ports.http, 'verify.localhost', ada.cookie('verify.localhost'));
    assert.equal(live.status, 101);
    const start = performance.now();
    await cordon.stop();
    const took = performance.now() - start;
    assert.ok(took > 900 && took < 6000, `it took ${took} ms`);
    await live.ended;
    assert.deepEqual(new Set(await Promise.all(answers)), new Set(['cut off']));
    const cuts = journalText(here.folder).match(/"status_code":"gateway-stopping"/g) ?? [];
    assert.ok(cuts.length >= MANY, `only ${cuts.length} cuts are written down`);
  });
});
