import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parsePolicy } from '../../engine.ts';
import { expressionText } from './expression-text.ts';

/** The form of an expression, as Cedar's own parser gives it. */
function formOf(expression: string): unknown {
  const parsed = parsePolicy(`permit (principal, action, resource) when { ${expression} };`, false);
  if (!parsed.ok) throw new Error(`${expression}: ${parsed.error[0]?.message ?? ''}`);
  return parsed.value.conditions[0]?.body;
}

const EXPRESSIONS: readonly string[] = [
  'true',
  'context.a == -5',
  '-context.a < 3 * (context.b + 2) - 1',
  'context.a - (context.b - context.c) > 0',
  '-(-5) == 5',
  '!(context.a && context.b) || !context.c',
  '(context.a || context.b) && context.c',
  'context.a || context.b && context.c',
  'if context.a then context.b else context.c',
  '(if context.a then context.b else context.c) && context.d',
  'principal in Group::"a"',
  'principal in [Group::"a", Group::"b \\"quoted\\""]',
  'principal is User in Group::"a"',
  'principal is Ns::User',
  'resource has asset',
  'resource has "a b"',
  'resource has asset.owner',
  'resource["a b"]["if"]["in"] == "x"',
  'resource.asset.hasTag("env") && resource.asset.getTag("env") == "prod"',
  'context.path like "/a*b\\*c"',
  'context.ip.isInRange(ip("10.0.0.0/8"))',
  'context.now.toTime() >= duration("20h")',
  'context.now.offset(duration("-1d")) < datetime("2026-01-01")',
  'decimal("1.50").lessThan(context.d)',
  '["a", "b"].contains(context.method)',
  'context.s.containsAny(["a"]) && context.s.containsAll([]) && context.s.isEmpty()',
  '{a: 1, "b c": [2]}.a == 1',
  '(context.a == context.b) == context.c',
  '"tab\\t newline\\n null\\0 escape\\u{1b} back\\\\ quote\\"" == context.text',
];

describe('expressionText', () => {
  for (const expression of EXPRESSIONS) {
    it(`writes \`${expression}\` so that it means the same`, () => {
      const form = formOf(expression);
      assert.deepEqual(formOf(expressionText(form)), form);
    });
  }

  it('writes what a person would have written', () => {
    for (const expression of [
      'context.session.aal < 2 || !context.session.phishingResistant',
      'resource.tier == 0 && (context.a || context.b)',
      'principal in Group::"engineering"',
      'context.now.toTime() >= duration("20h")',
    ])
      assert.equal(expressionText(formOf(expression)), expression);
  });

  it('means the same for any nesting of operators', () => {
    const leaf = fc.constantFrom(
      'context.a',
      'principal in Group::"g"',
      'context.n < 3',
      '!context.b',
      'resource has x',
    );
    const { tree } = fc.letrec<{ tree: string }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.tuple(tie('tree'), fc.constantFrom('&&', '||'), tie('tree')).map(([a, op, b]) => `(${a}) ${op} (${b})`),
        tie('tree').map((a) => `!(${a})`),
        fc.tuple(tie('tree'), tie('tree'), tie('tree')).map(([a, b, c]) => `if ${a} then ${b} else ${c}`),
      ),
    }));
    fc.assert(
      fc.property(tree, (expression) => {
        const form = formOf(expression);
        assert.deepEqual(formOf(expressionText(form)), form);
      }),
      { numRuns: 200 },
    );
  });
});
