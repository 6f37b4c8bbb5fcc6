// What one worker was shown, all know: a proof that was used, and a form that is kept.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { hashToken, newToken, systemClock } from '#base';
import type { Cordon } from '#server';
import { programKey, prove } from '../gateway/prove.ts';
import { type Ada, get, type Place, place, signAdaIn, startHere } from './estate.ts';

const HOST = 'verify.localhost';
/** As many, that all of them on one worker would be a chance of one in 30,000. */
const MANY = 16;
const FORM = 'title=A+%26+B';
const PERSON = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'same-origin' };

describe('two workers remember as one', {
  timeout: 60_000,
  skip: process.platform !== 'linux' && 'needs SO_REUSEPORT',
}, () => {
  let here: Place;
  let cordon: Cordon;
  let ada: Ada;
  before(async () => {
    here = place();
    cordon = await startHere(here);
    ada = await signAdaIn(cordon);
  });
  after(async () => {
    await cordon.stop();
    here.remove();
  });

  it('a proof that was used at one of them, so that it is good at none again', async () => {
    const key = await programKey();
    const token = `cordon_at_${newToken()}`;
    const now = systemClock.now();
    await cordon.services.store.transact('system', async (tx) => {
      await tx.put('appSession', {
        ...{ id: 'app_program', tokenHash: hashToken(token), sessionId: ada.sessionId, host: HOST, createdAt: now },
        ...{ form: 'dpop', keyThumbprint: key.thumbprint, expiresAt: now + 60_000, program: 'curl' },
      });
    });
    const port = cordon.ports.http;
    for (let round = 0; round < 3; round++) {
      const url = `http://${HOST}:${port}/`;
      const dpop = await prove(key, { method: 'GET', url, now: systemClock.now(), token });
      const headers = { host: `${HOST}:${port}`, authorization: `DPoP ${token}`, dpop };
      const answers = await Promise.all(
        Array.from({ length: MANY }, async () => await get({ port }, `${HOST}:${port}`, '/', { headers })),
      );
      const statuses = answers.map(({ status }) => status).sort((a, b) => a - b);
      assert.deepEqual(statuses, [200, ...Array.from({ length: MANY - 1 }, () => 401)]);
    }
  });

  it('a form, whichever of them it was sent to and is asked for it', async () => {
    const { http: port } = cordon.ports;
    const cookie = ada.cookie(HOST);
    for (let round = 0; round < 8; round++) {
      const refused = await get({ port }, HOST, '/pages', {
        method: 'POST',
        headers: { ...PERSON, 'content-type': 'application/x-www-form-urlencoded' },
        raw: FORM,
      });
      const kept = /__Host-cordon_form=[\w-]{43}/.exec(String(refused.headers['set-cookie']))?.[0] ?? '';
      const headers = { ...PERSON, cookie: `${cookie}; ${kept}` };
      const shown = await get({ port }, HOST, '/.cordon/send-again', { headers });
      assert.equal(shown.status, 200, shown.text);
      assert.match(shown.text, /name="title" value="A &#38; B"/);
      const again = await Promise.all(
        Array.from({ length: 4 }, async () => await get({ port }, HOST, '/.cordon/send-again', { headers })),
      );
      assert.deepEqual(new Set(again.map(({ status }) => status)), new Set([410]), 'once, of all of them');
    }
  });
});
