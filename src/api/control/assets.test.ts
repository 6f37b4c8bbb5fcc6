import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { z } from 'zod';
import type { CONTROL_ROUTES } from '#contract';
import type { Asset, OcsfEvent, Tier } from '#model';
import { type ApiBench, HOSTS, openApiBench, START } from '../testdata/api-bench.ts';
import { callLocal, enrol, type Person, type Reply } from '../testdata/browser.ts';

const HOUR = 3_600_000;

describe('assets over the API', () => {
  let bench: ApiBench;
  let ada: Person;

  before(async () => {
    bench = await openApiBench();
    ada = await enrol(bench, 'ada@example.org');
    await ada.browser.visit(`http://${HOSTS.console}:${bench.port}/`);
    await bench.store.transact('system', async (tx) => {
      await tx.put('asset', asset('people', { computedTier: 0, impact: 95, labels: { data: 'pii' } }));
      await tx.put('asset', asset('orders', { computedTier: 1, impact: 70, kind: 'database' }));
      await tx.put('asset', asset('wiki', { computedTier: 3, impact: 10, account: '999900001111' }));
      await tx.put('asset', asset('web', { computedTier: 3, impact: 20, region: 'eu-west-1' }));
      const app = await tx.get('app', 'wiki');
      if (app !== undefined) await tx.put('app', { ...app, assetId: 'wiki' });
    });
  });
  after(async () => await bench.close());

  const list = async (query = ''): Promise<{ ids: string[]; total: number }> => {
    const reply = await ada.browser.call(HOSTS.console, `/api/assets${query}`);
    assert.equal(reply.status, 200, reply.text);
    const { items, total } = reply.json<z.output<typeof CONTROL_ROUTES.assets.response>>();
    return { ids: items.map(({ id }) => id), total };
  };
  const call = async (method: string, path: string, body?: object): Promise<Reply> =>
    await ada.browser.call(HOSTS.console, path, { method, body });
  type Detail = z.output<typeof CONTROL_ROUTES.asset.response>;
  const newest = (): OcsfEvent | undefined => bench.journal.recent(1)[0];

  it('lists what matters most first', async () => {
    assert.deepEqual(await list(), { ids: ['people', 'orders', 'web', 'wiki'], total: 4 });
  });

  const filters: readonly (readonly [query: string, ids: readonly string[], total: number])[] = [
    ['?kind=database', ['orders'], 1],
    ['?tier=3', ['web', 'wiki'], 2],
    ['?tier=2', [], 0],
    ['?search=PII', ['people'], 1],
    ['?search=data%3Dpii', ['people'], 1],
    ['?search=9999', ['wiki'], 1],
    ['?search=eu-west', ['web'], 1],
    ['?search=', ['people', 'orders', 'web', 'wiki'], 4],
    ['?search=nothing%20like%20it', [], 0],
    ['?kind=database&tier=3', [], 0],
    ['?limit=2', ['people', 'orders'], 4],
    ['?limit=2&offset=3', ['wiki'], 4],
    ['?offset=4', [], 4],
  ];
  for (const [query, ids, total] of filters) {
    it(`answers ${query} with ${ids.join(', ') || 'nothing'} of ${total}`, async () => {
      assert.deepEqual(await list(query), { ids, total });
    });
  }

  it('explains a tier by its ledger', async () => {
    const detail = (await call('GET', '/api/assets/people')).json<Detail>();
    assert.equal(detail.tier, 0);
    assert.equal(detail.reason, 'holds personal data: label data=pii');
    assert.deepEqual(
      detail.ledger.map(({ ruleId, contribution }) => ({ ruleId, contribution })),
      [{ ruleId: 'data-label', contribution: 95 }],
    );
    assert.match(detail.counterfactual ?? '', /^without holds personal data this would be T/);
    assert.equal(detail.override, undefined);
    assert.deepEqual((await call('GET', '/api/assets/wiki')).json<Detail>().apps, ['wiki.localhost']);
  });

  it('raises a tier in the name of the person, until it expires, with an event', async () => {
    const body = { tier: 0, reason: 'holds the recovery plan', expiresInHours: 2 };
    const raised = (await call('PUT', '/api/assets/wiki/tier', body)).json<Detail>();
    assert.equal(raised.tier, 0);
    assert.equal(raised.computedTier, 3);
    assert.equal(raised.overridden, true);
    assert.deepEqual(raised.override, {
      tier: 0,
      reason: 'holds the recovery plan',
      by: `user:${ada.userId}`,
      at: START,
      expiresAt: START + 2 * HOUR,
    });
    const event = newest();
    assert.equal(event?.class_uid, 3004);
    assert.equal(event?.unmapped?.cordon['actor'], `user:${ada.userId}`);
    assert.equal(event?.message, 'tier of wiki changed from T3 to T0: holds the recovery plan');
    const apps = (await call('GET', '/api/apps')).json<z.output<typeof CONTROL_ROUTES.apps.response>>();
    assert.equal(apps.items[0]?.tier, 0, 'the app is as critical as what it leads to');
    assert.deepEqual([apps.items[0].enforcedBy, apps.items[0].streams], ['gateway', 'cut']);
    bench.clock.advance(2 * HOUR);
    const later = (await call('GET', '/api/assets/wiki')).json<Detail>();
    assert.deepEqual([later.tier, later.overridden, later.override], [3, false, undefined]);
    bench.clock.advance(-2 * HOUR);
  });

  it('takes an override away, once', async () => {
    const cleared = (await call('DELETE', '/api/assets/wiki/tier')).json<Detail>();
    assert.equal(cleared.tier, 3);
    assert.match(newest()?.message ?? '', /from T0 to T3: cleared by user:/);
    const again = await call('DELETE', '/api/assets/wiki/tier');
    assert.equal(`${again.status} ${again.code()}`, '409 asset-not-overridden');
  });

  it('imports a saved account for the operator, and says what it could not use', async () => {
    const directory = join(bench.folder, 'account');
    mkdirSync(join(directory, 'eu-central-1'), { recursive: true });
    const write = (name: string, content: unknown): void =>
      writeFileSync(
        join(directory, 'eu-central-1', name),
        typeof content === 'string' ? content : JSON.stringify(content),
      );
    write('sts-get-caller-identity.json', { Account: '111122223333' });
    write('ec2-describe-vpcs.json', { Vpcs: [{ VpcId: 'vpc-1', CidrBlock: '10.0.0.0/16' }] });
    write('ec2-describe-subnets.json', '{ broken');
    write('quantum-list-devices.json', { Devices: [] });
    const sent = { method: 'POST', body: { provider: 'aws', directory } };
    const reply = await callLocal(bench, '/api/discover', sent);
    assert.equal(reply.status, 200, reply.text);
    const report = reply.json<z.output<typeof CONTROL_ROUTES.discover.response>>();
    assert.ok(report.assets > 0);
    assert.equal(report.created, report.assets);
    assert.equal(report.byTier.length, 4);
    assert.equal(
      report.byTier.reduce((sum, count) => sum + count, 0),
      report.assets,
    );
    assert.equal(
      Object.values(report.byKind).reduce((sum, count) => sum + count, 0),
      report.assets,
    );
    assert.deepEqual(report.unknownFiles, ['eu-central-1/quantum-list-devices.json']);
    assert.ok(report.problems.some(({ code, source }) => code === 'json-invalid' && source?.line === 1));
    assert.equal(newest()?.unmapped?.cordon['actor'], 'local:1000');
    const again = (await callLocal(bench, '/api/discover', sent)).json<typeof report>();
    assert.deepEqual([again.created, again.updated, again.unchanged], [0, 0, report.assets]);
  });

  it('imports nothing from a relative path, which would mean another folder than the one the operator sees', async () => {
    const body = { provider: 'aws', directory: 'account' };
    const reply = await callLocal(bench, '/api/discover', { method: 'POST', body });
    assert.equal(`${reply.status} ${reply.code()}`, '400 request-invalid');
    const missing = { provider: 'aws', directory: join(bench.folder, 'nothing') };
    const nothing = await callLocal(bench, '/api/discover', { method: 'POST', body: missing });
    assert.equal(nothing.code(), 'asset-directory-unreadable');
  });
});

function asset(id: string, changes: Partial<Asset> & { readonly computedTier: Tier; readonly impact: number }): Asset {
  return {
    id,
    kind: 'compute.instance',
    name: id,
    provider: 'aws',
    account: '111122223333',
    region: 'us-east-1',
    labels: {},
    attributes: {},
    relations: [],
    source: 'a.json',
    observedAt: START,
    confidence: 0.5,
    ledger: [
      {
        factor: 'D',
        s: changes.impact / 100,
        w: 1,
        contribution: changes.impact,
        ruleId: 'data-label',
        ruleVersion: 1,
        reason: 'holds personal data: label data=pii',
        evidence: ['a.json#$.A[0]'],
        observedAt: START,
      },
    ],
    ...changes,
  };
}
