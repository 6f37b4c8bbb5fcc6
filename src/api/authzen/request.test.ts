import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readEvaluation, readEvaluations, readSearch } from './request.ts';

const GOOD = {
  subject: { type: 'user', id: 'ann' },
  action: { name: 'read' },
  resource: { type: 'book', id: 'atlas' },
};
const READ = {
  subject: { type: 'user', id: 'ann', properties: undefined },
  action: { name: 'read', properties: undefined },
  resource: { type: 'book', id: 'atlas', properties: undefined },
  context: undefined,
};

/** What is wrong with a request in place of the good one, and the words that say so. */
const WRONG: readonly (readonly [what: string, change: object, message: string])[] = [
  ['no subject', { subject: undefined }, '`subject` is missing'],
  ['a subject that is a text', { subject: 'ann' }, '`subject` must be an object'],
  ['a subject that is a list', { subject: [] }, '`subject` must be an object'],
  ['a subject that is nothing', { subject: null }, '`subject` must be an object'],
  ['a subject without a type', { subject: { id: 'ann' } }, '`subject.type` is missing'],
  ['a subject without an id', { subject: { type: 'user' } }, '`subject.id` is missing'],
  ['a number as a type', { subject: { type: 1, id: 'ann' } }, '`subject.type` must be a string'],
  ['a number as an id', { subject: { type: 'user', id: 7 } }, '`subject.id` must be a string'],
  ['nothing as an id', { subject: { type: 'user', id: null } }, '`subject.id` must be a string'],
  [
    'properties that are a list',
    { subject: { type: 'user', id: 'ann', properties: [] } },
    '`subject.properties` must be an object',
  ],
  ['no action', { action: undefined }, '`action` is missing'],
  ['an action that is a text', { action: 'read' }, '`action` must be an object'],
  ['an action without a name', { action: {} }, '`action.name` is missing'],
  ['an action whose name is no text', { action: { name: true } }, '`action.name` must be a string'],
  [
    'properties of an action that are a text',
    { action: { name: 'read', properties: 'x' } },
    '`action.properties` must be an object',
  ],
  ['no resource', { resource: undefined }, '`resource` is missing'],
  ['a resource without a type', { resource: { id: 'atlas' } }, '`resource.type` is missing'],
  ['a resource without an id', { resource: { type: 'book' } }, '`resource.id` is missing'],
  [
    'properties of a resource that are nothing',
    { resource: { type: 'book', id: 'x', properties: null } },
    '`resource.properties` must be an object',
  ],
  ['a context that is a text', { context: 'now' }, '`context` must be an object'],
  ['a context that is a list', { context: [] }, '`context` must be an object'],
  ['a context that is nothing', { context: null }, '`context` must be an object'],
];

describe('an evaluation request (AuthZEN 1.0)', () => {
  it('is read with all that it may hold, and what is not known is ignored', () => {
    assert.deepEqual(readEvaluation(GOOD), { ok: true, value: READ });
    const full = {
      subject: { ...GOOD.subject, properties: { a: 1 }, extra: 1 },
      action: { ...GOOD.action, properties: { b: 2 }, extra: [] },
      resource: { ...GOOD.resource, properties: { c: 3 }, extra: {} },
      context: { d: 4 },
      extra: 'x',
      options: 'not of this request',
    };
    const { subject, action, resource, context } = full;
    const without = ({ extra: _, ...rest }: { extra: unknown }): object => rest;
    assert.deepEqual(readEvaluation(full), {
      ok: true,
      value: { subject: without(subject), action: without(action), resource: without(resource), context },
    });
  });

  for (const body of [undefined, null, 'text', 1, true, [], [GOOD]]) {
    it(`is not ${JSON.stringify(body)}`, () => {
      assert.deepEqual(readEvaluation(body), { ok: false, error: 'the body must be an object' });
    });
  }

  for (const [what, change, message] of WRONG) {
    it(`is refused with ${what}`, () => {
      assert.deepEqual(readEvaluation({ ...GOOD, ...change }), { ok: false, error: message });
    });
  }

  it('is refused, never half read, whatever is in the place of a part', () => {
    const parts = ['subject', 'action', 'resource'] as const;
    fc.assert(
      fc.property(fc.constantFrom(...parts), fc.jsonValue(), (part, value) => {
        const read = readEvaluation({ ...GOOD, [part]: value });
        if (!read.ok) return;
        const { type, id, name } = Object(value) as Record<string, unknown>;
        assert.ok(part === 'action' ? typeof name === 'string' : typeof type === 'string' && typeof id === 'string');
      }),
    );
  });
});

describe('an evaluations request', () => {
  it('fills what an item lacks from the top, whole parts at a time', () => {
    const read = readEvaluations({
      ...GOOD,
      context: { at: 'top' },
      evaluations: [{}, { resource: { type: 'book', id: 'noir' } }, { context: {} }, { action: { name: 'borrow' } }],
    });
    assert.ok(read.ok && read.value !== undefined);
    const at = { ...READ, context: { at: 'top' } };
    assert.deepEqual(read.value.items, [
      { ok: true, value: at },
      { ok: true, value: { ...at, resource: { type: 'book', id: 'noir', properties: undefined } } },
      { ok: true, value: { ...at, context: {} } },
      { ok: true, value: { ...at, action: { name: 'borrow', properties: undefined } } },
    ]);
  });

  it('is a single evaluation without a list, or with an empty one', () => {
    for (const body of [GOOD, { ...GOOD, evaluations: [] }, { ...GOOD, options: {} }]) {
      assert.deepEqual(readEvaluations(body), { ok: true, value: undefined });
    }
  });

  for (const [what, change, message] of WRONG) {
    it(`holds an item in error, and others that are none, when one has ${what}`, () => {
      const wrong = Object.fromEntries(
        Object.entries({ ...GOOD, ...change }).filter(([, value]) => value !== undefined),
      );
      const read = readEvaluations({ evaluations: [GOOD, wrong, GOOD] });
      assert.ok(read.ok && read.value !== undefined);
      assert.deepEqual(read.value.items, [
        { ok: true, value: READ },
        { ok: false, error: message },
        { ok: true, value: READ },
      ]);
    });
  }

  it('holds an item in error for what is no object', () => {
    const read = readEvaluations({ ...GOOD, evaluations: [1, null, 'x', [], {}] });
    assert.ok(read.ok && read.value !== undefined);
    assert.deepEqual(
      read.value.items.map(({ ok }) => ok),
      [false, false, false, false, true],
    );
  });

  const refused: readonly (readonly [string, object, RegExp])[] = [
    ['a list that is an object', { evaluations: {} }, /`evaluations` must be an array/],
    ['a list that is nothing', { evaluations: null }, /`evaluations` must be an array/],
    ['a default that is no object', { evaluations: [GOOD], subject: 'ann' }, /`subject` must be an object/],
    ['options that are a list', { evaluations: [GOOD], options: [] }, /`options` must be an object/],
    [
      'a semantic that is not known',
      { evaluations: [GOOD], options: { evaluations_semantic: 'best' } },
      /must be `execute_all`/,
    ],
    [
      'a semantic of the wrong type',
      { evaluations: [GOOD], options: { evaluations_semantic: 1 } },
      /must be `execute_all`/,
    ],
    ['too many items', { evaluations: Array.from({ length: 1001 }, () => GOOD) }, /at most 1000/],
  ];
  for (const [what, body, message] of refused) {
    it(`is refused whole with ${what}`, () => {
      const read = readEvaluations(body);
      assert.ok(!read.ok);
      assert.match(read.error, message);
    });
  }

  it('knows three semantics', () => {
    const stops = ['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'].map((evaluations_semantic) => {
      const read = readEvaluations({ evaluations: [GOOD], options: { evaluations_semantic, other: 1 } });
      return read.ok ? read.value?.stopOn : 'refused';
    });
    assert.deepEqual(stops, [undefined, false, true]);
  });
});

describe('a search request', () => {
  it('ignores the id of what is sought', () => {
    for (const id of [undefined, 'ann', 7, null, {}]) {
      const subject = { type: 'user', ...(id === undefined ? {} : { id }) };
      const read = readSearch({ ...GOOD, subject }, 'subject');
      assert.ok(read.ok, JSON.stringify(read));
      assert.equal(read.value.subject.id, '');
      const resource = { type: 'book', ...(id === undefined ? {} : { id }) };
      const other = readSearch({ ...GOOD, resource }, 'resource');
      assert.equal(other.ok && other.value.resource.id, '');
    }
    const { action: _, ...rest } = GOOD;
    for (const body of [rest, GOOD, { ...GOOD, action: 7 }]) {
      const read = readSearch(body, 'action');
      assert.equal(read.ok && read.value.action.name, '');
    }
  });

  const refused: readonly (readonly ['subject' | 'resource' | 'action', object, string])[] = [
    ['subject', { subject: undefined }, '`subject` is missing'],
    ['subject', { subject: {} }, '`subject.type` is missing'],
    ['subject', { resource: { type: 'book' } }, '`resource.id` is missing'],
    ['subject', { action: undefined }, '`action` is missing'],
    ['resource', { subject: { type: 'user' } }, '`subject.id` is missing'],
    ['resource', { resource: undefined }, '`resource` is missing'],
    ['action', { subject: { type: 'user' } }, '`subject.id` is missing'],
    ['action', { resource: { type: 'book' } }, '`resource.id` is missing'],
    ['subject', { page: [] }, '`page` must be an object'],
    ['subject', { page: { token: 1 } }, '`page.token` must be a string'],
    ['subject', { page: { limit: 0 } }, '`page.limit` must be a whole number above 0'],
    ['subject', { page: { limit: 1.5 } }, '`page.limit` must be a whole number above 0'],
    ['subject', { page: { limit: '10' } }, '`page.limit` must be a whole number above 0'],
    ['subject', { context: 1 }, '`context` must be an object'],
  ];
  for (const [sought, change, message] of refused) {
    it(`for a ${sought} is refused with ${JSON.stringify(change)}`, () => {
      assert.deepEqual(readSearch({ ...GOOD, ...change }, sought), { ok: false, error: message });
    });
  }

  it('has pages of 100 unless it says otherwise, and of 1000 at most', () => {
    const limits = [{}, { page: {} }, { page: { limit: 7 } }, { page: { limit: 5000 } }].map((more) => {
      const read = readSearch({ ...GOOD, ...more }, 'subject');
      return read.ok && read.value.limit;
    });
    assert.deepEqual(limits, [100, 100, 7, 1000]);
  });
});
