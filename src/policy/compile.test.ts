import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compilePolicies, entityStore, authorize } from './index.ts';

const SCHEMA = `entity User; entity Doc { size: Long };
action read appliesTo { principal: [User], resource: [Doc], context: { ip: ipaddr, at: datetime, n: Long } };`;
const when = (condition: string): string =>
  `permit (principal, action == Action::"read", resource) when { ${condition} };`;

/** The codes of all problems, or `ok`. */
function codes(input: Parameters<typeof compilePolicies>[0]): string {
  const compiled = compilePolicies(input);
  return compiled.ok ? 'ok' : compiled.error.map((problem) => problem.code).join(' ');
}

describe('compilePolicies', () => {
  const refused: [string, Parameters<typeof compilePolicies>[0], string][] = [
    ['text that does not parse', { policies: 'permit (' }, 'policy-syntax'],
    ['an unterminated string', { policies: 'permit(principal, action, resource) when { "abc };' }, 'policy-syntax'],
    ['a record text that holds no policy', { policies: { a: '// nothing' } }, 'policy-syntax'],
    ['a record text that holds two policies', { policies: { a: `${when('true')}${when('true')}` } }, 'policy-syntax'],
    ['an integer outside 64 bits', { policies: when('context.n == 9223372036854775808') }, 'policy-syntax'],
    [
      'an attribute the schema does not have',
      { policies: when('resource.colour == 1'), schema: SCHEMA },
      'policy-invalid',
    ],
    [
      'an entity type the schema does not have',
      { policies: when('principal == Robot::"x"'), schema: SCHEMA },
      'policy-invalid',
    ],
    [
      'a malformed address literal',
      { policies: when('context.ip == ip("1.2.3.4.5")'), schema: SCHEMA },
      'policy-invalid',
    ],
    [
      'a malformed datetime literal',
      { policies: when('context.at == datetime("2026-13-01")'), schema: SCHEMA },
      'policy-invalid',
    ],
    ['a schema that does not parse', { policies: when('true'), schema: 'entity' }, 'schema-invalid'],
    [
      'a link to no template',
      { policies: when('true'), templateLinks: [{ templateId: 'policy0', newId: 'x', values: {} }] },
      'template-link-invalid',
    ],
    ['10 MB of policies', { policies: `${when('true')}\n`.repeat(150_000) }, 'policy-too-large'],
    [
      'more policies than are read',
      { policies: 'permit(principal,action,resource);'.repeat(131_073) },
      'policy-too-large',
    ],
    ['2 MB of one policy', { policies: when(`"${'a'.repeat(2_000_000)}" == "b"`) }, 'policy-too-large'],
    [
      'a link that leaves a slot open',
      {
        policies: { t: 'permit (principal == ?principal, action, resource in ?resource);' },
        templateLinks: [{ templateId: 't', newId: 'x', values: { '?principal': { type: 'User', id: 'a' } } }],
      },
      'template-link-invalid',
    ],
    [
      'a link that fills a slot the template does not have, with what is no entity',
      {
        policies: { t: 'permit (principal == ?principal, action, resource);' },
        templateLinks: [
          {
            templateId: 't',
            newId: 'x',
            values: { '?principal': { type: 'a b', id: 'a' }, '?resource': { type: 'A', id: 'a' } },
          },
        ],
      },
      'template-link-invalid template-link-invalid',
    ],
    [
      'two links of one id',
      {
        policies: { t: 'permit (principal == ?principal, action, resource);' },
        templateLinks: ['a', 'b'].map((id) => ({
          templateId: 't',
          newId: 'x',
          values: { '?principal': { type: 'User', id } },
        })),
      },
      'template-link-invalid',
    ],
    ['10 MB of one policy', { policies: when(`"${'a'.repeat(10_000_000)}" == "b"`) }, 'policy-too-large'],
  ];
  for (const [name, input, code] of refused) it(`refuses ${name}`, () => assert.equal(codes(input), code));

  const deep: [string, (depth: number) => string][] = [
    ['parentheses', (depth) => `${'('.repeat(depth)}true${')'.repeat(depth)}`],
    ['sets', (depth) => `${'['.repeat(depth)}1${']'.repeat(depth)} == [1]`],
    ['records', (depth) => `${'{a:'.repeat(depth)}1${'}'.repeat(depth)} == {}`],
    ['calls', (depth) => `${'ip('.repeat(depth)}"::"${')'.repeat(depth)} == 1`],
    ['or', (depth) => Array(depth).fill('true').join(' || ')],
    ['plus', (depth) => `${Array(depth).fill('1').join('+')} == 1`],
    ['minus signs', (depth) => `${Array(depth).fill('-1').join('-')} == 1`],
    ['attributes', (depth) => `context${'.a'.repeat(depth)}`],
    ['indexes', (depth) => `context${'["a"]'.repeat(depth)}`],
    ['if', (depth) => `${'if true then '.repeat(depth)}true${' else true'.repeat(depth)}`],
    ['else', (depth) => `${'if true then true else '.repeat(depth)}true`],
  ];
  for (const [name, text] of deep) {
    it(`refuses ${name} nested 10,000 deep, and works on afterwards`, () => {
      assert.equal(codes({ policies: when(text(10_000)) }), 'policy-too-deep');
      for (const depth of [40, 60, 90, 120, 200, 250, 300, 500]) {
        const compiled = compilePolicies({ policies: when(text(depth)) });
        if (!compiled.ok) {
          assert.ok(
            compiled.error.every(({ code }) => code === 'policy-too-deep' || code === 'policy-syntax'),
            `${depth}`,
          );
          assert.ok(!compiled.error.some(({ message }) => message.includes('engine failed')), `guarded at ${depth}`);
          continue;
        }
        const store = entityStore([]);
        assert.ok(store.ok);
        const answer = authorize(compiled.value, store.value, {
          principal: { type: 'User', id: 'a' },
          action: { type: 'Action', id: 'read' },
          resource: { type: 'Doc', id: 'd' },
        });
        assert.ok(!answer.errors.some(({ policyId }) => policyId === ''), `evaluates at ${depth}`);
      }
      assert.equal(codes({ policies: when('true'), schema: SCHEMA }), 'ok');
    });
  }

  it('returns all problems of all policies at once, each at its line and column', () => {
    const lines = ['// é😀', when('1 +'), `${when('true')} forbid (x);`];
    const compiled = compilePolicies({ policies: lines.join('\n'), schema: SCHEMA });
    assert.ok(!compiled.ok);
    const places = compiled.error.map(({ source }) => `${source?.line}:${source?.column}`);
    const [, second = '', third = ''] = lines;
    assert.deepEqual(places.slice(0, 2), [`2:${second.indexOf('}') + 1}`, `3:${third.indexOf('x)') + 1}`]);
  });

  it('ends a comment at a carriage return, as Cedar does, so that no policy hides behind one', () => {
    const text = `// note\rforbid (principal, action, resource);\r\n// another\n${when('true')}`;
    const compiled = compilePolicies({ policies: text });
    assert.ok(compiled.ok);
    assert.deepEqual(
      compiled.value.policies.map(({ est }) => est.effect),
      ['forbid', 'permit'],
    );
  });

  it('counts columns in characters of JavaScript, not in bytes', () => {
    const text = when('"é😀" == resource.colour');
    const compiled = compilePolicies({ policies: text, schema: SCHEMA });
    assert.ok(!compiled.ok);
    const { offset = 0, length = 0 } = compiled.error[0]?.source ?? {};
    assert.equal(text.slice(offset, offset + length), 'resource.colour');
  });

  it('names the policies of a text in file order, templates included', () => {
    const text = `${when('true')} permit (principal == ?principal, action, resource); // ; "\n${when('"a;//b" == "c"')}`;
    const compiled = compilePolicies({ policies: text });
    assert.ok(compiled.ok);
    assert.deepEqual(
      compiled.value.policies.map(({ id, statement }) => [id, statement.isTemplate]),
      [
        ['policy0', false],
        ['policy1', true],
        ['policy2', false],
      ],
    );
  });

  it('never throws, whatever the text', () => {
    const piece = fc.constantFrom(
      'permit',
      'forbid',
      '(',
      ')',
      '{',
      '}',
      'when',
      '"',
      '\\',
      ';',
      '//',
      '\n',
      '@id',
      '?principal',
      '::',
      '[',
      'ip',
      '😀',
      '\ud800',
      '1',
      '&&',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 40 }), (pieces) => {
        const compiled = compilePolicies({ policies: pieces.join(' ') });
        return compiled.ok || compiled.error.length > 0;
      }),
      { numRuns: 300 },
    );
  });
});
