// The demo writes events of a day that did not happen. They must look as those of the areas that write real ones.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isJsonObject, manualClock } from '#base';
import { applyConfiguration, parseConfiguration } from '#config';
import { createIdentity } from '#identity';
import { type OcsfEvent, TrustGraph } from '#model';
import { loadPolicies } from '#policy';
import { openStore, type Store } from '#store';
import { DEMO_SOURCE, seedDemo } from '../src/demo/index.ts';
import { ADA, world } from './gateway/world.ts';

const NOW = Date.UTC(2026, 5, 10, 15);

describe('an event of the demo', () => {
  const clock = manualClock(NOW);
  const demo: OcsfEvent[] = [];
  const graph = new TrustGraph();
  let store: Store;
  const journal = {
    append: async (event: OcsfEvent) => {
      demo.push(event);
      return await Promise.resolve({ seq: demo.length, hash: '', segment: '' });
    },
  };

  before(async () => {
    store = await openStore({ path: ':memory:', clock });
    graph.load(await store.snapshot());
    store.onChanges((changes) => {
      for (const change of changes) graph.apply(change);
    });
    const configuration = parseConfiguration({ file: 'demo', ...DEMO_SOURCE, directory: '/nowhere' });
    const policies = loadPolicies({ texts: DEMO_SOURCE.policies, version: 1 });
    assert.ok(configuration.ok && policies.ok);
    const applied = await applyConfiguration(
      configuration.value,
      { store },
      { actor: 'system', message: '', now: NOW },
    );
    assert.ok(applied.ok);
    await seedDemo({ store, graph, journal, clock, policies: () => policies.value });
  });
  after(async () => await store.close());

  const find = (classUid: number, code: string | undefined): OcsfEvent =>
    demo.find((event) => event.class_uid === classUid && event.status_code === code) ?? assert.fail(`no ${code}`);

  it('about a permitted request is one of the gateway', async () => {
    const w = await world();
    await w.ask({ cookie: w.signIn() });
    assert.deepEqual(formOf(find(4002, undefined)), formOf(w.events[0]));
  });

  it('about a denied request is one of the gateway', async () => {
    const w = await world();
    const cookie = w.signIn();
    w.patch('user', ADA.id, { groups: ['sales'] });
    await w.ask({ cookie });
    assert.deepEqual(formOf(find(4002, 'no-permit')), formOf(w.events[0]));
  });

  for (const [code, email] of [
    ['account-unknown', 'nobody@example.org'],
    ['password-wrong', 'chiara.conti@example.org'],
  ] as const) {
    it(`about a sign-in that is refused as ${code} is one of identity`, async () => {
      const { length } = demo;
      const identity = createIdentity({
        store,
        graph,
        journal,
        clock,
        relyingParty: { id: 'id.localhost', name: 'Cordon', origins: ['http://id.localhost:8080'] },
      });
      const client = { address: '203.0.113.50', userAgent: 'test' };
      await identity.signIn.password({ email, password: 'wrong', client });
      const real = demo[length];
      assert.equal(real?.status_code, code);
      assert.deepEqual(formOf(find(3002, code)), formOf(real));
    });
  }
});

/** Everything about an event that does not depend on whom it is about: codes, and which attributes there are. */
function formOf(event: OcsfEvent | undefined): object {
  assert.ok(event);
  const { class_uid, type_uid, activity_name, severity_id, status_id, status_code, action_id } = event;
  return {
    codes: { class_uid, type_uid, activity_name, severity_id, status_id, status_code, action_id },
    attributes: pathsOf(event, '').sort(),
  };
}

/** The names of all attributes; what a decision was about is a matter of the decision. */
function pathsOf(value: unknown, path: string): string[] {
  if (/^\.unmapped\.cordon\.(?:request|decision)\./.test(path)) return [];
  if (Array.isArray(value)) return value.length === 0 ? [path] : pathsOf(value[0], `${path}[]`);
  if (!isJsonObject(value)) return [path];
  return Object.entries(value).flatMap(([name, inner]) => pathsOf(inner, `${path}.${name}`));
}
