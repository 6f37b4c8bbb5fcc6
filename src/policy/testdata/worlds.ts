import fc from 'fast-check';
import { ACR_VALUES, type AnyEntity, type Asset, type Tier } from '#model';
import { type Differences, NOW } from './estate.ts';

/** What may stand behind the app. */
export const asset: Asset = {
  id: 'db1',
  kind: 'database',
  name: 'Database',
  provider: 'aws',
  account: '1',
  region: 'eu',
  labels: { env: 'production' },
  attributes: {},
  relations: [],
  source: 'test',
  observedAt: NOW,
  computedTier: 1,
  impact: 50,
  confidence: 1,
  ledger: [],
};
const other: AnyEntity = {
  kind: 'user',
  id: 'u2',
  body: { id: 'u2', email: 'eve@example.org', name: 'Eve', groups: ['platform'], status: 'active', createdAt: 0 },
};

/** Worlds that differ in all that a question is made from. */
export const worlds: fc.Arbitrary<Differences> = fc.record(
  {
    user: fc.record({
      groups: fc.subarray(['engineering', 'platform', 'sales', 'admins']),
      name: fc.constantFrom('Ada', 'Bob', '\\u{1F600}'),
    }),
    app: fc.record({
      tier: fc.constantFrom<Tier[]>(0, 1, 2, 3),
      device: fc.constantFrom('any' as const, 'known' as const, 'healthy' as const),
    }),
    session: fc.record({
      acr: fc.constantFrom(...ACR_VALUES),
      authenticatedAt: fc.constantFrom(NOW - 4_000_000, NOW - 600_001, NOW - 1, NOW, NOW + 100_000),
      amr: fc.subarray(['sms', 'hwk', 'user', 'mfa']),
    }),
    device: fc.record({ ownerId: fc.constantFrom('u1', 'u2', 'gone'), managed: fc.boolean() }),
    riskOfUser: fc.integer({ min: 0, max: 100 }),
    without: fc.constantFrom('device' as const),
    more: fc.subarray<AnyEntity>([other, { kind: 'asset', id: 'db1', body: asset }]),
  },
  { requiredKeys: [] },
);
