import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { authorize, compilePolicies, entityStore, type ForeignModel, loadForeignModel } from '#policy';

const SCHEMA = `entity Team;
entity Person in [Team] { level?: Long, boss?: Person };
entity File in [Team] { owner?: Person, level?: Long };
action open appliesTo { principal: [Person], resource: [File, Person], context: { now?: Long } };
`;
const POLICIES = {
  'files.cedar': `@id("team") permit (principal in Team::"a", action, resource in Team::"a");
permit (principal, action, resource is File) when { resource has owner && resource.owner == principal };
@id("level") forbid (principal, action, resource is File) when { resource has level && resource.level + 1 > 5 };`,
  'bosses.cedar': `@id("boss") permit (principal, action, resource is Person)
when { resource has boss && resource.boss == principal && resource.boss has level && resource.boss.level > 2 };`,
};
const ENTITIES = [
  { uid: { type: 'Team', id: 'a' }, attrs: {}, parents: [] },
  { uid: { type: 'Person', id: 'ann' }, attrs: { level: 3 }, parents: [{ type: 'Team', id: 'a' }] },
  { uid: { type: 'Person', id: 'bob' }, attrs: { boss: { __entity: { type: 'Person', id: 'ann' } } }, parents: [] },
  { uid: { type: 'File', id: 'plan' }, attrs: {}, parents: [{ type: 'Team', id: 'a' }] },
  { uid: { type: 'File', id: 'secret' }, attrs: { level: 9 }, parents: [{ type: 'Team', id: 'a' }] },
];

function load(
  change: Partial<Record<'schema' | 'entities', string>> & { policies?: Record<string, string> } = {},
): ReturnType<typeof loadForeignModel> {
  return loadForeignModel({
    schema: { file: 'x.cedarschema', text: change.schema ?? SCHEMA },
    policies: change.policies ?? POLICIES,
    entities: { file: 'x.json', text: change.entities ?? JSON.stringify(ENTITIES) },
  });
}

function loaded(): ForeignModel {
  const model = load();
  assert.ok(model.ok, JSON.stringify(model));
  return model.value;
}

const OPEN = { type: 'Action', id: 'open' };
const person = (id: string): { type: string; id: string } => ({ type: 'Person', id });
const file = (id: string): { type: string; id: string } => ({ type: 'File', id });

describe('a foreign model', () => {
  const model = loaded();
  const decide = (
    principal: string,
    resource: { type: string; id: string },
    more: {
      principalAttributes?: Record<string, unknown>;
      resourceAttributes?: Record<string, unknown>;
      context?: object;
    } = {},
  ): string => {
    const { code, policies } = model.decide({
      principal: person(principal),
      action: OPEN,
      resource,
      context: {},
      ...more,
    });
    return [code, ...policies].join(' ');
  };
  const entity = (id: string): object => ({ __entity: { type: 'Person', id } });

  it('decides by its own policies and entities', () => {
    assert.equal(decide('ann', file('plan')), 'permit');
    assert.equal(decide('bob', file('plan')), 'no-permit');
    assert.equal(decide('ann', file('secret')), 'forbidden files.cedar#level');
    assert.equal(decide('ann', person('bob')), 'permit');
    assert.equal(decide('nobody', file('nothing')), 'no-permit');
  });

  it('takes attributes for one question', () => {
    assert.equal(decide('bob', file('note'), { resourceAttributes: { owner: entity('bob') } }), 'permit');
    assert.equal(decide('bob', file('note')), 'no-permit');
    assert.equal(decide('ann', file('plan'), { resourceAttributes: { level: 5 } }), 'forbidden files.cedar#level');
    assert.equal(decide('ann', file('plan')), 'permit');
    assert.equal(
      decide('new', person('x'), { principalAttributes: { level: 4 }, resourceAttributes: { boss: entity('new') } }),
      'permit',
      'also where another entity leads to it',
    );
  });

  it('does not let a question change what it knows', () => {
    assert.equal(decide('ann', file('secret'), { resourceAttributes: { level: 0 } }), 'forbidden files.cedar#level');
    assert.equal(
      decide('eve', person('bob'), { resourceAttributes: { boss: entity('eve') }, principalAttributes: { level: 9 } }),
      'no-permit',
    );
  });

  it('denies what does not fit the schema', () => {
    for (const resourceAttributes of [
      { level: 'high' },
      { level: 1.5 },
      { level: null },
      { other: 1 },
      { owner: 'bob' },
      { owner: entity('bob'), level: [1] },
      { owner: { __entity: { type: 'Team', id: 'a' } } },
    ]) {
      const answer = decide('ann', file('plan'), { resourceAttributes });
      assert.equal(answer, 'attributes-invalid', JSON.stringify(resourceAttributes));
    }
    assert.equal(decide('ann', file('plan'), { context: { now: 'x' } }), 'attributes-invalid');
    assert.equal(decide('ann', file('plan'), { context: { other: 1 } }), 'attributes-invalid');
    assert.equal(decide('ann', { type: 'Team', id: 'a' }), 'attributes-invalid');
    assert.equal(decide('ann', file('plan')), 'permit', 'and nothing of it stays');
  });

  it('denies as policy-error when a forbid errs, although Cedar would skip it', () => {
    const level = 2n ** 63n - 1n;
    assert.equal(decide('ann', file('plan'), { resourceAttributes: { level } }), 'policy-error files.cedar#level');
  });

  it('is the same after any question', () => {
    const id = fc.constantFrom('ann', 'bob', 'plan', 'secret', 'new', 'a');
    const uid = fc.record({ type: fc.constantFrom('Person', 'File', 'Team', 'Nothing'), id });
    const attributes = fc.option(
      fc.dictionary(
        fc.constantFrom('level', 'owner', 'boss', 'x'),
        fc.oneof(fc.integer(), fc.string(), fc.record({ __entity: uid })),
      ),
      { nil: undefined },
    );
    const before = JSON.stringify(answers(model));
    fc.assert(
      fc.property(uid, uid, attributes, attributes, (principal, resource, principalAttributes, resourceAttributes) => {
        model.decide({ principal, resource, action: OPEN, context: {}, principalAttributes, resourceAttributes });
        assert.equal(JSON.stringify(answers(model)), before);
      }),
    );
  });

  it('answers as Cedar does about a store that holds what was said', () => {
    const compiled = compilePolicies({ policies: Object.values(POLICIES).join('\n'), schema: SCHEMA });
    assert.ok(compiled.ok);
    const level = fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined });
    const who = fc.constantFrom('ann', 'bob', 'new', 'other');
    const what = fc.constantFrom('plan', 'secret', 'note');
    fc.assert(
      fc.property(who, what, level, fc.option(who, { nil: undefined }), (principal, resource, high, owner) => {
        const said = {
          ...(high === undefined ? {} : { level: high }),
          ...(owner === undefined ? {} : { owner: entity(owner) }),
        };
        const known = ENTITIES.find(({ uid }) => uid.type === 'File' && uid.id === resource);
        const merged = { uid: file(resource), attrs: { ...said, ...known?.attrs }, parents: known?.parents ?? [] };
        const store = entityStore([...ENTITIES.filter((one) => one !== known), merged], SCHEMA);
        assert.ok(store.ok, JSON.stringify(store));
        const question = { principal: person(principal), action: OPEN, resource: file(resource), context: {} };
        const expected = authorize(compiled.value, store.value, question);
        const { code } = model.decide({ ...question, resourceAttributes: said });
        assert.equal(code === 'permit', expected.decision === 'allow');
        assert.equal(code === 'no-permit', expected.decision === 'deny' && expected.reason.length === 0);
      }),
    );
  });

  it('lists its entities by type, in order', () => {
    assert.deepEqual(model.idsOf('Person'), ['ann', 'bob']);
    assert.deepEqual(model.idsOf('File'), ['plan', 'secret']);
    assert.deepEqual(model.idsOf('Nothing'), []);
  });

  it('knows which names its schema does not have', () => {
    const types = ['Person', 'Team', 'Ghost', 'Person::X', 'not a type'];
    const actions = [
      OPEN,
      { type: 'Action', id: 'close' },
      { type: 'Other::Action', id: 'open' },
      { type: 'Action', id: '"); //' },
    ];
    assert.deepEqual(model.unknownNames({ types, actions }), [
      'Ghost',
      'Person::X',
      'not a type',
      'close',
      'open',
      '"); //',
    ]);
  });
});

/** What the model says about all that it knows. */
function answers(model: ForeignModel): unknown {
  return ENTITIES.flatMap(({ uid: principal }) =>
    ENTITIES.map(({ uid: resource }) => model.decide({ principal, action: OPEN, resource, context: {} }).code),
  );
}

describe('a foreign model does not load', () => {
  const problems: readonly (readonly [what: string, change: Parameters<typeof load>[0], expected: string[]])[] = [
    ['with a schema that is none', { schema: 'entity' }, ['x.cedarschema schema-invalid']],
    ['with a policy that does not parse', { policies: { 'a.cedar': 'permit (principal' } }, ['a.cedar policy-syntax']],
    [
      'with a policy that does not validate',
      { policies: { 'a.cedar': 'permit (principal, action, resource is Ghost);' } },
      ['a.cedar policy-invalid'],
    ],
    [
      'with two policies of one id',
      {
        policies: {
          'a.cedar': '@id("x") permit (principal, action, resource); @id("x") permit (principal, action, resource);',
        },
      },
      ['a.cedar policy-id-duplicate'],
    ],
    ['with entities that are no JSON', { entities: '[' }, ['x.json json-invalid']],
    [
      'with entities that do not fit',
      { entities: JSON.stringify([{ ...ENTITIES[1], attrs: { level: 'x' } }]) },
      ['x.json entities-invalid'],
    ],
    [
      'with a key that stands twice',
      { entities: '[{"uid":{"type":"Team","id":"a"},"attrs":{},"attrs":{},"parents":[]}]' },
      ['x.json json-duplicate-key'],
    ],
  ];
  for (const [what, change, expected] of problems) {
    it(what, () => {
      const model = load(change);
      assert.ok(!model.ok);
      assert.deepEqual([...new Set(model.error.map(({ code, source }) => `${source?.file ?? '-'} ${code}`))], expected);
    });
  }

  it('and says everything that is wrong at once', () => {
    const model = load({ policies: { 'a.cedar': 'permit (principal' }, entities: '[{}]' });
    assert.ok(!model.ok);
    assert.deepEqual(
      model.error.map(({ source }) => source?.file),
      ['a.cedar', 'x.json'],
    );
  });
});
