import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hashToken } from '#base';
import { csrOf, newHostKey } from './testdata/host-key.ts';
import { codeOf, enrolRequest, must, openDevicesBench, UNHEALTHY } from './testdata/devices-bench.ts';

const HOUR = 3_600_000;
const PEER = { address: '::ffff:192.0.2.1' };

describe('enrolment', () => {
  it('makes a device and the workload that stands for it', async () => {
    const bench = await openDevicesBench();
    const host = await bench.enrol({ addresses: ['10.0.0.1', '127.0.0.1', 'fe80::1', '::ffff:10.0.0.1', 'nonsense'] });
    const device = bench.deviceOf(host);
    const workload = bench.workloadOf(host);
    assert.deepEqual(
      [device.name, device.form, device.managed, device.status, device.posture],
      ['web-1', 'agent', true, 'active', undefined],
    );
    assert.deepEqual([workload.source, workload.labels, workload.addresses], ['agent', { role: 'web' }, ['10.0.0.1']]);
    assert.equal(bench.told(3004).at(-1)?.activity_name, 'enroll');
  });

  it('lets exactly one of two hosts with the same token in', async () => {
    const bench = await openDevicesBench();
    const token = await bench.token();
    const requests = await Promise.all([1, 2, 3].map(async () => await enrolRequest(token, await newHostKey())));
    const outcomes = await Promise.all(requests.map(async (one) => await bench.devices.enrol(one, PEER)));
    assert.deepEqual(outcomes.map(codeOf).sort(), ['enrolment-token-invalid', 'enrolment-token-invalid', 'ok']);
    assert.equal(bench.graph.count('device'), 1);
    assert.equal(bench.graph.count('workload'), 1);
  });
});

describe('reports', () => {
  it('are judged, stored and answered', async () => {
    const bench = await openDevicesBench();
    const host = await bench.enrol();
    const device = bench.deviceOf(host);
    const instruction = must(await bench.devices.report(device, bench.report(host)));
    assert.equal(instruction.posture?.verdict, 'healthy');
    assert.equal(instruction.renewalDue, false);
    assert.equal(bench.deviceOf(host).posture?.verdict, 'healthy');
    must(await bench.devices.report(device, bench.report(host, { facts: UNHEALTHY })));
    assert.equal(bench.deviceOf(host).posture?.verdict, 'unhealthy');
    assert.deepEqual(
      bench.told(5019).map((event) => event['security_level_id']),
      [1, 2],
    );
  });
  it('renews', async () => {
    const bench = await openDevicesBench();
    const host = await bench.enrol();
    bench.clock.advance(17 * HOUR);
    const again = must(await bench.devices.renew(bench.deviceOf(host), { wire: 1, csr: await csrOf(host.key) }));
    assert.ok(again.notAfter > host.identity.notAfter);
    assert.ok(hashToken('') !== '');
  });
});
