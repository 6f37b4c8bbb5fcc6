import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  authorize,
  type CedarRequest,
  type CompiledPolicies,
  compilePolicies,
  entityStore,
  type EntityStore,
} from './index.ts';

const ASK: CedarRequest = {
  principal: { type: 'User', id: 'ada' },
  action: { type: 'Action', id: 'read' },
  resource: { type: 'Doc', id: 'plan' },
};
const SCHEMA = `entity User; entity Doc; action read appliesTo { principal: [User], resource: [Doc], context: { n?: Long, ip?: ipaddr } };`;

function compiled(policies: string, schema?: string): CompiledPolicies {
  const result = compilePolicies({ policies, ...(schema === undefined ? {} : { schema }) });
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

function entities(source: Parameters<typeof entityStore>[0] = []): EntityStore {
  const result = entityStore(source);
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

describe('authorize', () => {
  it('denies with no reason when nothing matches', () => {
    const answer = authorize(compiled('permit (principal == User::"eve", action, resource);'), entities(), ASK);
    assert.deepEqual(answer, { decision: 'deny', reason: [], errors: [] });
  });

  it('lists the satisfied forbids of a deny and the erring policies', () => {
    const policies = compiled(
      'permit (principal, action, resource); forbid (principal, action, resource); permit (principal, action, resource) when { context.x };',
    );
    const answer = authorize(policies, entities(), ASK);
    assert.deepEqual(
      [answer.decision, answer.reason, answer.errors.map(({ policyId }) => policyId)],
      ['deny', ['policy1'], ['policy2']],
    );
  });

  it('links templates', () => {
    const result = compilePolicies({
      policies: { t: 'permit (principal == ?principal, action, resource);' },
      templateLinks: [{ templateId: 't', newId: 'linked', values: { '?principal': { type: 'User', id: 'ada' } } }],
    });
    assert.ok(result.ok);
    assert.deepEqual(authorize(result.value, entities(), ASK).reason, ['linked']);
  });

  for (const value of ['9223372036854775807', '-9223372036854775808', '9007199254740993']) {
    it(`reads ${value} exactly in entities and context, as text and as bigint`, () => {
      const policies = compiled(
        `permit (principal, action, resource) when { context.n == ${value} && principal.n == ${value} };`,
      );
      const uid = { type: 'User', id: 'ada' };
      const asText = entities(`[{"uid":{"type":"User","id":"ada"},"attrs":{"n":${value}},"parents":[]}]`);
      const asBigint = entities([{ uid, attrs: { n: BigInt(value) }, parents: [] }]);
      assert.equal(authorize(policies, asText, { ...ASK, context: { n: BigInt(value) } }).decision, 'allow');
      assert.equal(authorize(policies, asBigint, { ...ASK, context: `{"n":${value}}` }).decision, 'allow');
      assert.equal(authorize(policies, asBigint, { ...ASK, context: { n: BigInt(value) / 2n } }).decision, 'deny');
    });
  }

  const refusedContexts: [string, CedarRequest['context']][] = [
    ['an integer above 64 bits', '{"n":9223372036854775808}'],
    ['an integer below 64 bits', { n: -(2n ** 63n) - 1n }],
    ['an inexact number', { n: 2 ** 53 }],
    ['a fraction', '{"n":1.5}'],
    ['null', { n: null }],
    ['a function', { n: () => 1 }],
    ['a lone surrogate', { n: '\ud800' }],
    ['a key given twice', '{"n":1,"n":2}'],
    ['text that is not JSON', '{"n":'],
    ['JSON that is not an object', '[1]'],
    ['a malformed address', { ip: { __extn: { fn: 'ip', arg: '1.2.3' } } }],
    ['an unknown extension', { ip: { __extn: { fn: 'exec', arg: 'x' } } }],
    ['nesting 10,000 deep', '['.repeat(10_000)],
    ['a class', { n: new Map() }],
  ];
  for (const [name, context] of refusedContexts) {
    it(`never allows a context with ${name}, even where everything is permitted`, () => {
      const answer = authorize(compiled('permit (principal, action, resource);'), entities(), {
        ...ASK,
        ...(context === undefined ? {} : { context }),
      });
      assert.equal(answer.decision, 'deny');
      assert.equal(answer.errors[0]?.policyId, '');
    });
  }

  it('never allows a request that the schema of the policies does not know', () => {
    const policies = compiled('permit (principal, action, resource);', SCHEMA);
    assert.equal(authorize(policies, entities(), ASK).decision, 'allow');
    for (const request of [
      { ...ASK, context: { n: 'text' } },
      { ...ASK, context: { other: 1 } },
      { ...ASK, principal: { type: 'Robot', id: 'r' } },
      { ...ASK, action: { type: 'Action', id: 'write' } },
      { ...ASK, resource: { type: 'User', id: 'ada' } },
    ])
      assert.equal(authorize(policies, entities(), request).decision, 'deny');
  });

  it('never throws and never allows a garbage request', () => {
    const policies = compiled(
      'permit (principal == User::"ada", action == Action::"read", resource == Doc::"plan") when { context.n == 1 };',
    );
    fc.assert(
      fc.property(fc.anything({ withBigInt: true }), fc.anything({ withBigInt: true }), (part, context) => {
        for (const request of [
          part,
          { ...ASK, principal: part },
          { ...ASK, action: part },
          { ...ASK, resource: part },
          { ...ASK, context },
        ]) {
          // The point is what untyped callers can pass.
          const answer = authorize(policies, entities(), request as CedarRequest);
          assert.equal(answer.decision, 'deny');
        }
      }),
      { numRuns: 100 },
    );
  });
});

it('compares sets nested as deep as a question may hold them, without trying each level twice', () => {
  const nested = (leaf: number): unknown => Array.from({ length: 90 }).reduce((inner) => [inner], leaf);
  const policies = compiled('permit (principal, action, resource) when { context.a == context.b };');
  const ask = (a: unknown, b: unknown): string =>
    authorize(policies, entities(), { ...ASK, context: { a, b } }).decision;
  assert.equal(ask(nested(1), nested(1)), 'allow');
  assert.equal(ask(nested(1), nested(2)), 'deny');
});

describe('entityStore', () => {
  const uid = '"uid":{"type":"User","id":"ada"}';
  const refused: [string, Parameters<typeof entityStore>[0], string][] = [
    ['text that is not JSON', '[', 'json-invalid'],
    ['something else than an array', '{}', 'entities-invalid'],
    ['an entity that is none', '[1]', 'entities-invalid'],
    ['an entity without uid', '[{"attrs":{},"parents":[]}]', 'entities-invalid'],
    [
      'the same entity twice',
      `[{${uid},"attrs":{"a":1},"parents":[]},{${uid},"attrs":{},"parents":[]}]`,
      'entities-invalid',
    ],
    [
      'a cycle of parents',
      `[{${uid},"attrs":{},"parents":[{"type":"User","id":"b"}]},{"uid":{"type":"User","id":"b"},"attrs":{},"parents":[{"type":"User","id":"ada"}]}]`,
      'entities-invalid',
    ],
    ['a key twice', `[{${uid},"attrs":{"a":1,"\\u0061":2},"parents":[]}]`, 'json-duplicate-key'],
    ['a fraction', `[{${uid},"attrs":{"a":1.5},"parents":[]}]`, 'integer-invalid'],
    ['an integer outside 64 bits', `[{${uid},"attrs":{"a":9223372036854775808},"parents":[]}]`, 'integer-invalid'],
    ['nesting 100,000 deep', '['.repeat(100_000), 'value-too-deep'],
  ];
  for (const [name, source, code] of refused) {
    it(`refuses ${name}`, () => {
      const store = entityStore(source);
      assert.equal(store.ok ? 'ok' : store.error[0]?.code, code);
    });
  }

  it('keeps a key named __proto__ what it is: a key', () => {
    const policies = compiled('permit (principal, action, resource) when { principal["__proto__"] == 1 };');
    const store = entities(`[{${uid},"attrs":{"__proto__":1},"parents":[]}]`);
    assert.equal(authorize(policies, store, ASK).decision, 'allow');
  });
});
