import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { manualClock } from '#base';
import { type App, type Decision, TrustGraph } from '#model';
import { type AccessRequest, decideAccess, loadPolicies } from '#policy';
import { GATEWAY_LIMITS } from './limits.ts';
import { type Basis, decide, grantedRequest, isFresh } from './passage.ts';
import { device, NOW, policies, session, user } from './testdata/people.ts';
import { createUpstreams, type Upstreams } from './upstreams/upstreams.ts';

function situation(app: App): { basis: Basis; request: AccessRequest } {
  const graph = new TrustGraph();
  graph.load({
    seq: 7,
    entities: [
      { kind: 'group', id: 'staff', body: { id: 'staff', name: 'staff', parents: [] } },
      { kind: 'user', id: 'u1', body: user },
      { kind: 'device', id: 'd1', body: device },
      { kind: 'session', id: 's1', body: session },
      { kind: 'app', id: app.id, body: app },
    ],
  });
  return {
    basis: { policies, graph, now: NOW },
    request: { session, device, app, method: 'GET', path: '/a', host: app.host, address: '192.0.2.1', secure: true },
  };
}

const app: App = {
  id: 'a1',
  name: 'Wiki',
  host: 'wiki',
  upstream: 'http://127.0.0.1:1',
  tier: 3,
  device: 'any',
  allowedOrigins: [],
};

function upstreamsOf({ graph }: Basis): Upstreams {
  const journal = { append: async (): Promise<void> => await Promise.resolve() };
  return createUpstreams({
    limits: GATEWAY_LIMITS,
    graph,
    journal,
    clock: manualClock(0),
    counters: { unrecorded: 0 },
  });
}

describe('the way to an upstream', () => {
  let hits = 0;
  const server = createServer((_request, response) => {
    hits += 1;
    response.end();
  });
  server.on('connection', () => (hits += 1));
  before(async () => await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  const upstream = (): App => ({ ...app, upstream: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });

  it('is the request that was decided on, and no other', () => {
    const { basis, request } = situation(app);
    const decision = decide(basis, request);
    assert.deepEqual(grantedRequest(decision), request);
    // Whoever changes the request after the decision changes nothing.
    Object.assign(request, { path: '/admin' });
    assert.equal(grantedRequest(decision).path, '/a');
    assert.throws(() => Object.assign(grantedRequest(decision), { path: '/admin' }));
  });

  const proofs: [string, (permit: Decision, forbid: Decision, bare: Decision) => Decision | undefined][] = [
    ['no decision', () => undefined],
    ['a denial', (_permit, forbid) => forbid],
    ['a denial turned round', (_permit, forbid) => ({ ...forbid, effect: 'permit' })],
    ['a copy of a permit', (permit) => ({ ...permit })],
    ['a permit that was parsed', (permit) => JSON.parse(JSON.stringify(permit)) as Decision],
    ['a permit that looks like one', (permit) => Object.create(permit) as Decision],
    ['a permit that was decided elsewhere, for an unknown request', (_permit, _forbid, bare) => bare],
  ];
  for (const [name, make] of proofs) {
    it(`stays closed with ${name}`, async () => {
      const { basis, request } = situation(upstream());
      const permit = decide(basis, request);
      assert.equal(permit.effect, 'permit');
      const decision = make(
        permit,
        decide({ ...basis, policies: undefined }, request),
        decideAccess({ ...basis, request }),
      );
      assert.throws(() => grantedRequest(decision), /the upstream stays closed/);
      const upstreams = upstreamsOf(basis);
      const outgoing = { query: '', headers: [], body: null, isWebSocket: false };
      assert.throws(() => upstreams.send(decision, outgoing, {}), /the upstream stays closed/);
      await assert.rejects(upstreams.connect(decision), /the upstream stays closed/);
      await sleep(20);
      await upstreams.close();
      assert.equal(hits, 0);
    });
  }

  it('stays closed for an app without an upstream, even with a permit', () => {
    const { upstream: _, ...builtin } = app;
    const { basis, request } = situation(builtin);
    const upstreams = upstreamsOf(basis);
    const outgoing = { query: '', headers: [], body: null, isWebSocket: false };
    assert.throws(() => upstreams.send(decide(basis, request), outgoing, {}), /has no upstream/);
  });

  it('cannot have its denial turned round in place', () => {
    const { basis, request } = situation(app);
    const forbid = decide({ ...basis, policies: undefined }, request);
    assert.throws(() => Object.assign(forbid, { effect: 'permit' }), TypeError);
  });
});

describe('isFresh', () => {
  const { basis, request } = situation(app);
  const decision = decide(basis, request);
  const other = loadPolicies({ texts: {}, version: 2 });
  const cases: [string, Basis, boolean][] = [
    ['at once', basis, true],
    ['after 999 ms', { ...basis, now: NOW + 999 }, true],
    ['after a second', { ...basis, now: NOW + 1000 }, false],
    ['when the clock has jumped back', { ...basis, now: NOW - 1 }, false],
    ['with other policies', { ...basis, policies: other.ok ? other.value : undefined }, false],
    ['without policies', { ...basis, policies: undefined }, false],
  ];
  for (const [name, now, fresh] of cases) {
    it(`says ${fresh ? 'yes' : 'no'} ${name}`, () => assert.equal(isFresh(decision, now), fresh));
  }

  it('says no after any change of the graph', () => {
    const { basis: own, request: asked } = situation(app);
    const made = decide(own, asked);
    const change = { seq: 8, time: NOW, kind: 'segment', id: 'x', op: 'delete' as const, actor: 'test' };
    own.graph.apply({ change });
    assert.equal(isFresh(made, own), false);
  });

  it('says no for what was not decided here', () => assert.equal(isFresh({ ...decision }, basis), false));
});
