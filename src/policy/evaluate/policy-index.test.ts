import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { EntityJson } from '../entity-store.ts';
import type { TemplateLink } from '../compile.ts';
import { type Answer, askBoth, type Setting } from './testdata/both-sides.ts';

const uid = (type: string, id: string): { type: string; id: string } => ({ type, id });
const ENTITIES: EntityJson[] = [
  {
    uid: uid('User', 'ada'),
    attrs: { team: 'red', n: 1, ref: { __entity: uid('Doc', 'plan') } },
    parents: [uid('Group', 'staff')],
  },
  { uid: uid('User', 'eve'), attrs: {}, parents: [] },
  { uid: uid('Group', 'staff'), attrs: {}, parents: [uid('Group', 'all')] },
  { uid: uid('Doc', 'plan'), attrs: { n: 2 }, parents: [uid('Folder', 'top')] },
  { uid: uid('Action', 'read'), attrs: {}, parents: [uid('Action', 'view')] },
  { uid: uid('Action', 'view'), attrs: {}, parents: [uid('Action', 'any')] },
];

const principals = [
  '',
  ' == User::"ada"',
  ' == User::"eve"',
  ' in Group::"staff"',
  ' in Group::"all"',
  ' in User::"ada"',
  ' is User',
  ' is Group',
  ' is User in Group::"all"',
  ' is Group in Group::"all"',
];
const actions = [
  '',
  ' == Action::"read"',
  ' in Action::"view"',
  ' in [Action::"read", Action::"view", Action::"any"]',
  ' in [Action::"write"]',
  ' in []',
  ' == Action::"write"',
];
const resources = [
  '',
  ' == Doc::"plan"',
  ' in Folder::"top"',
  ' in Folder::"none"',
  ' is Doc',
  ' is Folder',
  ' is Doc in Folder::"top"',
  ' is Folder in Folder::"top"',
];
const tests = [
  '',
  'when { principal.team == "red" }',
  'when { principal.team == "blue" }',
  'when { "red" == principal.team && principal.n == 1 }',
  'when { principal.team == 1 }',
  'when { principal.team == "red" || true }',
  'when { principal.team == "blue" && context.missing }',
  'when { principal.team == "red" && context.missing }',
  'when { principal.ref == Doc::"plan" }',
  'when { principal.ref == Doc::"other" && context.missing }',
  'when { principal.n == 9007199254740993 }',
  'when { context.big == 9007199254740993 }',
  'when { context.big == 9007199254740992 }',
  'when { context.at == datetime("2024-01-01") }',
  'unless { principal.team == "red" }',
  'when { true } when { principal.team == "blue" }',
  'when { principal.team == "red" } unless { principal.n == 1 }',
];

const policy = fc
  .record({
    effect: fc.constantFrom('permit', 'permit', 'forbid'),
    principal: fc.constantFrom(...principals),
    action: fc.constantFrom(...actions),
    resource: fc.constantFrom(...resources),
    test: fc.constantFrom(...tests),
  })
  .map(
    ({ effect, principal, action, resource, test }) =>
      `${effect} (principal${principal}, action${action}, resource${resource}) ${test};`,
  );

const setting = fc.record({
  principal: fc.constantFrom(uid('User', 'ada'), uid('User', 'eve'), uid('User', 'guest'), uid('Group', 'staff')),
  action: fc.constantFrom(uid('Action', 'read'), uid('Action', 'view'), uid('Action', 'write'), uid('Action', 'guest')),
  resource: fc.constantFrom(uid('Doc', 'plan'), uid('Folder', 'top'), uid('Doc', 'guest')),
});
const CONTEXT = { big: 2n ** 53n + 1n, at: { __extn: { fn: 'datetime', arg: '2024-01-01' } } };

const set = (texts: readonly string[]): Record<string, string> =>
  Object.fromEntries(texts.map((text, at) => [`p${String(at).padStart(3, '0')}`, text]));

describe('the index', () => {
  it('finds what Cedar finds by looking at every policy, for any set and question', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.array(policy, { maxLength: 60, size: 'max' }), setting, (texts, asked) => {
        const answer = askBoth(set(texts), { ...asked, entities: ENTITIES, context: CONTEXT });
        if (answer !== 'refused')
          seen.add(`${answer.decision} ${answer.reason.length > 1} ${answer.errors.length > 0}`);
      }),
      { numRuns: 150, seed: 1 },
    );
    assert.ok(seen.size >= 5, [...seen].join());
  });

  it('tells policies with one scope apart by what they compare first, and lets each of them err', () => {
    const texts = tests.filter((test) => test !== '').map((test) => `permit (principal, action, resource) ${test};`);
    for (const principal of [uid('User', 'ada'), uid('User', 'eve')])
      askBoth(set([...texts, ...texts]), { principal, entities: ENTITIES, context: CONTEXT });
    const same = Array.from(
      { length: 40 },
      (_, at) => `permit (principal, action, resource) when { context.n == ${at} };`,
    );
    const answer = (context: object): Answer => askBoth(set(same), { context });
    assert.deepEqual(answer({ n: 7 }), { decision: 'allow', reason: ['p007'], errors: [] });
    assert.deepEqual(answer({ n: '7' }), { decision: 'deny', reason: [], errors: [] });
    assert.equal(Object(answer({})).errors.length, 40);
  });

  it('does not count a policy twice that names several actions above each other', () => {
    const text = 'permit (principal, action in [Action::"read", Action::"view", Action::"any"], resource);';
    assert.deepEqual(askBoth({ p: text }, { entities: ENTITIES }), { decision: 'allow', reason: ['p'], errors: [] });
  });

  it('lists policies in the order of the set, however they are found', () => {
    const texts = ['resource == Doc::"plan"', 'resource', 'resource is Doc', 'resource in Folder::"top"'];
    const answer = askBoth(set(texts.map((scope) => `permit (principal, action, ${scope});`)), { entities: ENTITIES });
    assert.deepEqual(Object(answer).reason, ['p000', 'p001', 'p002', 'p003']);
  });

  it('links templates: one body, every slot', () => {
    const templates = {
      both: 'permit (principal in ?principal, action, resource == ?resource) when { principal.team == "red" };',
      typed: 'forbid (principal is User in ?principal, action, resource is Doc in ?resource) when { context.missing };',
      fixed: 'permit (principal, action, resource);',
    };
    const links: TemplateLink[] = [
      {
        templateId: 'both',
        newId: 'l1',
        values: { '?principal': uid('Group', 'all'), '?resource': uid('Doc', 'plan') },
      },
      {
        templateId: 'both',
        newId: 'l2',
        values: { '?principal': uid('Group', 'none'), '?resource': uid('Doc', 'plan') },
      },
      {
        templateId: 'both',
        newId: 'l3',
        values: { '?principal': uid('User', 'ada'), '?resource': uid('Doc', 'guest') },
      },
      {
        templateId: 'typed',
        newId: 'l4',
        values: { '?principal': uid('Group', 'all'), '?resource': uid('Folder', 'top') },
      },
      {
        templateId: 'typed',
        newId: 'l5',
        values: { '?principal': uid('Group', 'all'), '?resource': uid('Folder', 'none') },
      },
    ];
    const asked: Setting = { entities: ENTITIES, links };
    assert.deepEqual(askBoth(templates, asked), { decision: 'allow', reason: ['fixed', 'l1'], errors: ['l4'] });
    assert.deepEqual(askBoth(templates, { ...asked, resource: uid('Doc', 'guest') }), {
      decision: 'allow',
      reason: ['fixed', 'l3'],
      errors: [],
    });
    assert.deepEqual(
      askBoth({ both: templates.both }, { entities: ENTITIES }),
      { decision: 'deny', reason: [], errors: [] },
      'a template alone is no policy',
    );
  });
});
