import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { classify, explainAsset, explanationText } from '#assets';
import { type Asset, TrustGraph } from '#model';
import { asset } from './testdata/tree.ts';

const empty = new TrustGraph();

function ranked(more: Partial<Asset> = {}): Asset {
  const [found] = classify(
    [asset({ id: 'arn:db', kind: 'database', name: 'orders', labels: { criticality: 'high', env: 'prod' }, ...more })],
    0,
  );
  assert.ok(found);
  return found;
}

describe('an explanation', () => {
  it('names the tier, what it would be without the strongest reason, and what there is no evidence about', () => {
    const explanation = explainAsset(ranked(), empty, 0);
    assert.deepEqual([explanation.tier, explanation.computedTier, explanation.override], [0, 0, undefined]);
    assert.deepEqual(explanation.counterfactual, {
      without: 'label criticality=high',
      tier: 1,
      text: 'without label criticality=high this would be T1',
    });
    assert.deepEqual(explanation.missing, ['privilege', 'blast radius', 'dependency', 'structure']);
    assert.deepEqual(explanation.ledger, ranked().ledger);
  });

  it('shows an override while it is in force, and the computed tier beside it', () => {
    const override = { tier: 3, reason: 'copy for tests', by: 'user:ada', at: 0, expiresAt: 100 } as const;
    const item: Asset = { ...ranked(), override };
    const during = explainAsset(item, empty, 99);
    assert.deepEqual([during.tier, during.computedTier, during.override], [3, 0, override]);
    const after = explainAsset(item, empty, 100);
    assert.deepEqual([after.tier, after.override], [0, undefined]);
  });

  it('names the apps through which the asset is reached', () => {
    const graph = new TrustGraph();
    const app = {
      id: 'shop',
      name: 'Shop',
      host: 'shop.localhost',
      assetId: 'arn:db',
      tier: 3,
      device: 'any',
      allowedOrigins: [],
    } as const;
    graph.load({ seq: 1, entities: [{ kind: 'app', id: 'shop', body: app }] });
    assert.deepEqual(explainAsset(ranked(), graph, 0).apps, ['shop.localhost']);
    assert.deepEqual(explainAsset({ ...ranked(), id: 'other' }, graph, 0).apps, []);
  });

  it('of an asset nothing is known about takes nothing away', () => {
    const [bare] = classify([asset({ id: 'a', kind: 'network.vpc' })], 0);
    assert.ok(bare);
    assert.equal(explainAsset(bare, empty, 0).counterfactual, undefined);
  });

  it('as text holds every row with its evidence', () => {
    const override = { tier: 1, reason: 'audit', by: 'user:ada', at: 0 } as const;
    const text = explanationText(explainAsset({ ...ranked(), override }, empty, 0));
    const lines = text.split('\n');
    assert.equal(lines[0], 'orders (database) is T1');
    assert.match(text, /computed {4}T0, impact 8\d(\.\d)? of 100, confidence \d+ %/);
    assert.match(text, /override {4}T1 by user:ada, until cleared: audit/);
    assert.match(text, /label criticality=high/);
    assert.equal(lines.filter((line) => line.trim() === 'a.json#$.A[0]').length, 3);
  });
});
