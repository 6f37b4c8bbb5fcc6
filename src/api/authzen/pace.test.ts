import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openDecisionBench } from './testdata/decision-bench.ts';
import { pace } from './pace.ts';

it('lets others have their turn after half a mebibyte of questions, and after 128 short ones', () => {
  const waits = (bytes: number, questions: number): number => {
    const turn = pace(bytes);
    return Array.from({ length: questions }, () => turn()).filter((pause) => pause !== undefined).length;
  };
  assert.equal(waits(100, 127), 0);
  assert.equal(waits(100, 128), 1);
  assert.equal(waits(100, 1000), 7);
  assert.equal(waits(512 * 1024, 3), 3);
});

it('does not let one large list of evaluations stand in everybody’s way', async () => {
  const bench = await openDecisionBench();
  let [turns, most] = [0, 0];
  const asked = new Map<number, number>();
  const { graph } = bench;
  const get = graph.get.bind(graph);
  graph.get = (kind, id) => {
    if (kind === 'user' && id === 'nobody') asked.set(turns, 1 + (asked.get(turns) ?? 0));
    return get(kind, id);
  };
  let timer = setImmediate(function next() {
    turns += 1;
    timer = setImmediate(next);
  });
  try {
    const body = {
      ...{ subject: { type: 'user', id: 'nobody' }, action: { name: 'access' }, resource: { type: 'app', id: 'wiki' } },
      context: { padding: 'x'.repeat(600 * 1024) },
      evaluations: Array.from({ length: 50 }, () => ({})),
    };
    const answer = await bench.ask('/access/v1/evaluations', body);
    assert.equal(answer.json<{ evaluations: unknown[] }>().evaluations.length, 50);
    most = Math.max(...asked.values());
  } finally {
    clearImmediate(timer);
    await bench.close();
  }
  assert.ok(most <= 2, `${most} of 50 questions were decided without a pause`);
});
