import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { connectPolicies, decideAccess, loadPolicies } from './index.ts';
import { access, load } from './testdata/estate.ts';

/** `code@line:column` of every problem of a file, or `ok`. */
function problems(text: string): string {
  const loaded = loadPolicies({ texts: { 'a.cedar': text }, version: 1 });
  if (loaded.ok) return 'ok';
  assert.ok(
    loaded.error.every(
      ({ source }) => source?.file === 'a.cedar' && source.line !== undefined && source.column !== undefined,
    ),
  );
  return loaded.error.map(({ code, source }) => `${code}@${source?.line}:${source?.column}`).join(' ');
}

/** A policy whose condition starts at line 2, column 8. */
const connect = (condition: string): string =>
  `permit (principal, action == Action::"connect", resource)\nwhen { ${condition} };`;

describe('loadPolicies', () => {
  const refused: [string, string, string][] = [
    ['an unconstrained action', 'permit (principal, action, resource);', 'policy-action-missing@1:20'],
    ['an action that does not exist', 'permit (principal, action == Action::"fly", resource);', 'policy-invalid@1:30'],
    ['a template', 'permit (principal == ?principal, action == Action::"access", resource);', 'policy-template@1:22'],
    [
      'an id reserved for guardrails',
      '@id("guardrail.t0.mfa")\npermit (principal, action == Action::"access", resource);',
      'policy-id-reserved@1:5',
    ],
    [
      'an id reserved for built-in permits',
      '@id("builtin.admins")\npermit (principal, action == Action::"access", resource);',
      'policy-id-reserved@1:5',
    ],
    [
      'the same id twice',
      '@id("x") permit (principal, action == Action::"view", resource);\n@id("x") permit (principal, action == Action::"view", resource);',
      'policy-id-duplicate@2:5',
    ],
    [
      'an id that is the number of another policy',
      '@id("1") permit (principal, action == Action::"view", resource);\npermit (principal, action == Action::"view", resource);',
      'policy-id-duplicate@2:1',
    ],
    [
      'an unknown remedy',
      '@remedy("pray") forbid (principal, action == Action::"access", resource);',
      'remedy-unknown@1:2',
    ],
    [
      'a remedy without value',
      '@remedy forbid (principal, action == Action::"access", resource);',
      'remedy-unknown@1:2',
    ],
    [
      'a remedy on a permit',
      '@remedy("wait") permit (principal, action == Action::"access", resource);',
      'remedy-invalid@1:2',
    ],
    [
      'a step-up without a goal',
      '@remedy("step-up") @acr("aal9") @max_age("5m") forbid (principal, action == Action::"access", resource);',
      'remedy-invalid@1:2',
    ],
    [
      'an unknown reason',
      '@reason("constructor") forbid (principal, action == Action::"access", resource);',
      'reason-unknown@1:2',
    ],
    [
      'a look inside a particular entity',
      'permit (principal, action == Action::"access", resource) when { App::"b".tier == 3 };',
      'policy-literal-entity@1:65',
    ],
    ['text that does not parse', 'permit (principal,\n  action == Action::"access",\n  resource', 'policy-syntax@3:11'],
  ];
  for (const [name, text, expected] of refused) it(`refuses ${name}`, () => assert.equal(problems(text), expected));

  it('returns the problems of all files at once, in order', () => {
    const loaded = loadPolicies({
      version: 1,
      texts: { 'b.cedar': 'permit (', 'a.cedar': `permit (principal, action, resource);\n${connect('context.nope')}` },
    });
    assert.ok(!loaded.ok);
    assert.deepEqual(
      loaded.error
        .map(({ code, source }) => `${source?.file} ${code}`)
        .filter((line, index, all) => all.indexOf(line) === index),
      ['a.cedar policy-action-missing', 'a.cedar policy-invalid', 'a.cedar network-profile', 'b.cedar policy-syntax'],
    );
  });

  it('names policies by file and @id, or by their number in the file', () => {
    const policies = load({
      'f.cedar':
        '@id("x") permit (principal, action == Action::"view", resource);\npermit (principal, action == Action::"view", resource);',
    });
    assert.deepEqual(
      policies.policies.filter(({ builtin }) => !builtin).map(({ id }) => id),
      ['f.cedar#x', 'f.cedar#1'],
    );
  });

  it('does not let a file take the place of a guardrail by its name', () => {
    const policies = load({ 'guardrail.t3.mfa': 'permit (principal, action == Action::"access", resource);' });
    assert.equal(decideAccess(access(policies, { session: { acr: 'urn:cordon:aal1' } })).effect, 'forbid');
  });

  it('warns of a policy that can never apply', () => {
    const policies = load({ 'f.cedar': 'permit (principal, action == Action::"view", resource) when { false };' });
    assert.deepEqual(
      policies.warnings.map(({ code, source }) => [code, source?.file]),
      [['policy-warning', 'f.cedar']],
    );
  });

  it('never throws, whatever the bundle', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), (texts) => {
        const loaded = loadPolicies({ texts, version: 1 });
        return loaded.ok || loaded.error.length > 0;
      }),
      { numRuns: 30 },
    );
  });
});

describe('the network profile', () => {
  const enforceable = [
    'context.protocol == "tcp" && context.port == 443',
    '443 == context.port || !(context.port < 1024 && context.port >= 80)',
    '[80, 443].contains(context.port) && ["tcp", "udp"].contains(context.protocol)',
    'principal.hasTag("role") && principal.getTag("role") == "web"',
    'resource.hasTag("env") && ["prod", "stage"].contains(resource.getTag("env"))',
    'principal in Segment::"web" && resource in [Segment::"db", Segment::"cache"]',
    'principal == Workload::"w1" || resource != Workload::"w2"',
    'true',
  ];
  for (const condition of enforceable) it(`takes ${condition}`, () => assert.equal(problems(connect(condition)), 'ok'));

  const refused: [string, string][] = [
    ['principal.name == "a"', 'network-profile@2:18'],
    ['context.protocol == "tcp" && principal.name like "a*"', 'network-profile@2:52'],
    ['principal == resource', 'network-profile@2:8'],
    ['if context.port == 1 then true else false', 'network-profile@2:8'],
    ['context.port + 1 == 80', 'network-profile@2:21'],
    ['context.port == context.port', 'network-profile@2:21'],
    ['principal has name', 'network-profile@2:18'],
    ['principal is Workload', 'network-profile@2:18'],
    ['[1, 2].containsAny([context.port])', 'network-profile@2:15'],
    ['context has port', 'network-profile@2:16'],
  ];
  for (const [condition, expected] of refused)
    it(`refuses ${condition} where it stands`, () => assert.equal(problems(connect(condition)), expected));

  it('refuses a policy that is about connect and something else', () => {
    const text = 'permit (principal, action in [Action::"connect", Action::"access"], resource);';
    assert.equal(problems(text), 'network-profile@1:20');
  });

  it('names every clause of a policy, each in its own place', () => {
    const text =
      'forbid (principal, action == Action::"connect", resource)\nwhen { principal.name == "a" }\nunless { resource.name == "b" };';
    assert.equal(problems(text), 'network-profile@2:18 network-profile@3:19');
  });

  it('gives segmentation the checked policies with their scopes', () => {
    const policies = load({
      'n.cedar':
        '@id("web-db") permit (principal in Segment::"web", action == Action::"connect", resource is Workload in Segment::"db") when { context.port == 5432 };',
    });
    const [policy, ...rest] = connectPolicies(policies);
    assert.deepEqual(rest, []);
    assert.equal(policy?.id, 'n.cedar#web-db');
    assert.deepEqual(policy?.principal, { op: 'in', entity: { type: 'Segment', id: 'web' } });
    assert.deepEqual(policy?.resource, {
      op: 'is',
      entity_type: 'Workload',
      in: { entity: { type: 'Segment', id: 'db' } },
    });
  });
});

describe('docs/reference/policy.md', () => {
  it('has only policy examples that load', () => {
    const page = readFileSync(new URL('../../docs/reference/policy.md', import.meta.url), 'utf8');
    const examples = [...page.matchAll(/```cedar\n(.*?)```/gsu)].map((match) => match[1] ?? '');
    assert.ok(examples.length >= 5);
    for (const [index, text] of examples.entries()) load({ [`example-${index}.cedar`]: text });
    load({ 'all.cedar': examples.join('\n') });
  });
});
