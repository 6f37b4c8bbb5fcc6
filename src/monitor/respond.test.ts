import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { ResponseRule, Session, Workload } from '#model';
import {
  host,
  HOUR,
  type MonitorBench,
  openMonitorBench,
  person,
  refusedFlow,
  refusedSignIn,
  START,
  times,
} from './testdata/monitor-bench.ts';

const REMEDIATION = 7001;
const NETWORK_REMEDIATION = 7004;

let bench: MonitorBench;
afterEach(async () => await bench.close());

const cut = (mode: ResponseRule['mode'], id = 'cut'): ResponseRule => ({
  id,
  when: 'port-probe',
  action: 'quarantine',
  mode,
});

/** `count` workloads at `10.0.<block>.1` and so on. */
function estate(block: number, count = 6): Workload[] {
  return times(count, (i) => ({ ...host(block * 100 + i), addresses: [`10.0.${block}.${i + 1}`] }));
}

/** The first workload of an estate is refused at all others. */
async function probe([from, ...targets]: readonly Workload[]): Promise<void> {
  assert.ok(from);
  bench.clock.advance(1000);
  await bench.happen(...targets.map((to) => refusedFlow({ from, to, reporter: to.id, at: bench.clock.now() })));
}

/** What was told about responses, as `result subject code`. */
function told(classUid = NETWORK_REMEDIATION): string[] {
  return bench.told(classUid).map((event) => {
    const response = event.unmapped?.cordon['response'] as { result: string; subjectId: string; mode: string };
    return [response.result, response.subjectId, event.status_code ?? ''].join(' ').trim();
  });
}

describe('a response', () => {
  it('only says what it would do while it is in dry-run', async () => {
    bench = await openMonitorBench();
    const hosts = estate(1);
    await bench.add({ workloads: hosts, responses: [cut('dry-run')] });
    await probe(hosts);
    assert.deepEqual([bench.quarantined, told()], [[], ['dry-run wl-100 dry-run']]);
    assert.equal(bench.graph.get('workload', 'wl-100')?.quarantine, undefined);
    const [alert] = bench.alerts();
    assert.deepEqual(alert?.response, { rule: 'cut', action: 'quarantine', mode: 'dry-run', at: bench.clock.now() });
    assert.match(bench.told(NETWORK_REMEDIATION)[0]?.message ?? '', /would quarantine host-100/);
  });

  it('acts once it is enforced, on the same alert too, and never twice', async () => {
    bench = await openMonitorBench();
    const hosts = estate(1, 9);
    await bench.add({ workloads: hosts, responses: [cut('dry-run')] });
    await probe(hosts.slice(0, 6));
    await bench.add({ responses: [cut('enforce')] });
    await probe([...hosts.slice(0, 1), ...hosts.slice(6)]);
    await bench.monitor.sweep();
    assert.deepEqual([bench.quarantined, told()], [['wl-100'], ['dry-run wl-100 dry-run', 'done wl-100']]);
    const quarantine = bench.graph.get('workload', 'wl-100')?.quarantine;
    assert.equal(quarantine?.by, 'rule:cut');
    assert.match(quarantine?.reason ?? '', /host-100 was refused at/);
    assert.equal(bench.alerts()[0]?.response?.mode, 'enforce');
    await bench.monitor.sweep();
    assert.equal(bench.quarantined.length, 1);
  });

  it('of another detection, or that is only to alert, does nothing', async () => {
    bench = await openMonitorBench();
    const hosts = estate(1);
    const responses: ResponseRule[] = [
      { id: 'other', when: 'password-guessing', action: 'quarantine', mode: 'enforce' },
      { id: 'quiet', when: 'port-probe', action: 'alert-only', mode: 'enforce' },
    ];
    await bench.add({ workloads: hosts, responses });
    await probe(hosts);
    assert.deepEqual([bench.alerts().length, bench.quarantined, told()], [1, [], []]);
  });

  it('ends all sessions of a person, and of nobody else', async () => {
    bench = await openMonitorBench();
    const session = (id: string, userId: string): Session => {
      return {
        id,
        userId,
        tokenHash: id,
        acr: 'urn:cordon:aal2',
        amr: [],
        authenticatedAt: START,
        createdAt: START,
        expiresAt: START + HOUR,
        address: '',
        userAgent: '',
      };
    };
    await bench.add({
      users: [person('ada'), person('bob')],
      responses: [{ id: 'out', when: 'second-factor-guessing', action: 'revoke-sessions', mode: 'enforce' }],
    });
    await bench.store.transact('system', async (tx) => {
      for (const one of [session('s1', 'ada'), session('s2', 'ada'), session('s3', 'bob')])
        await tx.put('session', one);
      for (const [id, sessionId] of [
        ['a1', 's1'],
        ['a3', 's3'],
      ] as const) {
        await tx.put('appSession', { id, tokenHash: id, sessionId, host: 'x.localhost', createdAt: START });
      }
    });
    for (const i of times(4, (index) => index)) {
      await bench.happen(refusedSignIn({ userId: 'ada', code: 'code-wrong', factors: [11, 7], at: START + i }));
    }
    assert.deepEqual(
      [...bench.graph.all('session')].map(({ id }) => id),
      ['s3'],
    );
    assert.deepEqual(
      [...bench.graph.all('appSession')].map(({ id }) => id),
      ['a3'],
    );
    assert.deepEqual(told(REMEDIATION), ['done ada']);
    assert.match(bench.told(REMEDIATION)[0]?.message ?? '', /ended 2 sessions/);
  });

  it('never cuts off the workload this server runs on, one that is cut off, or what is no workload', async () => {
    bench = await openMonitorBench({ isServer: ({ id }) => id === 'wl-100' });
    const [server, cutOff] = [estate(1), estate(2)];
    await bench.add({
      workloads: [...server, ...cutOff],
      users: [person('ada')],
      responses: [
        cut('enforce'),
        { id: 'wrong', when: 'second-factor-guessing', action: 'quarantine', mode: 'enforce' },
      ],
    });
    await probe(server);
    for (const i of times(4, (index) => index)) {
      await bench.happen(
        refusedSignIn({ userId: 'ada', code: 'code-wrong', factors: [11, 7], at: bench.clock.now() + i }),
      );
    }
    await bench.add({ responses: [cut('enforce', 'second')] });
    await probe(cutOff);
    assert.deepEqual(bench.quarantined, ['wl-200']);
    assert.deepEqual(told().sort(), [
      'done wl-200',
      'refused ada response-not-applicable',
      'refused wl-100 quarantine-of-server',
      'refused wl-200 already-quarantined',
    ]);
  });

  it('acts on at most ten subjects an hour, so that one bad rule does not cut off everything', async () => {
    bench = await openMonitorBench();
    const estates = times(12, (block) => estate(block + 1));
    await bench.add({ workloads: estates.flat(), responses: [cut('enforce')] });
    for (const hosts of estates) await probe(hosts);
    assert.equal(bench.quarantined.length, 10);
    assert.deepEqual(told().slice(10), ['failed wl-1100 response-limit', 'failed wl-1200 response-limit']);
    bench.clock.advance(HOUR);
    const later = estate(20);
    await bench.add({ workloads: later });
    await probe(later);
    assert.equal(bench.quarantined.at(-1), 'wl-2000');
  });

  it('that fails is tried again with every sweep, and given up by name after five attempts', async () => {
    bench = await openMonitorBench();
    const hosts = estate(1);
    await bench.add({ workloads: hosts, responses: [cut('enforce')] });
    bench.broken.quarantine = true;
    await probe(hosts);
    for (let i = 0; i < 3; i++) await bench.monitor.sweep();
    assert.deepEqual([bench.quarantined, told()], [[], []]);
    await bench.monitor.sweep();
    assert.deepEqual(told(), ['failed wl-100 response-failed']);
    bench.broken.quarantine = false;
    await bench.monitor.sweep();
    assert.deepEqual(bench.quarantined, []);
  });

  it('that fails for one subject does not keep the next one connected', async () => {
    bench = await openMonitorBench();
    const [first, second] = [estate(1), estate(2)];
    await bench.add({ workloads: [...first, ...second], responses: [cut('enforce')] });
    // Both in one go, so that they wait in one row; the first one cannot be written.
    const events = [first, second].flatMap(([from, ...targets]) =>
      targets.map((to) => refusedFlow({ from: from ?? to, to, reporter: to.id, at: bench.clock.now() })),
    );
    bench.failing.add('wl-100');
    await bench.happen(...events);
    assert.deepEqual(bench.quarantined, ['wl-200']);
    bench.failing.clear();
    await bench.monitor.sweep();
    assert.deepEqual(bench.quarantined, ['wl-200', 'wl-100']);
  });

  it('that failed for a moment succeeds with the next sweep', async () => {
    bench = await openMonitorBench();
    const hosts = estate(1);
    await bench.add({ workloads: hosts, responses: [cut('enforce')] });
    bench.broken.quarantine = true;
    await probe(hosts);
    bench.broken.quarantine = false;
    await bench.monitor.sweep();
    assert.deepEqual([bench.quarantined, told()], [['wl-100'], ['done wl-100']]);
  });

  it('does not wait for a journal that cannot be written', async () => {
    bench = await openMonitorBench();
    const hosts = estate(1);
    await bench.add({ workloads: hosts, responses: [cut('enforce')] });
    bench.broken.journal = true;
    await probe(hosts);
    assert.deepEqual([bench.quarantined, told()], [['wl-100'], []]);
    bench.broken.journal = false;
    await bench.monitor.sweep();
    assert.deepEqual(told(), ['done wl-100']);
  });

  it('whose subject went in the meantime says so', async () => {
    bench = await openMonitorBench();
    const hosts = estate(1);
    await bench.add({ workloads: hosts, responses: [cut('enforce')] });
    bench.broken.quarantine = true;
    await probe(hosts);
    await bench.store.transact('system', async (tx) => await tx.delete('workload', 'wl-100'));
    bench.broken.quarantine = false;
    await bench.monitor.sweep();
    assert.deepEqual([bench.quarantined, told()], [[], ['failed wl-100 subject-gone']]);
  });
});
