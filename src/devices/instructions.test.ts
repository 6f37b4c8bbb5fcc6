import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { TrustGraph } from '#model';
import type { HostProgram, Instruction } from '#wire';
import { ProgramWatch } from './program-watch.ts';
import { csrOf } from './testdata/host-key.ts';
import { type DevicesBench, type Host, must, openDevicesBench } from './testdata/devices-bench.ts';

const HOUR = 3_600_000;
const program = (version: string): HostProgram => ({ version, document: { nftables: [{ add: { table: version } }] } });

async function open(): Promise<{ bench: DevicesBench; host: Host; workloadId: string }> {
  const bench = await openDevicesBench();
  const host = await bench.enrol();
  return { bench, host, workloadId: bench.workloadOf(host).id };
}

/** A wait that a test can look at without waiting for it. */
function waiting(
  { devices, deviceOf }: DevicesBench,
  host: Host,
  o: { readonly have?: string; readonly signal?: AbortSignal } = {},
): { readonly answer: Promise<Instruction>; isOver: () => boolean } {
  let isOver = false;
  const answer = devices.nextInstruction(deviceOf(host), {
    have: o.have,
    signal: o.signal ?? new AbortController().signal,
  });
  const end = (): void => {
    isOver = true;
  };
  answer.then(end, end);
  return { answer, isOver: () => isOver };
}

/** Longer than changes are gathered for. */
const soon = async (): Promise<void> => await wait(80);

async function touchSegment({ store }: DevicesBench): Promise<void> {
  await store.transact('user:ada', async (tx) => await tx.put('segment', { id: 'web', name: 'web', selector: {} }));
}

describe('an instruction', () => {
  it('carries the program when the agent has another', async () => {
    const { bench, host, workloadId } = await open();
    bench.programs.set(workloadId, program('v2'));
    const instruct = async (applied: string | undefined): Promise<string | undefined> => {
      const status = applied === undefined ? {} : { program: { applied, ok: true, at: 1, checks: [] } };
      return must(await bench.devices.report(bench.deviceOf(host), bench.report(host, status))).program?.version;
    };
    assert.deepEqual([await instruct(undefined), await instruct('v1'), await instruct('v2')], ['v2', 'v2', undefined]);
  });

  it('asks for nothing when there is no program: the agent keeps what it has', async () => {
    const { bench, host } = await open();
    const status = { applied: 'v1', ok: true, at: 1, checks: [] };
    const answer = must(await bench.devices.report(bench.deviceOf(host), bench.report(host, { program: status })));
    assert.ok(!('program' in answer));
  });

  it('asks to renew in the last third of the certificate', async () => {
    const { bench, host } = await open();
    const isDue = async (): Promise<boolean> =>
      must(await bench.devices.report(bench.deviceOf(host), bench.report(host))).renewalDue;
    const { notBefore, notAfter } = host.identity;
    bench.clock.advance(notAfter - (notAfter - notBefore) / 3 - bench.clock.now() - 1);
    assert.equal(await isDue(), false);
    bench.clock.advance(1);
    assert.equal(await isDue(), true);
    must(await bench.devices.renew(bench.deviceOf(host), { wire: 1, csr: await csrOf(host.key) }));
    assert.equal(await isDue(), false);
    bench.clock.advance(20 * HOUR);
    assert.equal(await isDue(), true);
  });

  it('fails rather than to say there is no program, when it cannot be made', async () => {
    const { bench, host } = await open();
    Object.defineProperty(bench.programs, 'get', {
      value: () => {
        throw new Error('the plan is broken');
      },
    });
    await assert.rejects(bench.devices.report(bench.deviceOf(host), bench.report(host)), /the plan is broken/);
    await assert.rejects(waiting(bench, host).answer, /the plan is broken/);
    assert.equal(bench.deviceOf(host).posture?.verdict, 'healthy');
  });
});

describe('waiting for an instruction', () => {
  it('ends at once when the agent has another program', async () => {
    const { bench, host, workloadId } = await open();
    bench.programs.set(workloadId, program('v1'));
    const { program: sent } = await waiting(bench, host).answer;
    assert.deepEqual(sent, program('v1'));
    assert.equal((await waiting(bench, host, { have: 'v0' }).answer).program?.version, 'v1');
  });

  for (const kind of ['segment', 'workload', 'policyActivation'] as const) {
    it(`ends when a ${kind} changes the program`, async () => {
      const { bench, host, workloadId } = await open();
      bench.programs.set(workloadId, program('v1'));
      const wait = waiting(bench, host, { have: 'v1' });
      await soon();
      assert.equal(wait.isOver(), false);
      bench.programs.set(workloadId, program('v2'));
      await bench.store.transact('user:ada', async (tx) => {
        if (kind === 'segment') await tx.put('segment', { id: 'web', name: 'web', selector: {} });
        if (kind === 'workload')
          await tx.put('workload', { id: 'x', name: 'x', labels: {}, addresses: [], source: 'aws' });
        if (kind === 'policyActivation') {
          await tx.put('policyActivation', { id: 'active', bundleId: 'policy-1', version: 1, by: 'user:ada', at: 0 });
        }
      });
      assert.equal((await wait.answer).program?.version, 'v2');
    });
  }

  it('goes on when a change leaves the program as it is, or is of something else', async () => {
    const { bench, host, workloadId } = await open();
    bench.programs.set(workloadId, program('v1'));
    const stop = new AbortController();
    const wait = waiting(bench, host, { have: 'v1', signal: stop.signal });
    await touchSegment(bench);
    must(await bench.devices.report(bench.deviceOf(host), bench.report(host)));
    await soon();
    assert.equal(wait.isOver(), false);
    stop.abort();
    assert.ok(!('program' in (await wait.answer)));
  });

  it('looks once at a burst of changes', async () => {
    const { bench, host, workloadId } = await open();
    let looks = 0;
    const get = bench.programs.get.bind(bench.programs);
    bench.programs.set(workloadId, program('v1'));
    Object.defineProperty(bench.programs, 'get', {
      value: (id: string) => {
        looks++;
        return get(id);
      },
    });
    const stop = new AbortController();
    const wait = waiting(bench, host, { have: 'v1', signal: stop.signal });
    await soon();
    const before = looks;
    await bench.store.transact('user:ada', async (tx) => {
      for (let id = 0; id < 50; id++) await tx.put('segment', { id: `s${id}`, name: 's', selector: {} });
    });
    await soon();
    assert.equal(looks - before, 1);
    stop.abort();
    await wait.answer;
  });

  it('ends with the signal, at once when it has aborted already', async () => {
    const { bench, host } = await open();
    const stop = new AbortController();
    const wait = waiting(bench, host, { signal: stop.signal });
    await soon();
    assert.equal(wait.isOver(), false);
    stop.abort();
    const { renewalDue, reportEverySeconds } = await wait.answer;
    assert.deepEqual([renewalDue, reportEverySeconds], [false, 10]);
    await waiting(bench, host, { signal: AbortSignal.abort() }).answer;
  });

  it('ends when the device is revoked', async () => {
    const { bench, host } = await open();
    const wait = waiting(bench, host);
    await soon();
    must(await bench.devices.revoke({ deviceId: host.identity.deviceId, by: 'user:ada', reason: 'lost' }));
    await wait.answer;
  });

  it('ends when the same device waits anew', async () => {
    const { bench, host } = await open();
    const first = waiting(bench, host);
    await soon();
    const stop = new AbortController();
    const second = waiting(bench, host, { signal: stop.signal });
    await first.answer;
    await soon();
    assert.equal(second.isOver(), false);
    stop.abort();
    await second.answer;
  });

  it('ends when the area closes, and nothing waits after that', async () => {
    const { bench, host } = await open();
    const wait = waiting(bench, host);
    await soon();
    bench.devices.close();
    await wait.answer;
    await waiting(bench, host).answer;
  });
});

describe('many waits', () => {
  it('are all looked at, and one that fails disturbs no other', async () => {
    const graph = new TrustGraph();
    const watch = new ProgramWatch(graph);
    const { signal } = new AbortController();
    let isOver = false;
    let isBroken = false;
    const broken = (): boolean => {
      if (isBroken) throw new Error('no plan');
      return false;
    };
    const all = Array.from({ length: 55 }, async (_, i) => await watch.until(`dev_${i}`, () => isOver, signal));
    const failing = watch.until('dev_broken', broken, signal);
    assert.equal(watch.size, 56);
    isOver = true;
    isBroken = true;
    const body = { id: 's', name: 's', selector: {} };
    const change = { seq: 1, time: 0, kind: 'segment', id: 's', op: 'put', actor: 'system' } as const;
    graph.apply({ change, entity: { kind: 'segment', id: 's', body } });
    await assert.rejects(failing, /no plan/);
    await Promise.all(all);
    assert.equal(watch.size, 0);
    watch.close();
  });
});
