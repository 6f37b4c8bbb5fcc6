import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Journal } from '#journal';
import { type App, buildEvent, type OcsfEvent, TrustGraph } from '#model';
import { START } from '../testdata/api-bench.ts';
import { createUpstreamTurns, type UpstreamTurns } from './upstream-turns.ts';

const ONE = 'http://10.0.0.1:8080';
const OTHER = 'http://10.0.0.2:8080';
const APP: App = {
  ...{ id: 'wiki', name: 'Wiki', host: 'wiki.localhost', upstream: ONE, upstreamOptions: { others: [OTHER] } },
  ...{ tier: 2, device: 'any', allowedOrigins: [] },
};

function turn(upstream: object, time: number = START): OcsfEvent {
  return buildEvent({
    ...{ class: 'networkActivity', activity: 'fail', time, message: 'turned' },
    cordon: { upstream: { app: 'wiki', origin: ONE, turn: 'unhealthy', why: 'nobody is there', ...upstream } },
  });
}

interface Following {
  readonly turns: UpstreamTurns;
  readonly tell: (event: OcsfEvent) => void;
  /** Puts the app into the graph as it is from now on. */
  readonly put: (app: App) => void;
  readonly listeners: ReadonlySet<unknown>;
}

function following(): Following {
  const graph = new TrustGraph();
  const put = (app: App): void => {
    graph.load({ seq: 1, entities: [{ kind: 'app', id: app.id, body: app }] });
  };
  put(APP);
  const listeners = new Set<(event: OcsfEvent) => void>();
  const subscribe: Journal['subscribe'] = (listener) => {
    const wrapped = (event: OcsfEvent): void => listener(event, { seq: 0, hash: '', segment: '' });
    listeners.add(wrapped);
    return () => listeners.delete(wrapped);
  };
  const tell = (event: OcsfEvent): void => {
    for (const listener of listeners) listener(event);
  };
  return { turns: createUpstreamTurns({ subscribe }, graph), tell, put, listeners };
}

describe('turns of upstreams', () => {
  it('are what was last told of each server, and nothing before anything was', () => {
    const { turns, tell } = following();
    assert.equal(turns.last(APP, ONE), undefined);
    tell(turn({}));
    tell(turn({ origin: OTHER, turn: 'files', why: 'ca.pem is not there' }, START + 1));
    assert.deepEqual(turns.last(APP, ONE), { to: 'unhealthy', why: 'nobody is there', at: START });
    assert.deepEqual(turns.last(APP, OTHER), { to: 'files', why: 'ca.pem is not there', at: START + 1 });
    tell(turn({ turn: 'healthy', why: 'it answers again' }, START + 2));
    assert.deepEqual(turns.last(APP, ONE), { to: 'healthy', why: 'it answers again', at: START + 2 });
  });

  it('are forgotten when the app gets other servers, and not when only its name changes', () => {
    const { turns, put, tell } = following();
    tell(turn({}));
    assert.equal(turns.last({ ...APP, name: 'Handbook' }, ONE)?.to, 'unhealthy');
    const moved = { ...APP, upstreamOptions: {} };
    assert.equal(turns.last(moved, ONE), undefined);
    put(moved);
    tell(turn({ why: 'still nobody' }, START + 1));
    assert.equal(turns.last(moved, ONE)?.why, 'still nobody');
    assert.equal(turns.last(APP, ONE), undefined);
  });

  for (const [name, event] of [
    ['a turn that nobody knows', turn({ turn: 'sideways' })],
    ['an app that there is not', turn({ app: 'gone' })],
    ['an origin that is none', turn({ origin: 8080 })],
    ['no upstream', buildEvent({ class: 'networkActivity', activity: 'open', time: START, message: 'a flow' })],
    [
      'another class',
      buildEvent({
        ...{ class: 'httpActivity', activity: 'get', time: START, message: 'a request' },
        cordon: { upstream: { app: 'wiki', origin: ONE, turn: 'unhealthy', why: 'made up' } },
      }),
    ],
  ] as const) {
    it(`are not taken from an event with ${name}`, () => {
      const { turns, tell } = following();
      tell(event);
      assert.equal(turns.last(APP, ONE), undefined);
    });
  }

  it('are followed no longer once closed', () => {
    const { turns, listeners } = following();
    assert.equal(listeners.size, 1);
    turns.close();
    assert.equal(listeners.size, 0);
  });
});
