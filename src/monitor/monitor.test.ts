import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { riskLevel, riskScore } from '#model';
import {
  host,
  HOUR,
  MINUTE,
  type MonitorBench,
  openMonitorBench,
  person,
  refusedFlow,
  refusedSignIn,
  times,
} from './testdata/monitor-bench.ts';

const FINDING = 2004;
const ENTITY = 3004;

let bench: MonitorBench;
afterEach(async () => await bench.close());

/** Wrong passwords for one account, one second apart. */
async function guess(count: number, userId = 'ada', address = '203.0.113.9'): Promise<void> {
  for (let i = 0; i < count; i++) {
    bench.clock.advance(1000);
    await bench.happen(refusedSignIn({ userId, address, at: bench.clock.now() }));
  }
}

function levelOf(riskId: string): string {
  return riskLevel(riskScore(bench.risk(riskId), bench.clock.now()));
}

describe('an alert', () => {
  it('opens with the sixth wrong password, names the evidence, and raises the risk of the account to medium', async () => {
    bench = await openMonitorBench();
    await bench.add({ users: [person('ada')] });
    await guess(5);
    assert.deepEqual([bench.alerts().length, levelOf('user:ada')], [0, 'low']);
    await guess(1);
    const [alert] = bench.alerts();
    assert.equal(bench.alerts().length, 1);
    assert.deepEqual(
      [alert?.ruleId, alert?.severity, alert?.subjectKind, alert?.subjectId, alert?.status, alert?.count],
      ['password-guessing', 'medium', 'user', 'ada', 'open', 6],
    );
    assert.equal(alert?.detail, '6 wrong passwords for ada@example.org from 203.0.113.9 within 10 min');
    const evidence = bench.told(3002).map(({ metadata }) => metadata.uid);
    assert.deepEqual(alert?.eventIds, evidence);
    assert.equal(levelOf('user:ada'), 'medium');
    assert.equal(bench.risk('user:ada')?.announced, 'medium');
    const [finding, ...more] = bench.told(FINDING);
    assert.equal(more.length, 0);
    assert.equal(finding?.activity_name, 'create');
    assert.equal(finding?.unmapped?.cordon['alertId'], alert?.id);
    const [risk] = bench.told(ENTITY);
    assert.deepEqual(risk?.unmapped?.cordon['risk'], {
      subjectKind: 'user',
      subjectId: 'ada',
      before: 'low',
      after: 'medium',
      score: 35,
    });
  });

  it('gathers what follows, and a flood is told at most once a minute', async () => {
    bench = await openMonitorBench();
    await bench.add({ users: [person('ada')] });
    await guess(30);
    await bench.monitor.sweep();
    const [alert] = bench.alerts();
    assert.deepEqual([bench.alerts().length, alert?.count, alert?.eventIds.length], [1, 30, 20]);
    assert.equal(alert?.lastAt, bench.clock.now());
    assert.deepEqual(
      bench.told(FINDING).map((event) => event.activity_name),
      ['create'],
    );
    bench.clock.advance(MINUTE);
    await guess(1);
    await bench.monitor.sweep();
    assert.deepEqual(
      bench.told(FINDING).map((event) => event.activity_name),
      ['create', 'update'],
    );
  });

  it('holds a repetition against the account once, so that guessing alone never makes it a high risk', async () => {
    bench = await openMonitorBench();
    await bench.add({ users: [person('ada')] });
    for (let round = 0; round < 8; round++) await guess(8, 'ada', `203.0.113.${round + 1}`);
    assert.deepEqual(
      bench
        .risk('user:ada')
        ?.contributions.map(({ ruleId }) => ruleId)
        .sort(),
      ['distributed-guessing', 'password-guessing'],
    );
    assert.equal(levelOf('user:ada'), 'medium');
  });

  it('counts a repeated event once', async () => {
    bench = await openMonitorBench();
    await bench.add({ users: [person('ada')] });
    const event = refusedSignIn({ userId: 'ada', at: bench.clock.now() });
    await bench.happen(...times(10, () => event));
    assert.deepEqual(bench.alerts(), []);
  });

  it('closes with who and why, starts from zero, and opens anew when it happens again', async () => {
    bench = await openMonitorBench();
    await bench.add({ users: [person('ada')] });
    await guess(7);
    const [alert] = bench.alerts();
    assert.ok(alert);
    const order = { alertId: alert.id, by: 'user:bob', reason: 'ada forgot it' };
    assert.deepEqual(await bench.monitor.closeAlert(order), { ok: true, value: undefined });
    const closed = bench.graph.get('alert', alert.id);
    assert.deepEqual([closed?.status, closed?.count], ['closed', 7]);
    assert.deepEqual(closed?.closed, { by: 'user:bob', at: bench.clock.now(), reason: 'ada forgot it' });
    assert.equal(bench.told(FINDING).at(-1)?.activity_name, 'close');
    const again = await bench.monitor.closeAlert(order);
    assert.equal(again.ok ? '' : again.error.code, 'alert-closed');
    await guess(5);
    assert.equal(bench.alerts().length, 1);
    await guess(1);
    assert.equal(bench.alerts().filter(({ status }) => status === 'open').length, 1);
    const unknown = await bench.monitor.closeAlert({ ...order, alertId: 'alr_x' });
    assert.equal(unknown.ok ? '' : unknown.error.code, 'alert-unknown');
  });

  it('that was closed stays closed across a restart', async () => {
    bench = await openMonitorBench();
    await bench.add({ users: [person('ada')] });
    await guess(6);
    bench.clock.advance(1000);
    await bench.monitor.closeAlert({ alertId: bench.alerts()[0]?.id ?? '', by: 'user:bob', reason: 'seen' });
    bench.crash();
    await guess(5);
    assert.deepEqual(
      bench.alerts().map(({ status }) => status),
      ['closed'],
    );
    await guess(1);
    assert.deepEqual(
      bench
        .alerts()
        .map(({ status }) => status)
        .sort(),
      ['closed', 'open'],
    );
  });

  it('is removed 90 days after it was closed', async () => {
    bench = await openMonitorBench();
    await bench.add({ users: [person('ada')] });
    await guess(6);
    await bench.monitor.closeAlert({ alertId: bench.alerts()[0]?.id ?? '', by: 'user:bob', reason: 'seen' });
    bench.clock.advance(90 * 24 * HOUR);
    await bench.monitor.sweep();
    assert.equal(bench.alerts().length, 1);
    bench.clock.advance(1);
    await bench.monitor.sweep();
    assert.deepEqual(bench.alerts(), []);
  });
});

describe('risk', () => {
  it('decays: the level falls when the score does, with one event and one write, and then it is forgotten', async () => {
    bench = await openMonitorBench();
    await bench.add({ users: [person('ada')] });
    await guess(6);
    const touched: string[] = [];
    bench.graph.onTouched(({ kind, id }) => {
      if (kind === 'risk') touched.push(id);
    });
    // 35 * 2^(-t / 3 h) is 30 after 40 minutes
    bench.clock.advance(39 * MINUTE);
    await bench.monitor.sweep();
    assert.deepEqual([levelOf('user:ada'), touched.length], ['medium', 0]);
    bench.clock.advance(2 * MINUTE);
    await bench.monitor.sweep();
    await bench.monitor.sweep();
    assert.deepEqual([levelOf('user:ada'), touched], ['low', ['user:ada']]);
    const fall = bench.told(ENTITY).at(-1)?.unmapped?.cordon['risk'];
    assert.deepEqual(fall, { subjectKind: 'user', subjectId: 'ada', before: 'medium', after: 'low', score: 29.9 });
    bench.clock.advance(24 * HOUR);
    await bench.monitor.sweep();
    assert.equal(bench.risk('user:ada'), undefined);
    assert.equal(bench.told(ENTITY).length, 2);
  });

  it('falls with an event also when nobody was there at the time', async () => {
    bench = await openMonitorBench();
    await bench.add({ users: [person('ada')] });
    await guess(6);
    bench.clock.advance(2 * HOUR);
    bench.crash();
    await bench.monitor.sweep();
    assert.equal(bench.told(ENTITY).length, 2);
    assert.equal(bench.risk('user:ada')?.announced, undefined);
  });

  it('is cleared by a person, with an event that names that person', async () => {
    bench = await openMonitorBench();
    await bench.add({ users: [person('ada')] });
    await guess(6);
    assert.equal((await bench.monitor.clearRisk({ subjectId: 'ada', by: 'user:bob' })).ok, true);
    assert.equal(bench.risk('user:ada'), undefined);
    assert.match(bench.told(ENTITY).at(-1)?.message ?? '', /cleared by user:bob/);
    const again = await bench.monitor.clearRisk({ subjectId: 'user:ada', by: 'user:bob' });
    assert.equal(again.ok ? '' : again.error.code, 'risk-unknown');
  });

  it('goes with its subject', async () => {
    bench = await openMonitorBench();
    await bench.add({ users: [person('ada')] });
    await guess(6);
    await bench.store.transact('system', async (tx) => await tx.delete('user', 'ada'));
    await bench.monitor.sweep();
    assert.equal(bench.risk('user:ada'), undefined);
    await guess(6);
    assert.equal(bench.risk('user:ada'), undefined);
  });

  it('of a workload is also held against the device it runs on', async () => {
    bench = await openMonitorBench();
    const [probe, ...others] = times(6, (index) => host(index + 1, { deviceId: `dev-${index + 1}` }));
    assert.ok(probe);
    const device = { id: 'dev-1', name: 'one', form: 'agent', managed: true, status: 'active', enrolledAt: 0 } as const;
    await bench.add({ workloads: [probe, ...others], devices: [device] });
    await bench.happen(...others.map((to) => refusedFlow({ from: probe, to, reporter: to.id, at: bench.clock.now() })));
    assert.deepEqual([levelOf('workload:wl-1'), levelOf('device:dev-1')], ['high', 'high']);
  });
});
