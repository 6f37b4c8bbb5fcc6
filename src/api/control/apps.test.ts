import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { z } from 'zod';
import type { CONTROL_ROUTES } from '#contract';
import { type App, buildEvent } from '#model';
import { type ApiBench, openApiBench, START } from '../testdata/api-bench.ts';
import { callLocal } from '../testdata/browser.ts';
import { kindOf } from './apps.ts';

type AppView = z.output<typeof CONTROL_ROUTES.apps.response>['items'][number];

describe('what kind an app is', () => {
  for (const [expected, app] of [
    ['builtin', { builtin: 'verify' }],
    ['http', { upstream: 'http://10.0.0.1' }],
    ['http', { upstream: 'https://10.0.0.1', upstreamOptions: { protocol: 'http1' } }],
    ['http', {}],
    ['http2', { upstream: 'https://10.0.0.1', upstreamOptions: { protocol: 'http2' } }],
    ['tcp', { upstream: 'tcp://10.0.0.1:5432' }],
    ['ssh', { upstream: 'tcp://10.0.0.1:22', ssh: { principals: ['ops'], lifetimeSeconds: 300 } }],
    ['kubernetes', { upstream: 'https://10.0.0.1:6443', kubernetes: { tokenFile: '/token' } }],
  ] as const) {
    it(`${JSON.stringify(app)} is ${expected}`, () => assert.equal(kindOf(app), expected));
  }
});

describe('the published apps over the API', () => {
  const [one, other] = ['http://10.0.0.1:8080', 'http://10.0.0.2:8080'];
  const more = { device: 'any', tier: 1, allowedOrigins: [] } as const;
  const apps: readonly App[] = [
    {
      ...{ id: 'shop', name: 'Shop', host: 'shop.localhost', upstream: one, ...more },
      upstreamOptions: { others: [other], healthPath: '/healthz', key: '/etc/cordon/shop-key.pem' },
      ...{ identityHeaders: ['authelia'], clientCertificate: 'required' },
      limits: { requestsPerSecond: 50, bodyBytes: 1000 },
    },
    {
      ...{ id: 'bastion', name: 'Bastion', host: 'bastion.localhost', upstream: 'tcp://10.0.0.7:22', ...more },
      ssh: { principals: ['ops'], lifetimeSeconds: 120 },
    },
    {
      ...{ id: 'cluster', name: 'Cluster', host: 'cluster.localhost', upstream: 'https://10.0.0.8:6443', ...more },
      kubernetes: { tokenFile: '/etc/cordon/cluster.token' },
    },
    { ...{ id: 'hr', name: 'Records', host: 'hr.localhost', enforcedBy: 'forward-auth', ...more } },
  ];
  let bench: ApiBench;
  before(async () => {
    bench = await openApiBench();
    await bench.store.transact('system', async (tx) => {
      for (const app of apps) await tx.put('app', app);
    });
  });
  after(async () => await bench.close());

  const ask = async (): Promise<(id: string) => AppView> => {
    const reply = await callLocal(bench, '/api/apps');
    assert.equal(reply.status, 200, reply.text);
    const { items } = reply.json<{ items: AppView[] }>();
    return (id) => items.find((app) => app.id === id) ?? assert.fail(`no app ${id}`);
  };

  it('say how each is reached and guarded', async () => {
    const app = await ask();
    assert.deepEqual(app('shop'), {
      ...{ id: 'shop', name: 'Shop', host: 'shop.localhost', url: `http://shop.localhost:${bench.port}`, kind: 'http' },
      ...{ tier: 1, device: 'any', upstream: one, upstreams: [{ origin: one }, { origin: other }] },
      ...{ healthPath: '/healthz', enforcedBy: 'gateway', streams: 'cut', identityHeaders: ['authelia'] },
      ...{ clientCertificate: true, allowedOrigins: [], limits: { requestsPerSecond: 50, bodyBytes: 1000 } },
    });
    assert.deepEqual(app('bastion').ssh, { principals: ['ops'], lifetimeSeconds: 120 });
    const { kind, upstreams, clientCertificate, limits } = app('wiki');
    assert.deepEqual([kind, upstreams, clientCertificate, limits], ['builtin', [], false, {}]);
    assert.deepEqual([app('hr').enforcedBy, app('hr').streams], ['forward-auth', 'refused']);
  });

  it('tell nobody where keys and tokens lie', async () => {
    const { text } = await callLocal(bench, '/api/apps');
    assert.doesNotMatch(text, /\/etc\/cordon/);
  });

  it('say what the gateway last told of an upstream', async () => {
    await bench.journal.append(
      buildEvent({
        ...{ class: 'networkActivity', activity: 'fail', time: START, message: 'upstream is unhealthy' },
        cordon: { upstream: { app: 'shop', origin: other, turn: 'unhealthy', why: 'connect ECONNREFUSED' } },
      }),
    );
    const app = await ask();
    assert.deepEqual(app('shop').upstreams, [
      { origin: one },
      { origin: other, last: { to: 'unhealthy', why: 'connect ECONNREFUSED', at: START } },
    ]);
  });
});
