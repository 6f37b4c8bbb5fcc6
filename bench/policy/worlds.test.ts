import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { authorize, compilePolicies } from '#policy';
import { type PaperApp, times } from './app.ts';
import { CORPUS_SCHEMA, corpus } from './corpus.ts';
import { compiled, stored, timeCedar } from './decisions.ts';
import { brokenGdrive, gdrive } from './gdrive.ts';
import { github } from './github.ts';
import { Choices } from './random.ts';
import { tinytodo } from './tinytodo.ts';

function allowed({ policies, world }: PaperApp, size: number): number {
  const { entities, request } = world(size, new Choices(7));
  const [ours, store] = [compiled(policies), stored(entities)];
  return times(300, request).filter((one) => authorize(ours, store, one).decision === 'allow').length;
}

describe('the applications of the Cedar paper', () => {
  for (const { app, count } of [
    { app: gdrive, count: 5 },
    { app: github, count: 8 },
    { app: tinytodo, count: 4 },
  ]) {
    it(`has ${count} policies for ${app.name}, which allow and deny as Cedar says`, () => {
      const policies = compiled(app.policies);
      assert.equal(policies.policies.length, count);
      const share = allowed(app, 50) / 300;
      assert.ok(share > 0.1 && share < 0.9, `${share}`);
      const { entities, request } = app.world(8, new Choices(1));
      const texts = Object.fromEntries(policies.policies.map(({ id, statement }) => [id, statement.text]));
      // It throws when an answer differs.
      assert.equal(timeCedar(texts, entities, times(60, request), policies).length, 60);
    });
  }

  it('allows less with the view names of the paper’s generator, which nobody has', () => {
    assert.ok(allowed(brokenGdrive, 40) < allowed(gdrive, 40) / 2);
  });
});

describe('a corpus of many policies', () => {
  for (const name of ['grants', 'organisation'] as const)
    it(`decides alike about ${name} whether heads or conditions say what a policy is about`, () => {
      const { policies, scanned, entities, request } = corpus(name, 400, new Choices(3));
      const heads = compilePolicies({ policies, schema: CORPUS_SCHEMA });
      assert.ok(heads.ok, JSON.stringify(heads));
      const [conditions, store] = [compiled(scanned()), stored(entities)];
      const answers = times(400, request).map((one) => {
        const found = authorize(heads.value, store, one);
        assert.deepEqual(found, authorize(conditions, store, one));
        return found.decision;
      });
      assert.ok(new Set(answers).size === 2, 'both decisions have to occur');
    });
});
