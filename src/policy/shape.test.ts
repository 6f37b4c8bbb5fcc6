import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parsePolicy } from './engine.ts';
import { randomScenario } from './fuzz/world.ts';
import { policyText } from './fuzz/term.ts';
import { splitPolicies, type Statement } from './lexer.ts';
import { exactConditions, ShapeParser } from './shape.ts';

function statementOf(text: string): Statement {
  const [statement] = splitPolicies(text);
  assert.ok(statement);
  return statement;
}

const when = (condition: string): string => `permit (principal, action, resource) when { ${condition} };`;

/** The form found by shape has to be the one that Cedar gives the whole text. */
function isSame(parser: ShapeParser, text: string): void {
  const statement = statementOf(text);
  const [found, told] = [parser.parse(statement), parsePolicy(statement.text, statement.isTemplate)];
  assert.equal(found.ok, told.ok, text);
  if (found.ok && told.ok) assert.deepEqual(found.value, told.value, text);
}

describe('the form of a policy, found by its shape', () => {
  const texts = [
    when('1 == 2 && "a" == "b"'),
    when('3 == 4 && "c" == "d"'),
    when('-1 == -0 && 0 == 007'),
    when('- 5 == -(6)'),
    when('--5 == 3 - 2'),
    when('"\\u{1}0" == "x" && "\\n" == ""'),
    when('"\\\\" == "\\"" && 5 == 6'),
    when('"\u00010" == "\u00011"'),
    when('principal.a["b c"]["d"] == 1 && principal has "x y"'),
    when('{"a": 1, b: "c", "d e": {}} == {"a": "a"}'),
    when('"x" like "a*b" && "y" like "a\\*"'),
    when('principal in [User::"a", User::"b"] && User::"c" is User in Group::"d"'),
    when('ip("10.0.0.1").isInRange(ip("10.0.0.0/8"))'),
    when('principal.hasTag("a") && principal.getTag("b") == "c"'),
    when('if 1 == 1 then "a" == "b" else [1, "2", true].contains(3)'),
    '@id("a") @note("b;c") @bare permit (principal == User::"x", action in [Action::"a", Action::"b"], resource is Doc in Folder::"f");',
    'forbid (principal == ?principal, action, resource in ?resource) unless { context.n == 5 };',
    'permit (principal, action, resource) when { "// no comment" == "/*" } // a comment "with" 5 quotes\n unless { 1 == 1 };',
    'permit (principal, action, resource) // "\r when { 1 == 2 };',
  ];
  for (const text of texts) it(`is what Cedar says of ${JSON.stringify(text)}`, () => isSame(new ShapeParser(), text));

  it('is what Cedar says of every policy, when thousands share a parser', () => {
    const parser = new ShapeParser();
    for (let seed = 1; seed <= 25; seed += 1)
      for (const policy of randomScenario(seed).world.policies.slice(0, 40)) isSame(parser, policyText(policy));
    for (const text of texts) isSame(parser, text);
  });

  const wrong = [
    when('1 == 9223372036854775808 +'),
    when('"unterminated'),
    when('{a: 1, a: 2} == {}'),
    when('{"a": 1, "a": 2} == {}'),
    'permit (principal == 5, action, resource);',
    'permit (principal, action == Foo::"a", resource);',
    '@id(5) permit (principal, action, resource);',
  ];
  for (const text of wrong) it(`is refused for ${JSON.stringify(text)}`, () => isSame(new ShapeParser(), text));

  it('has exact integers in its clauses, and JSON beside them', () => {
    const parsed = new ShapeParser().parse(statementOf(when('-9223372036854775808 == 9007199254740993')));
    assert.ok(parsed.ok);
    assert.deepEqual(exactConditions(parsed.value)[0]?.body, {
      '==': { left: { Value: -(2n ** 63n) }, right: { Value: 2n ** 53n + 1n } },
    });
    assert.ok(JSON.stringify(parsed.value).includes('9007199254740992'));
  });
});
