import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { buildEvent } from '#model';
import { ENGINE_LIMITS } from './engine.ts';
import {
  host,
  MINUTE,
  type MonitorBench,
  openMonitorBench,
  person,
  refusedFlow,
  refusedSignIn,
  START,
  times,
} from './testdata/monitor-bench.ts';

const FINDING = 2004;
const NETWORK_REMEDIATION = 7004;

let bench: MonitorBench;
afterEach(async () => await bench.close());

/** Wrong passwords for one account, one second apart. */
async function guess(count: number, userId = 'ada'): Promise<void> {
  for (let i = 0; i < count; i++) {
    bench.clock.advance(1000);
    await bench.happen(refusedSignIn({ userId, at: bench.clock.now() }));
  }
}

/** How often each alert is in the store, and what it counted. */
function counted(): [id: string, count: number][] {
  return bench.alerts().map(({ subjectId, count }) => [subjectId, count]);
}

describe('a monitor that is started again', () => {
  it('goes on counting where the last one ended', async () => {
    bench = await openMonitorBench();
    await bench.add({ users: [person('ada')] });
    await guess(5);
    bench.crash();
    await bench.monitor.idle();
    assert.deepEqual(counted(), []);
    await guess(1);
    assert.deepEqual(counted(), [['ada', 6]]);
  });

  it('after every single event counts, tells and holds against nobody twice', async () => {
    bench = await openMonitorBench();
    await bench.add({ users: [person('ada')] });
    for (let i = 0; i < 9; i++) {
      await guess(1);
      bench.crash();
      await bench.monitor.idle();
    }
    await bench.monitor.sweep();
    assert.deepEqual(counted(), [['ada', 9]]);
    assert.equal(bench.risk('user:ada')?.contributions.length, 1);
    assert.deepEqual(bench.told(FINDING).filter(({ activity_name: name }) => name === 'create').length, 1);
  });

  it('judges what happened while none was there', async () => {
    bench = await openMonitorBench();
    await bench.add({ users: [person('ada')] });
    bench.broken.store = true;
    for (const i of times(6, (index) => index)) {
      await bench.journal.append(refusedSignIn({ userId: 'ada', at: START + i }));
    }
    bench.broken.store = false;
    bench.crash();
    await bench.monitor.sweep();
    assert.deepEqual(counted(), [['ada', 6]]);
  });

  it('carries out a response that was decided and not done, once', async () => {
    bench = await openMonitorBench();
    const [from, ...targets] = times(6, (index) => host(index + 1));
    assert.ok(from);
    await bench.add({
      workloads: [from, ...targets],
      responses: [{ id: 'cut', when: 'port-probe', action: 'quarantine', mode: 'enforce' }],
    });
    bench.broken.quarantine = true;
    await bench.happen(...targets.map((to) => refusedFlow({ from, to, reporter: to.id, at: START })));
    bench.crash();
    bench.broken.quarantine = false;
    await bench.monitor.sweep();
    bench.crash();
    await bench.monitor.sweep();
    assert.deepEqual(bench.quarantined, ['wl-1']);
    assert.equal(bench.told(NETWORK_REMEDIATION).length, 1);
  });
});

describe('a monitor that is started again after more than the journal keeps in memory', () => {
  /** More events of no interest than the journal remembers. */
  async function flood(): Promise<void> {
    const noise = buildEvent({
      class: 'httpActivity',
      activity: 'get',
      time: bench.clock.now(),
      message: 'ok',
      status: 'success',
    });
    await Promise.all(
      times(2100, async (index) => {
        await bench.journal.append({ ...noise, metadata: { ...noise.metadata, uid: `noise-${index}` } });
      }),
    );
  }

  it('finds the refusals before it in the journal, and doubles none', async () => {
    bench = await openMonitorBench();
    await bench.add({ users: [person('ada'), person('bob')] });
    await guess(6, 'ada');
    await guess(5, 'bob');
    await flood();
    bench.crash();
    await bench.monitor.idle();
    assert.deepEqual(counted(), [['ada', 6]]);
    await guess(1, 'bob');
    assert.deepEqual(Object.fromEntries(counted()), { ada: 6, bob: 6 });
    assert.deepEqual(bench.warnings, []);
  });

  it('finds what only a disposition calls refused', async () => {
    bench = await openMonitorBench();
    const [from, ...targets] = times(6, (index) => host(index + 1));
    assert.ok(from);
    await bench.add({ workloads: [from, ...targets] });
    const flows = targets.map((to) => {
      const { action_id: _action, ...event } = refusedFlow({ from, to, reporter: to.id, at: START });
      return event;
    });
    await bench.happen(...flows.slice(0, 4));
    await flood();
    bench.crash();
    await bench.happen(...flows.slice(4));
    assert.deepEqual(counted(), [['wl-1', 5]]);
  });

  it('judges what came while none was there, also when it has left the memory', async () => {
    bench = await openMonitorBench();
    await bench.add({ users: [person('ada')] });
    await bench.monitor.idle();
    bench.die();
    for (const i of times(6, (index) => index)) {
      await bench.journal.append(refusedSignIn({ userId: 'ada', at: START + i }));
    }
    await flood();
    bench.crash();
    await bench.monitor.sweep();
    assert.deepEqual(counted(), [['ada', 6]]);
  });

  it('says so when the journal cannot be asked, and judges what it has', async () => {
    bench = await openMonitorBench();
    await bench.add({ users: [person('ada')] });
    await flood();
    bench.broken.query = true;
    bench.crash();
    await guess(6);
    await bench.monitor.sweep();
    assert.deepEqual(counted(), [['ada', 6]]);
    assert.equal(bench.told(FINDING).filter(({ status_code: code }) => code === 'history-unreadable').length, 1);
  });
});

describe('a monitor whose surroundings fail', () => {
  it('keeps detections while the store cannot be written, says so once, and writes them when it can', async () => {
    bench = await openMonitorBench();
    await bench.add({ users: [person('ada')] });
    await bench.monitor.idle();
    bench.broken.store = true;
    await guess(8);
    await bench.monitor.sweep();
    await bench.monitor.sweep();
    assert.deepEqual(counted(), []);
    bench.broken.store = false;
    await bench.monitor.sweep();
    assert.deepEqual(counted(), [['ada', 8]]);
    const troubles = bench.told(FINDING).filter(({ status_code: code }) => code === 'store-failed');
    assert.equal(troubles.length, 1);
    assert.equal(bench.warnings.filter((code) => code === 'CORDON_MONITOR_STORE_FAILED').length, 1);
  });

  it('raises the alert while the journal cannot be written, and tells it when it can, once', async () => {
    bench = await openMonitorBench();
    await bench.add({ users: [person('ada')] });
    bench.broken.journal = true;
    await guess(6);
    assert.deepEqual([counted(), bench.told(FINDING)], [[['ada', 6]], []]);
    bench.broken.journal = false;
    await bench.monitor.sweep();
    await bench.monitor.sweep();
    assert.equal(
      bench.told(FINDING).filter(({ activity_name: name, is_alert: is }) => name === 'create' && is === true).length,
      1,
    );
  });

  it('loses only the event when a rule fails, and says which rule', async () => {
    const { RULES } = await import('./catalogue.ts');
    const [guessing] = RULES;
    assert.ok(guessing);
    const bad = {
      ...guessing,
      id: 'bad-rule',
      match: () => {
        throw new Error('a bug');
      },
    };
    bench = await openMonitorBench({ rules: [bad, guessing] });
    await bench.add({ users: [person('ada')] });
    await guess(6);
    assert.deepEqual(counted(), [['ada', 6]]);
    await bench.monitor.sweep();
    const trouble = bench.told(FINDING).find(({ status_code: code }) => code === 'rule-failed');
    assert.match(trouble?.message ?? '', /bad-rule.*a bug/);
  });

  it('is not misled by a clock that jumps: an event from the future counts as now, and a jump back forgets nothing', async () => {
    bench = await openMonitorBench();
    await bench.add({ users: [person('ada')] });
    await bench.happen(refusedSignIn({ userId: 'ada', at: START + 24 * 60 * MINUTE }));
    await guess(4);
    assert.deepEqual(counted(), []);
    bench.clock.advance(-5 * MINUTE);
    await guess(1);
    assert.deepEqual(counted(), [['ada', 6]]);
  });
});

describe('the memory of a monitor', () => {
  it('is bounded by the number of keys, and says when counts had to be given up', async () => {
    bench = await openMonitorBench({ limits: { ...ENGINE_LIMITS, keysPerRule: 20 } });
    await bench.happen(...times(100, (i) => refusedSignIn({ userId: `user-${i}`, address: `10.1.${i}.1`, at: START })));
    await bench.monitor.sweep();
    const alert = bench.alerts().find(({ ruleId }) => ruleId === 'detection-memory-full');
    assert.deepEqual([alert?.subjectKind, alert?.subjectId, alert?.status], ['system', 'monitor', 'open']);
    assert.match(alert?.detail ?? '', /80 of `password-guessing`/);
  });

  it('keeps what is active: a flood about others does not hide an attack that goes on', async () => {
    bench = await openMonitorBench({ limits: { ...ENGINE_LIMITS, keysPerRule: 20 } });
    await bench.add({ users: [person('ada')] });
    for (let round = 0; round < 6; round++) {
      const flood = times(15, (i) =>
        refusedSignIn({ userId: `noise-${round}-${i}`, address: `10.${round}.${i}.1`, at: START }),
      );
      await bench.happen(refusedSignIn({ userId: 'ada', at: START + round }), ...flood);
    }
    assert.ok(bench.alerts().some(({ ruleId, subjectId }) => ruleId === 'password-guessing' && subjectId === 'ada'));
  });

  it('opens at most two hundred alerts per rule; what follows goes to one for all others', async () => {
    bench = await openMonitorBench();
    for (let block = 0; block < 205; block++) {
      await bench.happen(
        ...times(6, (i) =>
          refusedSignIn({ userId: `u-${block}`, address: `10.0.${block}.1`, at: START + block * 10 + i }),
        ),
      );
    }
    await bench.monitor.sweep();
    const open = bench.alerts().filter(({ ruleId }) => ruleId === 'password-guessing');
    assert.equal(open.length, 201);
    const rest = open.find(({ subjectId }) => subjectId === 'others');
    assert.deepEqual([rest?.subjectKind, rest?.count], ['system', 30]);
  });
});
