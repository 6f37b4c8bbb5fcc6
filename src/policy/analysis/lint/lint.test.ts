import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatProblem } from '#base';
import { load } from '../../testdata/estate.ts';
import { type KnownEntities, lintPolicies } from './lint.ts';

const ACCESS = 'action == Action::"access"';
const known: KnownEntities = new Map([
  ['Group', new Set(['staff', 'admins'])],
  ['App', new Set(['wiki'])],
]);

/** What lint says of one file, as `line:column code`. */
function lint(text: string, entities?: KnownEntities): string[] {
  return lintPolicies(load({ 'a.cedar': text }), entities).map(
    ({ source, code }) => `${source?.line}:${source?.column} ${code}`,
  );
}

function never(conditions: string): string[] {
  return lint(`permit (principal in Group::"staff", ${ACCESS}, resource)\n${conditions};`).filter((line) =>
    line.endsWith('policy-never-matches'),
  );
}

describe('lint', () => {
  const clean: [string, string][] = [
    ['a policy for a group', `permit (principal in Group::"staff", ${ACCESS}, resource);`],
    ['a policy for an app', `permit (principal, ${ACCESS}, resource == App::"wiki");`],
    [
      'a permit for everybody with a condition',
      `permit (principal, ${ACCESS}, resource) when { context.session.aal == 3 };`,
    ],
    ['a forbid for everybody', `forbid (principal, ${ACCESS}, resource);`],
    [
      'two policies of which neither holds whenever the other does',
      `permit (principal in Group::"staff", ${ACCESS}, resource) when { context.secure };
permit (principal in Group::"staff", ${ACCESS}, resource) when { context.session.aal == 3 };`,
    ],
    [
      'equal policies on different actions',
      `permit (principal in Group::"a", action == Action::"view", resource);
permit (principal in Group::"a", action == Action::"manage", resource);`,
    ],
    [
      'a permit that is narrower than a forbid is wide, in one clause',
      `permit (principal in Group::"a", ${ACCESS}, resource);
forbid (principal in Group::"a", ${ACCESS}, resource) when { context.secure };`,
    ],
  ];
  for (const [name, text] of clean) it(`says nothing about ${name}`, () => assert.deepEqual(lint(text), []));

  const wrong: [string, string, string[]][] = [
    ['a permit of everything to everybody', `permit (principal, ${ACCESS}, resource);`, ['1:1 policy-too-broad']],
    [
      'the same in words that say nothing',
      `permit (principal is User, ${ACCESS}, resource is App);`,
      ['1:1 policy-too-broad'],
    ],
    [
      'any connection',
      'permit (principal is Workload, action == Action::"connect", resource);',
      ['1:1 policy-too-broad'],
    ],
    [
      'a duplicate, once, whatever its title and the order of its clauses',
      `permit (principal in Group::"a", ${ACCESS}, resource) when { context.secure && context.session.aal == 3 };
@title("again")
permit (principal is User in Group::"a", ${ACCESS}, resource) when { context.session.aal == 3 } when { context.secure };`,
      ['3:1 policy-duplicate'],
    ],
    [
      'a permit that a wider one makes superfluous',
      `permit (principal in Group::"a", ${ACCESS}, resource);
permit (principal in Group::"a", ${ACCESS}, resource == App::"wiki") when { context.secure };`,
      ['2:1 policy-shadowed'],
    ],
    [
      'an entity that a group covers, because it is in itself',
      `permit (principal, ${ACCESS}, resource == App::"wiki") when { context.secure };
permit (principal == User::"u", ${ACCESS}, resource == App::"wiki") when { context.secure };`,
      ['2:1 policy-shadowed'],
    ],
    [
      'a permit that a forbid always voids',
      `forbid (principal, ${ACCESS}, resource) when { context.secure };
permit (principal in Group::"a", ${ACCESS}, resource) when { context.secure && context.session.aal == 3 };`,
      ['2:1 policy-shadowed'],
    ],
    [
      'one of several actions',
      `permit (principal in Group::"a", action in [Action::"view", Action::"manage"], resource);
permit (principal in Group::"a", action == Action::"view", resource);`,
      ['2:1 policy-shadowed'],
    ],
  ];
  for (const [name, text, expected] of wrong) it(`reports ${name}`, () => assert.deepEqual(lint(text), expected));

  const contradictions: string[] = [
    'when { context.method == "GET" && context.method == "POST" }',
    'when { context.session.aal > 3 }',
    'when { context.risk.user < 0 }',
    'when { context.session.aal < 2 && context.session.aal >= 2 }',
    'when { 5 < context.session.ageSeconds } unless { context.session.ageSeconds > 5 }',
    'when { context.secure } unless { context.secure }',
    'when { ["GET", "HEAD"].contains(context.method) && context.method == "POST" }',
    'when { ["GET"].contains(context.method) && ["POST"].contains(context.method) }',
    'when { resource.tier == 1 && resource.tier == 2 }',
  ];
  for (const conditions of contradictions)
    it(`finds that \`${conditions}\` never holds`, () =>
      assert.deepEqual(never(conditions), ['2:1 policy-never-matches']));

  for (const conditions of [
    'when { context.method == "GET" || context.method == "POST" }',
    'when { context.session.aal > 1 && context.session.aal < 3 }',
    'when { context.session.aal == 3 && context.session.aal > 2 }',
    'when { ["GET", "HEAD"].contains(context.method) && context.method == "HEAD" }',
    'unless { context.method == "GET" } unless { context.method == "POST" }',
    'when { principal in Group::"a" && principal in Group::"b" }',
    'when { context.session.amr.contains("otp") && context.session.amr.contains("pwd") }',
    'when { context.ip.isInRange(ip("10.0.0.0/8")) && context.ip.isInRange(ip("192.0.2.0/24")) }',
  ])
    it(`does not claim that \`${conditions}\` never holds`, () => assert.deepEqual(never(conditions), []));

  it('names entities that do not exist where they stand, when it is said which do', () => {
    const text = `permit (principal in Group::"staff", ${ACCESS}, resource == App::"wikki")
when { principal in Group::"nobody" && context.session.aal == 3 };`;
    assert.deepEqual(lint(text), []);
    const found = lintPolicies(load({ 'a.cedar': text }), known).map(formatProblem);
    assert.deepEqual(
      found.map((line) => line.split('\n')[0]),
      [
        'a.cedar:1:83: there is no `App::"wikki"`, so nothing that compares with it holds (policy-entity-unknown)',
        'a.cedar:2:28: there is no `Group::"nobody"`, so nothing that compares with it holds (policy-entity-unknown)',
      ],
    );
  });

  it('does not compare types of which nobody said what there is', () => {
    assert.deepEqual(lint(`permit (principal == User::"u", ${ACCESS}, resource);`, known), []);
  });

  it('keeps silent about what a policy accepts with a reason, and about nothing else', () => {
    const broad = `permit (principal, ${ACCESS}, resource);`;
    assert.deepEqual(lint(`@accept("policy-too-broad: a demo")\n${broad}`), []);
    assert.deepEqual(lint(`@accept("policy-shadowed: a demo; policy-too-broad: a demo")\n${broad}`), []);
    for (const annotation of ['policy-too-broad', 'policy-too-broad:', 'too-broad: a demo', ''])
      assert.deepEqual(lint(`@accept("${annotation}")\n${broad}`), [
        '1:2 policy-accept-invalid',
        '2:1 policy-too-broad',
      ]);
    assert.deepEqual(lint(`@accept\n${broad}`), ['1:2 policy-accept-invalid', '2:1 policy-too-broad']);
  });

  it('compares two thousand policies in a moment', () => {
    const text = Array.from(
      { length: 2000 },
      (_, at) =>
        `permit (principal in Group::"g${at % 97}", ${ACCESS}, resource) when { context.path like "/${at}/*" };`,
    ).join('\n');
    const policies = load({ 'a.cedar': text });
    const before = performance.now();
    assert.deepEqual(lintPolicies(policies), []);
    const took = performance.now() - before;
    assert.ok(took < 2000, `${took} ms`);
  });
});
