import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CordonError } from '#base';
import { type Answer, type Ask, type Calls, createCalls, type Methods } from './calls.ts';

/** Two sides that hear each other at once. */
function pair(methods: Methods): { readonly asking: Calls; readonly answering: Calls } {
  const to = (other: () => Calls) => (message: Ask | Answer) => {
    const copy = JSON.parse(JSON.stringify(message)) as Ask | Answer;
    if (copy.type === 'ask') other().onAsk(copy);
    else other().onAnswer(copy);
  };
  const asking: Calls = createCalls(
    to(() => answering),
    {},
  );
  const answering: Calls = createCalls(
    to(() => asking),
    methods,
  );
  return { asking, answering };
}

describe('a question to the other process', () => {
  it('is not asked while too much waits for it', async () => {
    let queued = 0;
    const sent: unknown[] = [];
    const calls = createCalls(
      (message) => void sent.push(message),
      {},
      () => queued,
    );
    void calls.ask('keep', 1).catch(() => undefined);
    queued = 65 * 1024 * 1024;
    await assert.rejects(calls.ask('keep', 2), { code: 'process-lost' });
    assert.equal(sent.length, 1);
  });

  it('is answered with what the method returns, each with its own', async () => {
    const { asking } = pair({ double: async (x: number) => await Promise.resolve(2 * x), nothing: () => undefined });
    assert.deepEqual(await Promise.all([asking.ask('double', 2), asking.ask('double', 5)]), [4, 10]);
    assert.equal(await asking.ask('nothing', null), undefined);
  });

  it('meets the failure of the other side with its code and hint', async () => {
    const { asking } = pair({
      fail: () => {
        throw new CordonError('store-unavailable', 'no store', { hint: 'look there' });
      },
    });
    await assert.rejects(asking.ask('fail', null), {
      code: 'store-unavailable',
      message: 'no store',
      hint: 'look there',
    });
  });

  it('meets any other failure as one, and so does a method that is not there', async () => {
    const { asking } = pair({ fail: async () => await Promise.reject(new TypeError('a bug')) });
    await assert.rejects(asking.ask('fail', null), /a bug/);
    await assert.rejects(asking.ask('unheard', null), /nobody here answers `unheard`/);
  });

  it('is refused when there is nobody any more, also one that is open', async () => {
    const { asking } = pair({ wait: async () => await new Promise(() => undefined) });
    const open = asking.ask('wait', null);
    asking.close();
    await assert.rejects(open, { code: 'process-lost' });
    await assert.rejects(asking.ask('wait', null), { code: 'process-lost' });
  });

  it('that nobody asked has no answer to disturb', () => {
    const { asking } = pair({});
    asking.onAnswer({ type: 'answer', id: 99, value: 1 });
  });
});
