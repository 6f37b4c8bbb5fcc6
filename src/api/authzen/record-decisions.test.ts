import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { manualClock } from '#base';
import { buildEvent, type OcsfEvent } from '#model';
import { HOSTS } from '../testdata/api-bench.ts';
import { createRecorder } from './record-decisions.ts';
import { type DecisionBench, openDecisionBench, question } from './testdata/decision-bench.ts';
import { readEvaluation } from './request.ts';
import { NO_PERMIT, PERMIT } from './verdict.ts';

describe('the journal of decisions', () => {
  let bench: DecisionBench;
  before(async () => {
    bench = await openDecisionBench();
  });
  after(async () => await bench.close());
  /** Resolves when everything before is in the journal. */
  const written = async (): Promise<void> => {
    const about = { class: 'entityManagement', activity: 'other', time: 0, message: '' } as const;
    await bench.journal.append(buildEvent(about));
  };
  const events = (pattern: RegExp): OcsfEvent[] =>
    bench.journal.recent(500).filter(({ class_uid, message }) => class_uid === 6003 && pattern.test(message));

  it('holds refused keys, not as often as they come, and never a key', async () => {
    for (let round = 0; round < 40; round++) {
      await bench.ask('/library/access/v1/evaluation', {}, { key: 'cordon_authzen_guessed' });
    }
    await written();
    const refused = events(/without a key/);
    assert.equal(refused.length, 25);
    assert.equal(refused[0]?.status_code, 'not-authenticated');
    bench.clock.advance(1000);
    const { key } = await bench.addClient('second', ['cordon']);
    await bench.ask('/library/access/v1/evaluation', {}, { key });
    await written();
    const [mine] = events(/second was refused/);
    assert.deepEqual(
      [mine?.status_code, (mine?.actor as { app_name?: string } | undefined)?.app_name],
      ['forbidden', 'second'],
    );
    const all = JSON.stringify(bench.journal.recent(1000));
    assert.ok(!all.includes('guessed') && !all.includes(bench.key));
  });

  it('holds who asked what, a few a second and rather denials, and counts all', async () => {
    const [permit, deny] = [question('ann', 'borrow', 'atlas'), question('cat', 'borrow', 'atlas')];
    const headers = { 'x-request-id': 'req-1' };
    await bench.ask('/library/access/v1/evaluations', { evaluations: [permit, permit, deny, deny] }, { headers });
    await written();
    const [sample, second] = events(/was told that/);
    assert.equal(second, undefined, 'one of a request');
    assert.equal(sample?.message, 'first was told that reader cat is denied (no-permit): borrow book atlas');
    assert.equal(sample.status_code, 'no-permit');
    assert.equal(sample.action_id, 2);
    assert.deepEqual(sample.actor, { app_uid: bench.clientId, app_name: 'first' });
    assert.deepEqual(sample['api'], { operation: 'POST /access/v1/evaluation', request: { uid: 'req-1' } });
    for (let round = 0; round < 60; round++) await bench.ask('/library/access/v1/evaluation', permit);
    await written();
    assert.equal(events(/was told that/).length, 25, 'no more than there is room for');
    await bench.api.close();
    const [count] = events(/permits and/);
    assert.equal(count?.message, 'first was told 62 permits and 2 denials of library');
    assert.deepEqual(count.unmapped?.cordon, { model: 'library', permits: 62, denials: 2 });
  });
});

describe('the counts of decisions', () => {
  it('are written every ten seconds, and kept while the journal cannot be written', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const messages: string[] = [];
    let isFull = false;
    const journal = {
      append: async ({ message }: OcsfEvent): Promise<never> => {
        await Promise.resolve();
        if (isFull) throw new Error('the disk is full');
        messages.push(message);
        return undefined as never;
      },
    };
    const services = { clock: manualClock(0), journal: journal as never, hosts: HOSTS, onFailure: () => {} };
    const recorder = createRecorder(services);
    const client = { id: 'azc_1', name: 'shop', models: ['shop'], createdAt: 0, by: 'system' } as const;
    const read = readEvaluation(question('ann', 'browse', 'atlas'));
    assert.ok(read.ok);
    const decide = (model: string, ...permits: boolean[]): void => {
      const record = recorder.begin({ client, model, address: '127.0.0.1', requestId: undefined });
      for (const isPermit of permits) void record.settle(read.value, isPermit ? PERMIT : NO_PERMIT);
      record.end();
    };
    const tick = async (): Promise<string[]> => {
      t.mock.timers.tick(10_000);
      await new Promise((resolve) => setImmediate(resolve));
      return messages.splice(0).filter((message) => message.includes('permits and'));
    };
    decide('shop', true, false);
    decide('wiki', true);
    decide('shop', true);
    assert.deepEqual(await tick(), [
      'shop was told 2 permits and 1 denials of shop',
      'shop was told 1 permits and 0 denials of wiki',
    ]);
    assert.deepEqual(await tick(), [], 'nothing is said about nothing');
    isFull = true;
    decide('shop', false, false);
    assert.deepEqual(await tick(), []);
    isFull = false;
    decide('shop', true);
    assert.deepEqual(await tick(), ['shop was told 1 permits and 2 denials of shop']);
    await recorder.close();
    assert.deepEqual(messages, []);
  });
});
