import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AnyEntity, Asset } from '#model';
import { ask, decideAccess, evidenceOf } from '../../decide.ts';
import { access, load } from '../../testdata/estate.ts';
import { smallestChange } from './smallest-change.ts';

const ASSET: Asset = {
  id: 'as1',
  kind: 'database',
  name: 'billing',
  provider: 'cordon',
  account: 'a',
  region: 'r',
  labels: { env: 'test' },
  attributes: {},
  relations: [],
  source: 'test',
  observedAt: 0,
  computedTier: 3,
  impact: 0,
  confidence: 1,
  ledger: [],
};
const WITH_ASSET = { app: { assetId: 'as1' }, more: [{ kind: 'asset', id: 'as1', body: ASSET } satisfies AnyEntity] };

/** The steps that would let Ada in (GET / at noon, best session and device), each asked again. */
function steps(text: string): string[] | undefined {
  const policies = load({ 'a.cedar': text });
  const question = evidenceOf(decideAccess(access(policies, WITH_ASSET)))?.question?.();
  assert.ok(question !== undefined);
  const change = smallestChange(policies, question, 4000);
  if (change !== undefined) assert.equal(ask(policies, change.question).outcome, 'permit');
  return change?.steps.map(({ words }) => words);
}

const HEAD = 'permit (principal, action == Action::"access", resource)';

describe('what would make a permit hold', () => {
  const cases: [string, string[] | undefined][] = [
    ['when { context.method == "POST" }', ['use the method `POST`']],
    ['when { "POST" == context.method }', ['use the method `POST`']],
    ['when { ["PUT", "POST"].contains(context.method) }', ['use the method `PUT`']],
    ['when { context.path like "/admin/*" }', ['open `/admin/`']],
    ['when { context.host == "x.localhost" }', ['open the host `x.localhost`']],
    ['when { !context.secure }', ['use plain HTTP']],
    ['when { context.secure == false }', ['use plain HTTP']],
    ['when { context.ip.isLoopback() }', ['come from the machine that Cordon runs on']],
    ['when { context.ip.isInRange(ip("2001:db8::/32")) }', ['come from `2001:db8::/32`']],
    ['when { context.now >= datetime("2027-01-01") }', ['ask when `context.now >= datetime("2027-01-01")` holds']],
    [
      'when { context.now > datetime("2027-01-01T08:00:00Z") }',
      ['ask when `context.now > datetime("2027-01-01T08:00:00Z")` holds'],
    ],
    ['when { context.now.toTime() < duration("6h") }', ['ask when `context.now.toTime() < duration("6h")` holds']],
    [
      'unless { context.now.toTime() < duration("13h30m") }',
      ['ask when `context.now.toTime() < duration("13h30m")` does not hold'],
    ],
    ['when { principal in [Group::"a", Group::"b"] }', ['be in the group `a`']],
    ['when { principal in Group::"a" || context.method == "POST" }', ['use the method `POST`']],
    ['when { resource.name == "Payroll" }', ['`resource.name` would have to be `Payroll`']],
    ['when { 3 > resource.tier }', ['`resource.tier` would have to be `2`']],
    [
      'when { resource has asset && resource.asset.getTag("env") == "production" }',
      ['the label `env` of `resource.asset` would have to be `production`'],
    ],
    [
      'when { resource has asset && resource.asset.kind == "bucket" }',
      ['`resource.asset.kind` would have to be `bucket`'],
    ],
    [
      'when { resource has asset && resource.asset.hasTag("owner") }',
      ['the label `owner` of `resource.asset` would have to be `any`'],
    ],
    ['when { context.method == "POST" && context.path == "/x" }', ['use the method `POST`', 'open `/x`']],
    // What nobody can bring about is not proposed.
    ['when { 3 < resource.tier }', undefined],
    ['when { principal.email == "eve@example.org" }', undefined],
    ['when { context.method == "POST" && context.method == "PUT" }', undefined],
  ];
  for (const [conditions, expected] of cases) {
    it(`\`${conditions}\`: ${expected?.join(', and ') ?? 'nothing'}`, () =>
      assert.deepEqual(
        steps(`${HEAD} ${conditions};`.replace('getTag("env") ==', 'hasTag("env") && resource.asset.getTag("env") ==')),
        expected,
      ));
  }

  it('is never to be somebody else', () => {
    assert.equal(steps('permit (principal == User::"eve", action == Action::"access", resource);'), undefined);
  });
});

describe('what would make a forbid not hold', () => {
  const cases: [string, string[] | undefined][] = [
    ['unless { principal in Group::"a" }', ['be in the group `a`']],
    [
      'when { context.ip.isInRange(ip("192.0.2.0/24")) } unless { context.method == "HEAD" }',
      ['use the method `HEAD`'],
    ],
    ['when { resource.tier >= 3 }', ['`resource.tier` would have to be `2`']],
    ['when { context.secure }', ['use plain HTTP']],
    ['', undefined],
  ];
  for (const [conditions, expected] of cases) {
    it(`\`${conditions}\`: ${expected?.join(', and ') ?? 'nothing'}`, () =>
      assert.deepEqual(
        steps(`${HEAD};\nforbid (principal, action == Action::"access", resource) ${conditions};`),
        expected,
      ));
  }
});
