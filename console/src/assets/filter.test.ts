/// <reference types="node" />
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { filterAssets } from './filter.ts';

type Asset = Parameters<typeof filterAssets>[0][number];

const asset = (name: string, more: Partial<Asset> = {}): Asset => {
  return {
    id: `arn:${name}`,
    name,
    kind: 'database',
    provider: 'aws',
    account: '111122223333',
    region: 'eu-west-1',
    tier: 1,
    reason: 'label env=prod',
    labels: { team: 'Shop' },
    ...more,
  } as unknown as Asset;
};

const ASSETS = [
  asset('orders'),
  asset('wiki', { tier: 3, kind: 'compute.instance', labels: {} }),
  asset('logs', { provider: 'azure' }),
];
const none = { search: '', tier: undefined, kind: undefined, provider: undefined };

describe('the list of assets', () => {
  for (const [name, filter, expected] of [
    ['without a filter is whole', {}, ['orders', 'wiki', 'logs']],
    ['takes an empty choice for none', { tier: '', kind: '', provider: '' }, ['orders', 'wiki', 'logs']],
    ['is narrowed by tier', { tier: '3' }, ['wiki']],
    ['is narrowed by tier 0, which is no empty choice', { tier: '0' }, []],
    ['is narrowed by kind and provider together', { kind: 'database', provider: 'azure' }, ['logs']],
    ['finds a label as key=value, in any case', { search: 'TEAM=shop' }, ['orders', 'logs']],
    ['needs every word, in any order and place', { search: '  eu-west orders ' }, ['orders']],
    ['finds the reason', { search: 'env=prod' }, ['orders', 'wiki', 'logs']],
    ['does not find what is nowhere', { search: 'orders nowhere' }, []],
  ] as const) {
    it(name, () =>
      assert.deepEqual(
        filterAssets(ASSETS, { ...none, ...filter }).map((item) => item.name),
        expected,
      ),
    );
  }
});
