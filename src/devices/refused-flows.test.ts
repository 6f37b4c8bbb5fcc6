import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Workload } from '#model';
import type { DeniedFlow } from '#wire';
import { FLOW_EVENTS, refusedFlowEvents } from './refused-flows.ts';
import { openDevicesBench } from './testdata/devices-bench.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');
const MINUTE = 60_000;
const workload: Workload = {
  id: 'wl_1',
  name: 'web-1',
  labels: {},
  addresses: ['10.0.0.1', '2001:db8::1'],
  source: 'agent',
};
const flow = (o: Partial<DeniedFlow>): DeniedFlow => ({
  saddr: '10.0.0.2',
  protocol: 'tcp',
  dport: 22,
  packets: 3,
  firstAt: NOW - MINUTE,
  lastAt: NOW - 1000,
  ...o,
});
const events = (flows: readonly DeniedFlow[], addresses: readonly string[] = workload.addresses) =>
  refusedFlowEvents(flows, { workload, addresses, now: NOW });

describe('a refused flow', () => {
  it('into the host names the host by its id and the other by its address', () => {
    const [event] = events([flow({})]);
    assert.deepEqual(event?.src_endpoint, { ip: '10.0.0.2' });
    assert.deepEqual(event?.dst_endpoint, { ip: '10.0.0.1', uid: 'wl_1', port: 22 });
    assert.deepEqual([event?.class_uid, event?.activity_name, event?.action_id], [4001, 'refuse', 2]);
    assert.deepEqual([event?.['disposition_id'], event?.time, event?.['start_time']], [2, NOW - 1000, NOW - MINUTE]);
    assert.deepEqual(event?.['connection_info'], { protocol_name: 'tcp', direction_id: 1 });
    assert.deepEqual(event?.['traffic'], { packets: 3 });
    assert.deepEqual(event?.unmapped?.cordon, { reporter: 'wl_1' });
    assert.equal(event?.message, '10.0.0.2 -> web-1: tcp 22 refused');
  });

  it('over IPv6 into the host names its IPv6 address, or none', () => {
    const [event] = events([flow({ saddr: '2001:db8::2' })]);
    assert.deepEqual(event?.dst_endpoint, { ip: '2001:db8::1', uid: 'wl_1', port: 22 });
    const legacy = { ...workload, addresses: ['10.0.0.1'] };
    const [other] = refusedFlowEvents([flow({ saddr: '2001:db8::2' })], { workload: legacy, addresses: [], now: NOW });
    assert.deepEqual(other?.dst_endpoint, { uid: 'wl_1', port: 22 });
  });

  it('out of the host is the other way round', () => {
    const [event] = events([flow({ saddr: '2001:DB8::1', daddr: '2001:db8::2', protocol: 'udp', dport: 53 })]);
    assert.deepEqual(event?.src_endpoint, { ip: '2001:db8::1', uid: 'wl_1' });
    assert.deepEqual(event?.dst_endpoint, { ip: '2001:db8::2', port: 53 });
    assert.deepEqual(event?.['connection_info'], { protocol_name: 'udp', direction_id: 2 });
    assert.equal(event?.message, 'web-1 -> 2001:db8::2: udp 53 refused');
  });

  it('may use an address that the report brings', () => {
    assert.equal(events([flow({ saddr: '10.0.0.9', daddr: '10.0.0.2' })]).length, 0);
    assert.equal(events([flow({ saddr: '10.0.0.9', daddr: '10.0.0.2' })], ['10.0.0.9']).length, 1);
  });

  const unbelieved: Record<string, Partial<DeniedFlow>> = {
    'between two others': { saddr: '10.0.0.3', daddr: '10.0.0.4' },
    'from what is no address': { saddr: 'db-1' },
    'to what is no address': { saddr: '10.0.0.1', daddr: 'db-1' },
    'from a network': { saddr: '10.0.0.0/8' },
  };
  for (const [what, change] of Object.entries(unbelieved)) {
    it(`${what} is left out`, () => assert.deepEqual(events([flow(change)]), []));
  }

  it('happened within the last quarter of an hour, whatever the host says', () => {
    const times = (firstAt: number, lastAt: number): (number | undefined)[] => {
      const [event] = events([flow({ firstAt, lastAt })]);
      return [event?.['start_time'] as number, event?.time];
    };
    assert.deepEqual(times(0, 0), [NOW - 15 * MINUTE, NOW - 15 * MINUTE]);
    assert.deepEqual(times(NOW + 5, NOW + 10), [NOW, NOW]);
    assert.deepEqual(times(NOW - 5, NOW - 10), [NOW - 10, NOW - 10]);
  });
});

describe('many refused flows', () => {
  it('are recorded up to a bound, and the rest is counted', () => {
    const flows = Array.from({ length: 500 }, (_, port) => flow({ dport: port }));
    const recorded = events(flows);
    assert.equal(recorded.length, FLOW_EVENTS + 1);
    const last = recorded.at(-1);
    assert.deepEqual(last?.unmapped?.cordon, { reporter: 'wl_1', omitted: 400 });
    assert.equal(last?.src_endpoint, undefined);
  });

  it('from one address do not crowd out one from another', () => {
    const flood = Array.from({ length: 499 }, (_, port) => flow({ dport: port }));
    const probe = flow({ saddr: '10.0.0.66', dport: 3389 });
    const sources = events([...flood, probe]).map((event) => (event.src_endpoint as { ip?: string } | undefined)?.ip);
    assert.ok(sources.includes('10.0.0.66'));
  });

  it('never make more events than the bound, nor an end that is not the host', () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom('10.0.0.1', '2001:db8::1'), fc.string());
    const any = fc.record({ saddr: address, daddr: fc.option(address, { nil: undefined }), dport: fc.nat(65_535) });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 200 }), (flows) => {
        const recorded = events(
          flows.map(({ saddr, daddr, dport }) => flow({ saddr, dport, ...(daddr === undefined ? {} : { daddr }) })),
        );
        assert.ok(recorded.length <= FLOW_EVENTS + 1);
        for (const event of recorded) {
          if (event.src_endpoint === undefined) continue;
          const ends = [event.src_endpoint, event.dst_endpoint] as { uid?: string }[];
          assert.ok(ends.some(({ uid }) => uid === 'wl_1'));
        }
      }),
    );
  });
});

describe('refused flows of a report', () => {
  it('are in the journal when the report is answered', async () => {
    const bench = await openDevicesBench();
    const host = await bench.enrol();
    await bench.devices.report(
      bench.deviceOf(host),
      bench.report(host, { deniedFlows: [flow({}), flow({ dport: 23 })] }),
    );
    const told = bench.told(4001);
    assert.equal(told.length, 2);
    assert.deepEqual(told[0]?.unmapped?.cordon, { reporter: bench.workloadOf(host).id });
  });
});
