import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { DecisionModel } from './decision-model.ts';
import { readSearch, type Search, type Sought } from './request.ts';
import { search, type SearchPage } from './search.ts';
import { deny, NO_PERMIT, PERMIT } from './verdict.ts';

/** Knows numbers; permits on those that `isIn` takes. */
function numbers(ids: readonly string[], isIn: (id: string) => boolean): DecisionModel {
  return {
    evaluate: ({ subject, action, resource }) => {
      const sought = [subject.id, resource.id, action.name].find((one) => one !== 'fixed') ?? '';
      return isIn(sought) ? PERMIT : NO_PERMIT;
    },
    idsOf: (_sought, type) => (type === 'number' ? ids : undefined),
    actions: ids,
    formsOf: (_sought, found) => [found],
  };
}

const FIXED = {
  subject: { type: 'number', id: 'fixed' },
  action: { name: 'fixed' },
  resource: { type: 'number', id: 'fixed' },
};

function queryOf(sought: Sought, more: object = {}): Search {
  const read = readSearch({ ...FIXED, ...more }, sought);
  assert.ok(read.ok, JSON.stringify(read));
  return read.value;
}

async function page(model: DecisionModel, sought: Sought, more: object = {}): Promise<SearchPage> {
  const found = await search(model, { modelId: 'numbers', sought, query: queryOf(sought, more), bytes: 100 });
  assert.ok(found.ok, JSON.stringify(found));
  return found.value;
}

/** Follows the tokens to the end; calls `between` before each next page. */
async function all(
  model: DecisionModel,
  sought: Sought,
  limit: number,
  between: () => void = () => {},
): Promise<string[]> {
  const found: string[] = [];
  let token = '';
  for (let pages = 0; pages < 10_000; pages++) {
    const { results, page: next } = await page(model, sought, { page: { limit, token } });
    assert.ok(results.length <= limit);
    assert.equal(next.count, results.length);
    for (const result of results as { id?: string; name?: string }[]) found.push(result.id ?? result.name ?? '');
    if (next.next_token === '') return found;
    token = next.next_token;
    between();
  }
  throw new Error('the pages never end');
}

const idsUpTo = (count: number): string[] => Array.from({ length: count }, (_, at) => `n${at}`).sort();

describe('a search (AuthZEN 1.0)', () => {
  for (const sought of ['subject', 'resource', 'action'] as const) {
    it(`for a ${sought} finds exactly what is permitted, each once, whatever the size of a page`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 40 }),
          fc.integer({ min: 1, max: 12 }),
          fc.integer({ min: 1, max: 5 }),
          async (words, limit, every) => {
            const ids = words.filter((word) => word !== 'fixed' && word.isWellFormed()).sort();
            const permitted = new Set(ids.filter((_, at) => at % every === 0));
            assert.deepEqual(
              await all(
                numbers(ids, (id) => permitted.has(id)),
                sought,
                limit,
              ),
              ids.filter((id) => permitted.has(id)),
            );
          },
        ),
      );
    });
  }

  it('goes through 100,000 candidates of which two are permitted, without a page that seems the last', async () => {
    const ids = idsUpTo(100_000);
    const found = await all(
      numbers(ids, (id) => id === 'n0' || id === 'n99999'),
      'subject',
      100,
    );
    assert.deepEqual(found, ['n0', 'n99999']);
  });

  it('finds what stays, and nothing twice, when things come and go between pages', async () => {
    const ids = idsUpTo(1000);
    const stay = new Set(ids.filter((_, at) => at % 3 === 0));
    let round = 0;
    const found = await all(
      numbers(ids, () => true),
      'subject',
      10,
      () => {
        round += 1;
        const leaving = ids.findIndex((id, at) => at > round && !stay.has(id));
        if (leaving >= 0) ids.splice(leaving, 1);
        ids.push(`m${round}`);
        ids.sort();
      },
    );
    assert.equal(new Set(found).size, found.length);
    for (const id of stay) assert.ok(found.includes(id), id);
  });

  it('answers in the words of the standard', async () => {
    const model = numbers(['1', '2'], () => true);
    const done = { next_token: '', count: 2 };
    const both = [
      { type: 'number', id: '1' },
      { type: 'number', id: '2' },
    ];
    assert.deepEqual(await page(model, 'subject'), { results: both, page: done });
    assert.deepEqual(await page(model, 'resource'), { results: both, page: done });
    assert.deepEqual(await page(model, 'action'), { results: [{ name: '1' }, { name: '2' }], page: done });
  });

  it('finds nothing of a type that is not known, and says so', async () => {
    const model: DecisionModel = { ...numbers(['1'], () => true), evaluate: () => deny('type-unknown') };
    const title = 'The model does not know this type';
    assert.deepEqual(await page(model, 'subject', { subject: { type: 'letter' } }), {
      results: [],
      page: { next_token: '', count: 0 },
      context: { reason_admin: { 'type-unknown': title }, reason_user: { 'type-unknown': title } },
    });
  });

  describe('goes on', () => {
    const model = numbers(idsUpTo(10), () => true);
    let token: string;
    before(async () => {
      ({ next_token: token } = (await page(model, 'subject', { page: { limit: 3 } })).page);
    });
    const withToken = async (sought: Sought, more: object): Promise<string> => {
      const query = queryOf(sought, { page: { token, limit: 3 }, ...more });
      const found = await search(model, { modelId: 'numbers', sought, query, bytes: 100 });
      return found.ok ? 'a page' : found.error;
    };
    const other = '`page.token` belongs to another question, or to none; begin without one';

    it('with the same question, whatever the size of the page and what is ignored', async () => {
      assert.equal(await withToken('subject', {}), 'a page');
      assert.equal(await withToken('subject', { page: { token, limit: 9 } }), 'a page');
      assert.equal(await withToken('subject', { subject: { type: 'number', id: 'other' }, extra: 1 }), 'a page');
    });

    const changes: readonly (readonly [string, Sought, object | (() => object)])[] = [
      ['another resource', 'subject', { resource: { type: 'number', id: 'other' } }],
      ['another type of resource', 'subject', { resource: { type: 'letter', id: 'fixed' } }],
      ['properties of the resource', 'subject', { resource: { type: 'number', id: 'fixed', properties: { a: 1 } } }],
      ['another action', 'subject', { action: { name: 'other' } }],
      ['properties of the action', 'subject', { action: { name: 'fixed', properties: { a: 1 } } }],
      ['another type of subject', 'subject', { subject: { type: 'letter' } }],
      ['a context', 'subject', { context: { a: 1 } }],
      ['another search', 'resource', {}],
      ['a token that was changed', 'subject', () => ({ page: { token: `x${token}` } })],
      ['a token that is none', 'subject', { page: { token: 'begin' } }],
      ['half a token', 'subject', () => ({ page: { token: token.split('.')[0] } })],
    ];
    for (const [what, sought, change] of changes) {
      it(`not with ${what}`, async () => {
        assert.equal(await withToken(sought, typeof change === 'function' ? change() : change), other);
      });
    }

    it('not at another model', async () => {
      const found = await search(model, {
        modelId: 'letters',
        sought: 'subject',
        query: queryOf('subject', { page: { token } }),
        bytes: 100,
      });
      assert.deepEqual(found, { ok: false, error: other });
    });
  });
});
