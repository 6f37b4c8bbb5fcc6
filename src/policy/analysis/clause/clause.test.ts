import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parsePolicy, type PolicyEst } from '../../engine.ts';
import { compileConditions } from '../../evaluate/policy.ts';
import type { Question } from '../../evaluate/question.ts';
import { Failure } from '../../evaluate/value.ts';
import type { CedarQuestion } from '../../mapping.ts';
import { clausesOf, clauseText, holds } from './clause.ts';
import { factsOf } from './facts.ts';
import { toQuestion } from './to-question.ts';

function estOf(conditions: string): PolicyEst {
  const parsed = parsePolicy(`permit (principal, action, resource) ${conditions};`, false);
  if (!parsed.ok) throw new Error(parsed.error[0]?.message);
  return parsed.value;
}

function asked(context: Readonly<Record<string, unknown>>): Question {
  const question: CedarQuestion = {
    principal: { type: 'User', id: 'ada' },
    action: { type: 'Action', id: 'access' },
    resource: { type: 'App', id: 'wiki' },
    context,
    entities: [
      {
        uid: { type: 'User', id: 'ada' },
        attrs: { email: 'ada@example.org' },
        parents: [{ type: 'Group', id: 'staff' }],
      },
      { uid: { type: 'App', id: 'wiki' }, attrs: { tier: 1 }, parents: [], tags: { env: 'prod' } },
    ],
  };
  const made = toQuestion(question);
  if (!made.ok) throw new Error(made.error);
  return made.value;
}

describe('clausesOf', () => {
  const splits: [string, string[]][] = [
    [
      'when { context.a && context.b && context.c }',
      ['when { context.a }', 'when { context.b }', 'when { context.c }'],
    ],
    ['unless { context.a || context.b }', ['unless { context.a }', 'unless { context.b }']],
    ['when { context.a || context.b }', ['when { context.a || context.b }']],
    ['unless { context.a && context.b }', ['unless { context.a && context.b }']],
    ['when { !(context.a || context.b) }', ['when { !context.a }', 'when { !context.b }']],
    ['unless { !(context.a && context.b) }', ['unless { !context.a }', 'unless { !context.b }']],
    ['when { context.a } unless { context.b }', ['when { context.a }', 'unless { context.b }']],
    ['', []],
  ];
  for (const [conditions, expected] of splits)
    it(`takes \`${conditions}\` apart`, () => assert.deepEqual(clausesOf(estOf(conditions)).map(clauseText), expected));

  it('comes to what the whole condition comes to, whatever the values and errors', () => {
    const leaf = fc.constantFrom('context.a', 'context.b', 'context.missing', 'context.n', 'context.n < 2');
    const { tree } = fc.letrec<{ tree: string }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.tuple(tie('tree'), fc.constantFrom('&&', '||'), tie('tree')).map(([a, op, b]) => `(${a}) ${op} (${b})`),
        tie('tree').map((a) => `!(${a})`),
      ),
    }));
    const conditions = fc
      .array(fc.tuple(fc.constantFrom('when', 'unless'), tree), { maxLength: 3 })
      .map((all) => all.map(([kind, body]) => `${kind} { ${body} }`).join(' '));
    const context = fc.record({ a: fc.boolean(), b: fc.boolean(), n: fc.integer({ min: 0, max: 3 }) });
    fc.assert(
      fc.property(conditions, context, (text, values) => {
        const [est, question] = [estOf(text), asked(values)];
        const whole = compileConditions(est.conditions)?.(question) ?? true;
        const first = clausesOf(est)
          .map((clause) => holds(clause, question))
          .find((outcome) => outcome !== true);
        const message = (outcome: unknown): unknown => (outcome instanceof Failure ? outcome.message : outcome);
        assert.equal(message(first ?? true), message(whole));
      }),
      { numRuns: 300 },
    );
  });
});

describe('factsOf', () => {
  const cases: [string, [string, string][]][] = [
    ['context.session.aal < 2', [['context.session.aal', '1']]],
    ['principal in Group::"x"', [['principal', 'User::"ada" in Group::"staff"']]],
    ['resource has asset', [['resource has asset', 'false']]],
    ['resource.getTag("env") == "test"', [['resource.getTag("env")', '"prod"']]],
    ['context.ip.isInRange(ip("10.0.0.0/8"))', [['context.ip', 'ip("192.0.2.7")']]],
    ['["a"].contains(context.session.acr)', [['context.session.acr', '"weak"']]],
    ['context.missing', [['context.missing', 'nothing: the context does not have the attribute `missing`']]],
    ['context.session.aal == 1 && context.session.aal == 2', [['context.session.aal', '1']]],
  ];
  const context = { session: { aal: 1, acr: 'weak' }, ip: { __extn: { fn: 'ip', arg: '192.0.2.7' } } };
  for (const [expression, expected] of cases) {
    it(`says what \`${expression}\` looked at`, () => {
      const [condition] = estOf(`when { ${expression} }`).conditions;
      const facts = factsOf(condition?.body, asked(context)).map(({ expression: name, value }) => [name, value]);
      assert.deepEqual(facts, expected);
    });
  }
});
