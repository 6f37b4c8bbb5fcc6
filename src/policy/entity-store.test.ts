import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compiled } from './evaluate/testdata/both-sides.ts';
import { exactJson } from './fuzz/told.ts';
import { oracleEntityProblems } from './fuzz/oracle.ts';
import {
  authorize,
  type EntityChange,
  type EntityJson,
  type EntityStore,
  entityStore,
  updateEntities,
} from './index.ts';

type Uid = EntityJson['uid'];
const user = (id: string): Uid => ({ type: 'User', id });
const group = (id: string): Uid => ({ type: 'Group', id });
const entity = (uid: Uid, parents: Uid[] = [], attrs: EntityJson['attrs'] = {}): EntityJson => ({
  uid,
  attrs,
  parents,
});

function store(entities: readonly unknown[], schema?: string): EntityStore {
  const result = entityStore(entities as readonly EntityJson[], schema);
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

function update(target: EntityStore, change: EntityChange): void {
  const result = updateEntities(target, change);
  assert.ok(result.ok, JSON.stringify(result));
}

const holds = (entities: EntityStore, condition: string, principal = user('ada')): 'true' | 'false' | 'error' => {
  const policies = compiled(`permit (principal, action, resource) when { ${condition} };`);
  const request = { principal, action: { type: 'Action', id: 'a' }, resource: group('r') };
  const { decision, errors } = authorize(policies, entities, request);
  return errors.length > 0 ? 'error' : decision === 'allow' ? 'true' : 'false';
};

const SCHEMA = `entity Group in [Group]; entity User in [Group] { n: Long, ip?: ipaddr, best?: User, list?: Set<decimal>, r?: { a: Long, b?: String }, c?: Colour } tags String;
entity Colour enum ["red", "blue"]; action top; action read in [top] appliesTo { principal: [User], resource: [Group] };`;

describe('entityStore', () => {
  const ada = user('ada');
  const attrs = (value: unknown): unknown => [{ uid: ada, attrs: { v: value }, parents: [] }];
  const extension = (fn: string, ...args: unknown[]): unknown => ({ __extn: { fn, args } });
  // Each is taken or refused by Cedar too.
  const forms: [string, unknown][] = [
    ['no entities', []],
    ['an entity with an unknown field', [{ uid: ada, attrs: {}, parents: [], more: 1 }]],
    ['an entity without attrs', [{ uid: ada, parents: [] }]],
    ['an entity without parents', [{ uid: ada, attrs: {} }]],
    ['attrs that are null', [{ uid: ada, attrs: null, parents: [] }]],
    ['attrs that are a list', [{ uid: ada, attrs: [], parents: [] }]],
    ['parents that are an object', [{ uid: ada, attrs: {}, parents: {} }]],
    ['tags that are null', [{ uid: ada, attrs: {}, parents: [], tags: null }]],
    ['a uid with __entity', [{ uid: { __entity: ada }, attrs: {}, parents: [{ __entity: group('g') }] }]],
    ['a uid that is a text', [{ uid: 'User::"ada"', attrs: {}, parents: [] }]],
    ['a parent that is a number', [{ uid: ada, attrs: {}, parents: [1] }]],
    ['a uid with __expr', [{ uid: { __expr: 'User::"ada"' }, attrs: {}, parents: [] }]],
    ['the same entity twice', [entity(ada, [], { a: [1, 2] }), entity(ada, [], { a: [2, 1, 1] })]],
    ['two entities of one uid', [entity(ada, [group('g')]), entity(ada)]],
    ['an entity that is its own parent', [entity(ada, [ada])]],
    [
      'a longer cycle',
      [entity(group('a'), [group('b')]), entity(group('b'), [group('c')]), entity(group('c'), [group('a')])],
    ],
    [
      'a diamond',
      [
        entity(group('a'), [group('b'), group('c')]),
        entity(group('b'), [group('d')]),
        entity(group('c'), [group('d')]),
      ],
    ],
    ['a parent given twice', [entity(ada, [group('g'), group('g')])]],
    ['an action below an action', [entity({ type: 'Ns::Action', id: 'a' }, [{ type: 'Action', id: 'b' }])]],
    ['an action below a group', [entity({ type: 'Action', id: 'a' }, [group('g')])]],
    ['null', attrs(null)],
    ['null in a set', attrs([null])],
    ['a nested record', attrs({ a: { '': [] } })],
    ['a reference', attrs({ __entity: ada })],
    ['a reference with more beside it', attrs({ __entity: ada, x: 1 })],
    ['a reference of a bad type', attrs({ __entity: { type: 'a b', id: 'x' } })],
    ['a record that looks like a reference', attrs({ __entity: 'x' })],
    ['an extension value', attrs(extension('ip', '10.0.0.1'))],
    ['an extension value with `arg`', attrs({ __extn: { fn: 'decimal', arg: '1.0' } })],
    ['an extension value that cannot be read', attrs(extension('ip', '10.0.0'))],
    ['a constructor of a number', attrs(extension('ip', 1))],
    ['too many arguments', attrs(extension('ip', '::1', '::2'))],
    ['no arguments', attrs(extension('ip'))],
    ['a function that does not exist', attrs(extension('exec', 'x'))],
    ['a method', attrs(extension('offset', extension('datetime', '2024-01-01'), extension('duration', '1d')))],
    ['a method that yields a truth value', attrs(extension('isIpv4', extension('ip', '::1')))],
    ['a record that looks like an extension value', attrs({ __extn: 1 })],
    ['__expr', attrs({ __expr: '1 + 1' })],
    ['a record that looks like __expr', attrs({ __expr: 1 })],
    ['an integer beyond 2^53', attrs(2n ** 63n - 1n)],
    ...[
      'A::B',
      '_a',
      'principal',
      'Action',
      'A :: B',
      ' A',
      'A\n',
      '',
      '9a',
      'Ä',
      'a-b',
      'A::',
      '::A',
      'if',
      'true',
      'in',
      'A::if',
      '__cedar',
      '__cedar::X',
      'A::__cedar',
    ].map((type): [string, unknown] => [`the type ${JSON.stringify(type)}`, [entity({ type, id: 'x' })]]),
  ];
  for (const [name, entities] of forms) {
    it(`takes or refuses ${name} as Cedar does`, () => {
      const told = oracleEntityProblems({
        entities: exactJson(entities) as object[],
        entitySchema: undefined,
        policySchema: undefined,
        parts: { staticPolicies: {}, templates: {}, templateLinks: [] },
      });
      const result = entityStore(entities as EntityJson[]);
      assert.equal(result.ok, told.length === 0, `${JSON.stringify(result)} ${told.join()}`);
    });
  }

  it('says all that is wrong, and where', () => {
    const result = entityStore([
      entity(ada, [], { a: [1, { b: 1.5 }] }),
      entity(user('b c'), [], {}),
      { uid: 1 } as never,
    ]);
    assert.ok(!result.ok);
    assert.deepEqual(
      result.error.map(({ code, message }) => `${code} ${message}`),
      [
        'integer-invalid `entities[0].attrs.a[1].b` is not an exact integer',
        'entities-invalid `entities[2].uid` is not a uid',
      ],
    );
  });

  const typed: [string, EntityJson['attrs'], string][] = [
    ['what the schema says', { n: 1 }, 'ok'],
    ['a missing attribute', {}, 'lacks the attribute `n`'],
    ['an attribute too much', { n: 1, m: 1 }, 'has the attribute `m`'],
    ['another type', { n: '1' }, 'must be of type Long, but is of type string'],
    ['an address written as text', { n: 1, ip: '10.0.0.1' }, 'ok'],
    ['an address written as call', { n: 1, ip: { fn: 'ip', arg: '10.0.0.1' } }, 'ok'],
    ['a wrong address', { n: 1, ip: '10.0.0' }, 'is no ipaddr'],
    ['another extension type', { n: 1, ip: { fn: 'decimal', arg: '1.0' } }, 'must be of type ipaddr'],
    ['a reference without __entity', { n: 1, best: user('b') }, 'ok'],
    ['a reference of another type', { n: 1, best: group('b') }, 'must be of type User'],
    ['a reference that is text', { n: 1, best: 'b' }, 'must be of type User'],
    ['decimals written as texts', { n: 1, list: ['1.0', { __extn: { fn: 'decimal', arg: '2.0' } }] }, 'ok'],
    ['a set with a wrong item', { n: 1, list: ['1.0', 2] }, 'must be of type decimal'],
    ['a record', { n: 1, r: { a: 1, b: 'x' } }, 'ok'],
    ['a record that lacks something', { n: 1, r: { b: 'x' } }, 'lacks the attribute `a`'],
    ['a record with too much', { n: 1, r: { a: 1, c: 1 } }, 'has the attribute `c`'],
    ['an enumerated entity', { n: 1, c: { type: 'Colour', id: 'red' } }, 'ok'],
    ['an enumerated entity that is not listed', { n: 1, c: { type: 'Colour', id: 'green' } }, 'has an id that'],
  ];
  for (const [name, given, outcome] of typed) {
    it(`with a schema ${outcome === 'ok' ? 'takes' : 'refuses'} ${name}, as Cedar does`, () => {
      const entities = [entity(ada, [], given)];
      const result = entityStore(entities, SCHEMA);
      const told = oracleEntityProblems({
        entities: exactJson(entities) as object[],
        entitySchema: SCHEMA,
        policySchema: undefined,
        parts: { staticPolicies: {}, templates: {}, templateLinks: [] },
      });
      assert.equal(told.length === 0, outcome === 'ok', told.join());
      if (outcome === 'ok') assert.ok(result.ok, JSON.stringify(result));
      else assert.ok(!result.ok && result.error[0]?.message.includes(outcome), JSON.stringify(result));
    });
  }

  const placed: [string, unknown[], boolean][] = [
    ['a parent of an allowed type', [entity(ada, [group('g')], { n: 1 })], true],
    ['a parent of another type', [entity(ada, [user('g')], { n: 1 })], false],
    ['a grandparent of another type', [entity(group('g'), [ada]), entity(user('b'), [group('g')], { n: 1 })], false],
    ['a type the schema does not have', [entity({ type: 'Robot', id: 'r' })], false],
    ['tags of the right type', [{ ...entity(ada, [], { n: 1 }), tags: { a: 'x' } }], true],
    ['tags of another type', [{ ...entity(ada, [], { n: 1 }), tags: { a: 1 } }], false],
    ['tags where the schema has none', [{ ...entity(group('g')), tags: { a: 'x' } }], false],
    ['no tags where the schema has none', [{ ...entity(group('g')), tags: {} }], true],
    ['an action as it is declared', [entity({ type: 'Action', id: 'read' }, [{ type: 'Action', id: 'top' }])], true],
    ['an action without what is above it', [entity({ type: 'Action', id: 'read' })], false],
    ['an action that is not declared', [entity({ type: 'Action', id: 'write' })], false],
    ['an enumerated entity that is not listed', [entity({ type: 'Colour', id: 'green' })], false],
  ];
  for (const [name, entities, isTaken] of placed)
    it(`with a schema ${isTaken ? 'takes' : 'refuses'} ${name}`, () => {
      assert.equal(entityStore(entities as EntityJson[], SCHEMA).ok, isTaken);
    });

  it('adds the actions of the schema, so that their groups are known', () => {
    const entities = store([], SCHEMA);
    const policies = compiled('permit (principal, action in Action::"top", resource);');
    const request = { principal: ada, action: { type: 'Action', id: 'read' }, resource: group('r') };
    assert.equal(authorize(policies, entities, request).decision, 'allow');
    assert.equal(authorize(policies, store([]), request).decision, 'deny');
  });

  it('shows policies with a schema the entities as Cedar reads them with it', () => {
    const policies = compiled(
      'permit (principal, action == Action::"read", resource) when { principal has ip && principal.ip.isIpv4() };',
      { schema: SCHEMA },
    );
    const request = { principal: ada, action: { type: 'Action', id: 'read' }, resource: group('r') };
    const plain = store([entity(ada, [], { n: 1, ip: '10.0.0.1' })]);
    assert.equal(authorize(policies, plain, request).decision, 'allow');
    update(plain, { upsert: [entity(ada, [], { n: 1, ip: '::1' })] });
    assert.equal(authorize(policies, plain, request).decision, 'deny');
    update(plain, { upsert: [entity(ada, [], { m: 1 })] });
    assert.equal(authorize(policies, plain, request).errors[0]?.policyId, '', 'does not conform any more');
    update(plain, { upsert: [entity(ada, [], { n: 1, ip: '10.0.0.1' })] });
    assert.equal(authorize(policies, plain, request).decision, 'allow', 'and conforms again');
  });
});

describe('updateEntities', () => {
  const world = (): EntityStore =>
    store([entity(user('ada'), [group('a')], { n: 1 }), entity(group('a'), [group('b')]), entity(group('b'))]);

  it('is seen by the next decision: attributes, parents and groups of groups', () => {
    const entities = world();
    const inB = 'principal in Group::"b"';
    assert.equal(holds(entities, inB), 'true');
    update(entities, { upsert: [entity(group('a'))] });
    assert.equal(holds(entities, inB), 'false');
    update(entities, { upsert: [entity(group('a'), [group('c')]), entity(group('c'), [group('b')])] });
    assert.equal(holds(entities, inB), 'true');
    update(entities, { upsert: [entity(user('ada'), [], { n: 2 })] });
    assert.deepEqual([holds(entities, inB), holds(entities, 'principal.n == 2')], ['false', 'true']);
  });

  it('moves what the index has remembered of an entity', () => {
    const entities = world();
    const policies = compiled(
      'permit (principal in Group::"b", action, resource); permit (principal in Group::"z", action, resource);',
    );
    const reason = (): string[] =>
      authorize(policies, entities, {
        principal: user('ada'),
        action: { type: 'Action', id: 'a' },
        resource: group('r'),
      }).reason;
    assert.deepEqual(reason(), ['policy0']);
    update(entities, { upsert: [entity(group('b'), [group('z')])] });
    assert.deepEqual(reason(), ['policy0', 'policy1']);
    update(entities, { remove: [group('a')] });
    assert.deepEqual(reason(), []);
  });

  it('removes entities, but not what others say about them', () => {
    const entities = world();
    update(entities, {
      upsert: [entity(user('eve'), [], { friend: { __entity: user('ada') } })],
      remove: [group('gone')],
    });
    assert.equal(holds(entities, 'principal.friend.n == 1', user('eve')), 'true');
    update(entities, { remove: [user('ada')] });
    assert.equal(holds(entities, 'principal.friend == User::"ada"', user('eve')), 'true');
    assert.equal(holds(entities, 'principal.friend.n == 1', user('eve')), 'error');
    assert.equal(holds(entities, 'principal in Group::"a"'), 'false');
    update(entities, { upsert: [entity(user('ada'), [group('a')], { n: 7 })] });
    assert.equal(
      holds(entities, 'principal.friend.n == 7 && principal.friend in Group::"b"', user('eve')),
      'true',
      'old references find it',
    );
  });

  it('lets a reference find an entity that comes later', () => {
    const entities = store([entity(user('eve'), [], { friend: { __entity: user('new') } })]);
    const knows =
      'principal.friend.n == 1 && principal.friend == User::"new" && [User::"new"].contains(principal.friend)';
    assert.equal(holds(entities, knows, user('eve')), 'error');
    update(entities, { upsert: [entity(user('new'), [], { n: 1 })] });
    assert.equal(holds(entities, knows, user('eve')), 'true');
  });

  const refused: [string, EntityChange, string][] = [
    ['a cycle', { upsert: [entity(group('b'), [group('a')])] }, 'entities-invalid'],
    ['an entity above itself', { upsert: [entity(group('new'), [group('new')])] }, 'entities-invalid'],
    ['a value that Cedar does not know', { upsert: [entity(user('ada'), [], { n: null })] }, 'value-invalid'],
    ['text that is not JSON', { upsert: '[' }, 'json-invalid'],
    ['a uid that is none', { remove: [1 as never] }, 'entities-invalid'],
    ['a list that is none', { upsert: {} as never }, 'entities-invalid'],
  ];
  for (const [name, change, code] of refused) {
    it(`refuses ${name}, and changes nothing`, () => {
      const entities = world();
      const before = entity(user('ada'), [], { n: 99 });
      const upsert =
        typeof change.upsert === 'object' && Array.isArray(change.upsert) ? [before, ...change.upsert] : change.upsert;
      const result = updateEntities(entities, {
        ...change,
        ...(upsert === undefined ? {} : { upsert }),
        remove: [group('b'), ...(change.remove ?? [])],
      });
      assert.equal(result.ok ? 'ok' : result.error[0]?.code, code);
      assert.equal(holds(entities, 'principal.n == 1 && principal in Group::"b"'), 'true');
      assert.equal(holds(entities, 'Group::"b" has x || Group::"a" in Group::"b"'), 'true');
    });
  }

  it('refuses what the schema of the store does not allow, and changes nothing', () => {
    const entities = store([entity(user('ada'), [], { n: 1 })], SCHEMA);
    for (const wrong of [
      entity(user('ada'), [], {}),
      entity(user('ada'), [user('b')], { n: 1 }),
      entity({ type: 'Robot', id: 'r' }),
    ])
      assert.ok(!updateEntities(entities, { upsert: [wrong] }).ok);
    assert.equal(holds(entities, 'principal.n == 1'), 'true');
  });

  it('comes to the same as a store that was made of the result, for any sequence of changes', () => {
    const ids = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const step = fc.record({ id: ids, parents: fc.subarray(['a', 'b', 'c', 'd', 'e']), isRemoved: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const changing = store([]);
        const known = new Map<string, EntityJson>();
        for (const { id, parents, isRemoved } of steps) {
          const next = entity(group(id), parents.map(group), { n: parents.length });
          const result = updateEntities(changing, isRemoved ? { remove: [group(id)] } : { upsert: [next] });
          if (!result.ok) continue;
          if (isRemoved) known.delete(id);
          else known.set(id, next);
          const fresh = store([...known.values()]);
          for (const one of ['a', 'b', 'c']) {
            for (const condition of [
              'principal in Group::"d"',
              'principal has n && principal.n == 2',
              'principal in [Group::"b", Group::"e"]',
            ])
              assert.equal(
                holds(changing, condition, group(one)),
                holds(fresh, condition, group(one)),
                `${one}: ${condition}`,
              );
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('lets two groups change places in one change, whatever the order', () => {
    const [a, b] = [group('a'), group('b')];
    for (const upsert of [
      [entity(a), entity(b, [a])],
      [entity(b, [a]), entity(a)],
    ]) {
      const entities = store([entity(a, [b]), entity(b)]);
      update(entities, { upsert });
      assert.equal(holds(entities, 'principal in Group::"a"', b), 'true');
      assert.equal(holds(entities, 'principal in Group::"b"', a), 'false');
      const refused = updateEntities(entities, { upsert: [entity(a, [b]), entity(user('u'))] });
      assert.ok(!refused.ok && refused.error.length === 1, 'a cycle that stays is refused');
      assert.equal(holds(entities, 'principal in Group::"b"', a), 'false', 'and nothing has changed');
    }
  });

  it('reads a chain of 20,000 groups, and knows who is below its end', () => {
    const length = 20_000;
    const link = (at: number): Uid => group(`g${at}`);
    const chain = Array.from({ length }, (_, at) => entity(link(at), at + 1 < length ? [link(at + 1)] : []));
    for (const entities of [store(chain, SCHEMA), store(chain)]) {
      assert.equal(holds(entities, `principal in Group::"g${length - 1}"`, link(0)), 'true');
      assert.equal(holds(entities, `principal in Group::"g${length - 1}"`, link(length - 2)), 'true');
      assert.equal(holds(entities, 'principal in Group::"g0"', link(1)), 'false');
      update(entities, { upsert: [entity(link(length / 2))] });
      assert.equal(holds(entities, `principal in Group::"g${length - 1}"`, link(0)), 'false');
    }
  });

  it('still knows who asks after thousands of others asked', () => {
    const entities = world();
    for (let at = 0; at < 5000; at += 1) holds(entities, 'principal has x', user(`guest${at}`));
    assert.equal(holds(entities, 'principal == User::"guest1" && principal in User::"guest1"', user('guest1')), 'true');
  });
});
