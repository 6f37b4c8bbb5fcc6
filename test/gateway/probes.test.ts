import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { manualClock, randomOctets } from '#base';
import { createProbeMarks } from '#wire';
import { BOB, world as makeWorld, type World, type WorldOptions } from './world.ts';

const probes = createProbeMarks({ key: randomOctets(32), clock: manualClock(0) });
const world = async (options: WorldOptions = {}): Promise<World> =>
  await makeWorld({ ...options, options: { probes } });

describe('a probe of the gateway', () => {
  it('knows a refusal for Cordon’s by its seal, and leaves no trace of an access', async () => {
    const made = await world();
    const { name, field, answer } = probes.ask();
    const { status, headers } = await made.ask({ headers: { [name]: field } });
    assert.deepEqual([status, headers[name]], [401, answer]);
    assert.deepEqual([made.events, made.gateway.counters.denied], [[], 0]);
  });

  for (const [what, headers, path] of [
    ['a person who has to sign in', { accept: 'text/html' }, '/'],
    ['a person who is refused', { accept: 'text/html', 'sec-fetch-mode': 'navigate', x_forwarded_user: 'admin' }, '/'],
    ['an ambiguous path', {}, '/%2e%2e/'],
    ['an own path that is none', {}, '/.cordon/x'],
  ] as const) {
    it(`is answered with the seal as ${what}`, async () => {
      const made = await world();
      const { name, field, answer } = probes.ask();
      const sent = await made.ask({ path, headers: { ...headers, [name]: field } });
      assert.equal(sent.headers[name], answer);
    });
  }

  it('that claims to be one and is not is refused, counted and recorded like anybody', async () => {
    const made = await world();
    const { name, field } = probes.ask();
    const { headers } = await made.ask({ headers: { [name]: `${field}x` } });
    assert.equal(headers[name], undefined);
    assert.deepEqual([made.events.length, made.gateway.counters.denied], [1, 1]);
  });

  it('that was answered already is refused, counted and recorded like anybody', async () => {
    const made = await world();
    const { name, field, answer } = probes.ask();
    const sent = [await made.ask({ headers: { [name]: field } }), await made.ask({ headers: { [name]: field } })];
    assert.deepEqual(
      sent.map(({ headers }) => headers[name]),
      [answer, undefined],
    );
    assert.deepEqual([made.events.length, made.gateway.counters.denied], [1, 1]);
  });

  it('of somebody who is signed in is recorded and counted, and sealed by nobody', async () => {
    const made = await world();
    const { name, field } = probes.ask();
    const { status, headers } = await made.ask({ cookie: made.signIn({ user: BOB.id }), headers: { [name]: field } });
    assert.deepEqual([status, headers[name]], [403, undefined]);
    assert.deepEqual([made.events.length, made.gateway.counters.denied], [1, 1]);
  });

  it('that gets through is recorded, sealed by nobody, and its upstream never sees what it was', async () => {
    const made = await world({
      upstream: (_request, response) => {
        response.writeHead(200, { 'x-cordon-probe': 'a seal of its own' }).end('secret');
      },
    });
    const { name, field } = probes.ask();
    const { status, headers } = await made.ask({ cookie: made.signIn(), headers: { [name]: field } });
    assert.deepEqual([status, headers[name]], [200, undefined]);
    assert.equal(made.events.length, 1);
    assert.ok(!Object.keys(made.arrivals[0]?.headers ?? {}).includes(name));
  });
});
