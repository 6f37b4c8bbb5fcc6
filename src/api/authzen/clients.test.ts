import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CordonError, hashToken, manualClock } from '#base';
import type { Device } from '#model';
import { openStore, type Store } from '#store';
import { callLocal, enrol, type Reply } from '../testdata/browser.ts';
import { openClients } from './clients.ts';
import { type DecisionBench, openDecisionBench, question } from './testdata/decision-bench.ts';

const NOW = 1_700_000_000_000;
const BY = 'user:usr_1';

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    if (error instanceof CordonError) return error.code;
    throw error;
  }
}

async function opened(): Promise<{ store: Store; clients: Awaited<ReturnType<typeof openClients>> }> {
  const clock = manualClock(NOW);
  const store = await openStore({ path: ':memory:', clock });
  return { store, clients: await openClients(store, clock) };
}

describe('clients of the decision point', () => {
  it('are known by their key alone, also after a restart', async () => {
    const { store, clients } = await opened();
    const { client, key } = await clients.add({ name: 'shop', models: ['shop'], by: BY });
    assert.match(key, /^cordon_authzen_[\w-]{43}$/);
    const { id } = client;
    assert.deepEqual(client, { id, name: 'shop', models: ['shop'], createdAt: NOW, by: BY });
    for (const known of [clients, await openClients(store, manualClock(NOW))]) {
      assert.equal(known.authenticate(`Bearer ${key}`)?.id, id);
      assert.equal(known.authenticate(`bearer ${key}`)?.id, id, 'the scheme in any case (RFC 9110 section 11.1)');
      for (const header of [
        undefined,
        '',
        key,
        `Bearer  ${key}`,
        `Bearer ${key}x`,
        `Basic ${key}`,
        `Bearer ${hashToken(key)}`,
        'Bearer ',
      ]) {
        assert.equal(known.authenticate(header), undefined, header);
      }
      assert.deepEqual(known.list(), [client], 'and nothing that is listed is a secret');
    }
  });

  it('are kept as hashes, and out of the change feed', async () => {
    const { store, clients } = await opened();
    const { key } = await clients.add({ name: 'shop', models: ['shop'], by: BY });
    const rows = await store.read(async (tx) => await tx.listPrivate('authzenClient'));
    assert.equal(rows.length, 1);
    assert.ok(!JSON.stringify(rows).includes(key));
    const feed = JSON.stringify([await store.changesAfter(0), await store.snapshot()]);
    assert.ok(!feed.includes(key) && !feed.includes(hashToken(key)));
  });

  it('have names of their own, also when two come at once', async () => {
    const { clients } = await opened();
    const shop = { name: 'shop', models: ['shop'], by: BY } as const;
    const codes = await Promise.all([codeOf(clients.add(shop)), codeOf(clients.add(shop))]);
    assert.deepEqual(codes.sort(), ['client-exists', 'none']);
    assert.equal(clients.list().length, 1);
  });

  it('are gone when they are removed, also after a restart', async () => {
    const { store, clients } = await opened();
    const { client, key } = await clients.add({ name: 'shop', models: ['shop'], by: BY });
    await clients.remove(client.id, BY);
    assert.equal(clients.authenticate(`Bearer ${key}`), undefined);
    assert.equal((await openClients(store, manualClock(NOW))).authenticate(`Bearer ${key}`), undefined);
    assert.equal(await codeOf(clients.remove(client.id, BY)), 'client-unknown');
    assert.equal(await codeOf(clients.add({ name: 'shop', models: ['shop'], by: BY })), 'none', 'and so is the name');
  });

  it('are refused at once when the store cannot remove them', async () => {
    const { store, clients } = await opened();
    const { client, key } = await clients.add({ name: 'shop', models: ['shop'], by: BY });
    await store.close();
    await assert.rejects(clients.remove(client.id, BY));
    assert.equal(clients.authenticate(`Bearer ${key}`), undefined);
  });
});

describe('the routes of clients', () => {
  let bench: DecisionBench;
  before(async () => {
    bench = await openDecisionBench();
  });
  after(async () => await bench.close());
  const add = async (body: object): Promise<{ status: number; text: string; code(): unknown }> =>
    await callLocal(bench, '/api/authzen/clients', { method: 'POST', body });

  it('list clients with where they may ask, and no key', async () => {
    const reply = await callLocal(bench, '/api/authzen/clients');
    const origin = `http://authz.localhost:${bench.port}`;
    assert.deepEqual(reply.json<{ items: object[] }>().items, [
      {
        id: bench.clientId,
        name: 'first',
        models: [
          { id: 'library', decisionPoint: `${origin}/library` },
          { id: 'cordon', decisionPoint: origin },
        ],
        createdAt: bench.clock.now(),
        by: 'local:1000',
      },
    ]);
    assert.ok(!reply.text.includes(bench.key));
  });

  const refused: readonly (readonly [what: string, body: object, answer: string])[] = [
    ['a model that is not declared', { name: 'x', models: ['library', 'nothing'] }, '404 model-unknown'],
    ['no model', { name: 'x', models: [] }, '400 request-invalid'],
    ['no name', { name: ' ', models: ['library'] }, '400 request-invalid'],
    ['a name that is taken', { name: 'first', models: ['library'] }, '409 client-exists'],
  ];
  for (const [what, body, answer] of refused) {
    it(`refuse ${what}`, async () => {
      const reply = await add(body);
      assert.equal(`${reply.status} ${String(reply.code())}`, answer, reply.text);
    });
  }

  it('bind a key to the certificate of a device, as long as the device is trusted', async (t) => {
    let shown: Device | undefined;
    const bound = await openDecisionBench({
      wrap: (services) => ({ ...services, devices: { ...services.devices, deviceOf: () => shown } }),
    });
    t.after(async () => await bound.close());
    const device = (id: string, change: Partial<Device> = {}): Device => ({
      ...{ id, name: id, form: 'agent', managed: true, status: 'active', enrolledAt: 0 },
      ...change,
    });
    await bound.store.transact('system', async (tx) => {
      await tx.put('device', device('web-1'));
      await tx.put('device', device('old', { status: 'revoked' }));
      await tx.put('device', device('browser', { form: 'browser' }));
    });
    const addBound = async (deviceId: string): Promise<Reply> =>
      await callLocal(bound, '/api/authzen/clients', {
        method: 'POST',
        body: { name: `at ${deviceId}`, models: ['library'], deviceId },
      });
    for (const id of ['old', 'browser', 'none']) assert.equal((await addBound(id)).code(), 'device-unknown');
    const { key, client } = (await addBound('web-1')).json<{ key: string; client: { device: string } }>();
    assert.equal(client.device, 'web-1');
    const status = async (): Promise<number> =>
      (await bound.ask('/library/access/v1/evaluation', question('ann', 'browse', 'atlas'), { key })).status;
    assert.equal(await status(), 401, 'without a certificate');
    shown = device('web-2');
    assert.equal(await status(), 401, 'with another');
    shown = device('web-1');
    assert.equal(await status(), 200);
    shown = undefined;
    assert.equal(await status(), 401, 'when it was revoked: `deviceOf` knows it no more');
  });

  it('record who let whom ask, and who took it away, without the key', async () => {
    const { key, id } = await bench.addClient('recorded', ['library']);
    await callLocal(bench, `/api/authzen/clients/${id}`, { method: 'DELETE' });
    const [added, removed] = bench.journal.recent(2);
    assert.equal(added?.message, 'local:1000 let recorded ask for decisions about library');
    assert.equal(removed?.message, 'local:1000 took the key of recorded away');
    assert.deepEqual([added?.class_uid, added?.activity_name, removed?.activity_name], [3004, 'create', 'delete']);
    assert.ok(!JSON.stringify(bench.journal.recent(100)).includes(key));
  });

  it('make no key that cannot be recorded, and take one away all the same', async () => {
    const { key, id } = await bench.addClient('last', ['library']);
    await enrol(bench, 'ada@example.org');
    await bench.journal.close();
    const reply = await add({ name: 'unrecorded', models: ['library'] });
    assert.equal(reply.status, 503, reply.text);
    assert.ok(!(await callLocal(bench, '/api/authzen/clients')).text.includes('unrecorded'));
    await callLocal(bench, `/api/authzen/clients/${id}`, { method: 'DELETE' });
    assert.equal(
      (await bench.ask('/library/access/v1/evaluation', question('ann', 'browse', 'atlas'), { key })).status,
      401,
    );
  });
});
