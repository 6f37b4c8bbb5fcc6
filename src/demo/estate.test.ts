import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { classify } from '#assets';
import { parseConfiguration } from '#config';
import { effectiveTier, type LedgerRow, TrustGraph } from '#model';
import { connectPolicies } from '#policy';
import { type Plan, planInputs, planMatrix, planSegments, traceFlow } from '#segmentation';
import { demoAssets } from './assets.ts';
import { postureOf } from './health.ts';
import { demoWorkloads } from './network.ts';
import { PEOPLE, userOf } from './people.ts';
import { seededRandom } from './random.ts';
import { DEMO_SOURCE } from './source.ts';
import { NOW, policiesOf } from './testdata/installation.ts';

const ASSETS = classify(demoAssets(NOW), NOW);

function configuration(): ReturnType<typeof parseConfiguration> & { ok: true } {
  const parsed = parseConfiguration({ file: 'demo', ...DEMO_SOURCE, directory: '/nowhere' });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed;
}

function plan(): Plan {
  const { segments } = configuration().value;
  const graph = new TrustGraph();
  graph.load({
    seq: 1,
    entities: [
      ...demoWorkloads().map((body) => ({ kind: 'workload', id: body.id, body }) as const),
      ...segments.map((body) => ({ kind: 'segment', id: body.id, body }) as const),
    ],
  });
  return planSegments(planInputs(graph, connectPolicies(policiesOf(DEMO_SOURCE.policies))));
}

describe('the policies of the demo', () => {
  it('validate without a warning', () => {
    assert.deepEqual(policiesOf(DEMO_SOURCE.policies).warnings, []);
  });

  it('each have an id and a title', () => {
    const own = policiesOf(DEMO_SOURCE.policies).policies.filter(({ builtin }) => !builtin);
    assert.ok(own.length >= 20);
    for (const { id, title } of own) {
      assert.doesNotMatch(id, /#\d+$/, `${id} has no @id`);
      assert.notEqual(title, '', `${id} has no @title`);
    }
  });

  it('ask all four questions', () => {
    const actions = new Set(policiesOf(DEMO_SOURCE.policies).policies.flatMap(({ action }) => action.split(', ')));
    assert.deepEqual([...actions].sort(), ['access', 'connect', 'manage', 'view']);
  });
});

describe('the assets of the demo', () => {
  it('lie in two clouds and have all tiers and many kinds', () => {
    assert.ok(ASSETS.length >= 60);
    assert.deepEqual([...new Set(ASSETS.map(({ provider }) => provider))].sort(), ['aws', 'azure']);
    assert.deepEqual(new Set(ASSETS.map(({ computedTier }) => computedTier)), new Set([0, 1, 2, 3]));
    assert.ok(new Set(ASSETS.map(({ kind }) => kind)).size >= 15);
  });

  it('have ledgers that add up to their impact and tier', () => {
    for (const { name, ledger, impact, computedTier } of ASSETS) {
      assert.equal(impactOf(ledger), impact, name);
      assert.equal(computedTier, impact >= 85 ? 0 : impact >= 65 ? 1 : impact >= 35 ? 2 : 3, name);
      for (const [index, row] of ledger.entries()) {
        assert.equal(row.contribution, tenth(impact - impactOf(ledger.toSpliced(index, 1))), `${name}: ${row.reason}`);
      }
    }
  });

  it('have relations that lead somewhere and ids of their own', () => {
    const ids = new Set(ASSETS.map(({ id }) => id));
    assert.equal(ids.size, ASSETS.length);
    for (const { name, relations } of ASSETS)
      for (const { to } of relations) assert.ok(ids.has(to), `${name} -> ${to}`);
  });

  it('stand behind the apps, so that every tier has one', () => {
    const byId = new Map(ASSETS.map((asset) => [asset.id, asset]));
    const tiers = configuration().value.apps.map(({ id, assetId, tier }) => {
      if (assetId === undefined) return tier;
      const asset = byId.get(assetId);
      assert.ok(asset, `the asset of ${id} is not in the demo`);
      return effectiveTier(asset, NOW);
    });
    assert.deepEqual(new Set(tiers), new Set([0, 1, 2, 3]));
  });
});

describe('the apps of the demo', () => {
  it('never lead to a host that exists', () => {
    for (const { id, builtin, upstream } of configuration().value.apps) {
      if (builtin === undefined) assert.match(new URL(upstream ?? '').hostname, /\.invalid$/, id);
    }
  });
});

describe('the people of the demo', () => {
  it('are ten, in groups that exist, at a domain for documentation', () => {
    const groups = new Set(configuration().value.groups.map(({ id }) => id));
    const users = PEOPLE.map((person) => userOf(person, NOW));
    assert.equal(new Set(users.map(({ email }) => email)).size, 10);
    for (const { email, groups: own } of users) {
      assert.match(email, /^[a-z]+\.[a-z]+@example\.org$/);
      for (const group of own) assert.ok(groups.has(group), `${email} is in ${group}`);
    }
  });

  it('leave the place of the first administrator free', () => {
    const active = PEOPLE.filter(({ status, groups }) => status === 'active' && groups.includes('admins'));
    assert.deepEqual(active, []);
  });

  it('want apps that exist', () => {
    const apps = new Set(configuration().value.apps.map(({ id }) => id));
    for (const { name, day } of PEOPLE)
      for (const [app] of day?.apps ?? []) assert.ok(apps.has(app), `${name}: ${app}`);
  });
});

describe('the segments of the demo', () => {
  it('hold all twenty workloads of both clouds, each segment some', () => {
    const workloads = demoWorkloads();
    assert.equal(workloads.length, 20);
    const { classes } = planMatrix(plan());
    assert.ok(classes.every(({ segments }) => segments.length > 0));
    const used = new Set(classes.flatMap(({ segments }) => segments));
    assert.deepEqual(
      [...used].sort(),
      configuration()
        .value.segments.map(({ id }) => id)
        .sort(),
    );
  });

  it('plan without a problem', () => {
    assert.deepEqual(plan().problems, []);
  });

  for (const [from, to, port, verdict, reason] of [
    ['web-1', 'api-1', 8443, 'allowed', 'permit'],
    ['api-1', 'orders-db-1', 5432, 'allowed', 'permit'],
    ['etl-1', 'api-2', 8443, 'allowed', 'permit'],
    ['jump-1', 'people-db-1', 22, 'allowed', 'permit'],
    ['ci-1', 'portal-2', 22, 'allowed', 'permit'],
    ['web-1', 'orders-db-1', 5432, 'denied', 'no-permit'],
    ['web-1', 'web-2', 22, 'denied', 'no-permit'],
    ['api-3', 'orders-db-1', 5432, 'denied', 'forbidden'],
    ['ci-1', 'orders-db-1', 5432, 'denied', 'forbidden'],
    ['api-1', 'people-db-1', 5432, 'denied', 'forbidden'],
  ] as const) {
    it(`${verdict === 'allowed' ? 'let' : 'keep'} ${from} ${verdict === 'allowed' ? 'to' : 'from'} ${to} tcp/${port}`, () => {
      const trace = traceFlow(plan(), { from, to, protocol: 'tcp', port });
      assert.deepEqual([trace.verdict, trace.reason], [verdict, reason], trace.detail);
    });
  }
});

describe('the health of the demo', () => {
  it('knows the checks of the reference by id and title, in order', () => {
    const reference = readFileSync(new URL('../../docs/reference/posture.md', import.meta.url), 'utf8');
    const rows = [...reference.matchAll(/^\| `([a-z-]+)` \| ([^|]+?) \| (?:yes|no) \|/gm)].map(([, id, title]) => [
      id,
      title,
    ]);
    assert.deepEqual(
      postureOf('well', NOW).results.map(({ check, title }) => [check, title]),
      rows,
    );
  });

  for (const [health, verdict] of [
    ['well', 'healthy'],
    ['outdated', 'unhealthy'],
    ['open', 'unhealthy'],
    ['clock-unknown', 'healthy'],
    ['server', 'healthy'],
    ['server-outdated', 'unhealthy'],
    ['server-unread', 'unknown'],
  ] as const) {
    it(`of a device that is ${health} is ${verdict}, and every failing check says how to pass it`, () => {
      const posture = postureOf(health, NOW);
      assert.equal(posture.verdict, verdict);
      for (const { outcome, fix } of posture.results)
        assert.equal(fix === undefined, outcome === 'pass' || outcome === 'not-applicable');
    });
  }
});

describe('the dice of the demo', () => {
  it('fall the same way every time', () => {
    const throws = (seed: number): number[] => {
      const random = seededRandom(seed);
      return Array.from({ length: 20 }, () => random.between(1, 6));
    };
    assert.deepEqual(throws(1), throws(1));
    assert.notDeepEqual(throws(1), throws(2));
  });

  it('stay within their bounds and reach them', () => {
    const random = seededRandom(7);
    const seen = new Set(Array.from({ length: 500 }, () => random.between(3, 6)));
    assert.deepEqual(seen, new Set([3, 4, 5, 6]));
  });

  it('pick by weight, and never what weighs nothing', () => {
    const random = seededRandom(7);
    const picked = Array.from({ length: 1000 }, () =>
      random.weighted([
        ['a', 3],
        ['b', 1],
        ['c', 0],
      ]),
    );
    const count = (item: string): number => picked.filter((one) => one === item).length;
    assert.equal(count('c'), 0);
    assert.ok(count('a') > 2 * count('b') && count('b') > 100);
  });
});

/** The formula of docs/reference/assets.md, written a second time. */
function impactOf(rows: readonly LedgerRow[]): number {
  const factors = new Set(rows.filter(({ factor }) => factor !== 'floor').map(({ factor }) => factor));
  const floor = Math.max(0, ...rows.filter(({ factor }) => factor === 'floor').map(({ s }) => s));
  const none = [...factors].map((factor) => {
    const own = rows.filter((row) => row.factor === factor);
    const absent = own.reduce((product, { s }) => product * (1 - s), 1);
    return 1 - (own[0]?.w ?? 0) * (1 - absent);
  });
  return tenth(100 * Math.max(floor, 1 - none.reduce((product, value) => product * value, 1)));
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}
