import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { answersOf, campaign, type Divergence } from './fuzz/campaign.ts';
import { difference, differenceOfAnswers, type Front, frontSide } from './fuzz/compare.ts';
import type { Tally } from './fuzz/tally.ts';
import { operatorsOf, policyText, term } from './fuzz/term.ts';
import { exactJson, keptCaseText, readKeptCase, type Told, toldOf } from './fuzz/told.ts';
import { randomScenario } from './fuzz/world.ts';

const KEPT = join(import.meta.dirname, 'testdata', 'divergences');

/** What every run has to reach; a generator that lost one of these would go on to agree with Cedar about nothing. */
const OPERATORS = [
  ...[
    'permit',
    'forbid',
    'when',
    'unless',
    'template',
    'bool',
    'long',
    'string',
    'entity',
    'set',
    'record',
    'var',
    'get',
  ],
  ...[
    'principal all',
    'principal ==',
    'principal in',
    'principal is',
    'principal is in',
    'action all',
    'action ==',
    'action in',
  ],
  ...['resource all', 'resource ==', 'resource in', 'resource is', 'resource is in'],
  ...[
    '==',
    '!=',
    '<',
    '<=',
    '>',
    '>=',
    '&&',
    '||',
    '!',
    '+',
    '-',
    '*',
    'neg',
    'in',
    'is',
    'is in',
    'has',
    'has a.b',
    'like',
    'if',
  ],
  ...['contains', 'containsAll', 'containsAny', 'isEmpty', 'hasTag', 'getTag'],
  ...['decimal', 'lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'],
  ...['ip', 'isIpv4', 'isIpv6', 'isLoopback', 'isMulticast', 'isInRange'],
  ...['datetime', 'offset', 'durationSince', 'toDate', 'toTime'],
  ...['duration', 'toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays'],
];

describe('the evaluator', () => {
  let tally: Tally | undefined;

  it('answers 5,000 random questions as Cedar does, with and without its index', async () => {
    const run = await campaign({ seed: 1, decisions: 5000, mostPolicies: 40 });
    tally = run.tally;
    const shown = run.divergences.map((one) =>
      JSON.stringify(exactJson({ ...one, world: toldOf(one.world), ...answersOf(one) })),
    );
    assert.deepEqual(shown, []);
    assert.ok(tally.decisions >= 5000);
  });

  it('was asked questions of every kind, about every operator', () => {
    assert.ok(tally !== undefined);
    const { decisions, allow, denyByForbid, defaultDeny, withErrors, withSchema, refused, operators } = tally;
    for (const [kind, share] of Object.entries({ allow, denyByForbid, defaultDeny, withErrors, withSchema }))
      assert.ok(share > decisions * 0.04, `${kind}: ${share}`);
    assert.ok(refused > 0 && refused < decisions * 0.1, `refused: ${refused}`);
    assert.deepEqual(
      OPERATORS.filter((name) => (operators.get(name)?.policies ?? 0) < 5),
      [],
    );
    assert.deepEqual(
      OPERATORS.filter((name) => (operators.get(name)?.determining ?? 0) === 0),
      [],
    );
  });

  for (const file of existsSync(KEPT) ? readdirSync(KEPT) : [])
    it(`agrees with Cedar about ${file}`, () => {
      const { note, world, request } = readKeptCase(readFileSync(join(KEPT, file), 'utf8'));
      assert.equal(difference(world, request), undefined, note);
    });
});

describe('the comparison', () => {
  const same = { decision: 'deny', reason: ['a'], errors: [] } as const;

  it('tells a difference in the decision, the determining policies and the errors', () => {
    assert.equal(differenceOfAnswers(same, { ...same }), undefined);
    assert.equal(differenceOfAnswers({ ...same, decision: 'allow' }, same), 'decision');
    assert.equal(differenceOfAnswers({ ...same, decision: 'refused' }, same), 'refusal');
    assert.equal(differenceOfAnswers({ ...same, reason: [] }, same), 'reason');
    assert.equal(differenceOfAnswers({ ...same, errors: ['b'] }, same), 'errors');
  });

  it('makes the same world of the same seed', () => {
    const text = (seed: number): string => JSON.stringify(exactJson(randomScenario(seed).world));
    assert.equal(text(11), text(11));
    assert.notEqual(text(11), text(12));
  });

  it('keeps integers beyond 2^53 in files', () => {
    const told = toldOf(randomScenario(3).world);
    const request = {
      principal: { type: 'A', id: '' },
      action: { type: 'Action', id: '__proto__' },
      resource: { type: 'A', id: '"' },
      context: Object.fromEntries([['__proto__', [9223372036854775807n, -9007199254740993n, 9007199254740991]]]),
    };
    const kept = { note: 'none', world: told, request };
    assert.deepEqual(readKeptCase(keptCaseText(kept)), kept);
  });

  it('finds an engine that is wrong about one operator, and shows it with one policy and no more than it needs', async () => {
    // This engine overlooks every policy that uses `like`.
    const broken = (told: Told): Front => {
      const front = frontSide(told);
      const isSeen = (id: string): boolean => !`${told.policies[id] ?? ''}`.includes(' like ');
      const ask: Front['ask'] = (request) => {
        const { decision, reason, errors } = front.ask(request);
        return { decision, reason: reason.filter(isSeen), errors: errors.filter(isSeen) };
      };
      return { ...front, ask, askWithoutIndex: ask };
    };
    let first: Divergence | undefined;
    await campaign({
      seed: 1,
      decisions: 1000,
      mostPolicies: 20,
      front: broken,
      progress: (_tally, [found]) => {
        first = found;
      },
      isOver: () => first !== undefined,
    });
    assert.ok(first !== undefined);
    const { policies, entities } = first.world;
    assert.deepEqual([policies.length, first.world.links, first.request !== undefined], [1, [], true]);
    assert.ok(entities.length <= 2, JSON.stringify(exactJson(entities)));
    assert.ok(policyText(policies[0] ?? assert.fail()).length < 200);
  });
});

describe('the text of a policy', () => {
  it('escapes strings, patterns and names, and brackets every operand', () => {
    const body = term(
      '||',
      [],
      [
        term('like', ['', 'a*"\\\n', ''], [term('get', ['if'], [term('var', ['context'])])]),
        term('has', ['a', 'b'], [term('var', ['principal'])]),
      ],
    );
    const scope = { form: 'all', type: '', entities: [] } as const;
    const policy = {
      id: 'p',
      effect: 'forbid',
      annotations: [['note', null]],
      principal: { form: 'is in', type: 'A::B', entities: [{ type: 'C', id: 'x"' }] },
      action: scope,
      resource: { form: '==', type: 'D', entities: [] },
      conditions: [{ kind: 'unless', body }],
    } as const;
    assert.equal(
      policyText(policy),
      '@note\nforbid (principal is A::B in C::"x\\"", action, resource == ?resource)\n' +
        'unless { ((context["if"] like "*a\\*\\"\\\\\\n*") || (principal has a.b)) };',
    );
    assert.deepEqual(
      ['template', 'has a.b', 'like', 'principal is in'].filter((name) => !operatorsOf(policy).includes(name)),
      [],
    );
  });
});
