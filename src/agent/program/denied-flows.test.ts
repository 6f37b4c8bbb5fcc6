import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Json } from '#base';
import { parseMessage, WIRE_LIMITS } from '#wire';
import { DeniedFlows } from './denied-flows.ts';

const NOW = 1_700_000_000_000;
const OWN = ['10.0.0.7', 'fd00::7'];

const element = (
  address: string,
  dport: number,
  packets: number,
  o: { protocol?: string; expires?: number } = {},
): Json => ({
  elem: {
    val: { concat: [address, dport, o.protocol ?? 'tcp'] },
    expires: o.expires ?? 899,
    counter: { packets, bytes: packets * 60 },
  },
});
const set = (name: string, ...elem: Json[]): Json => ({
  set: { family: 'inet', table: 'cordon', name, timeout: 900, elem },
});

describe('denied flows', () => {
  it('names the peer, and this host only where it was the source', () => {
    const flows = new DeniedFlows();
    flows.observe(
      [
        set('denied_in4', element('10.0.0.9', 22, 3)),
        set('denied_out6', element('fd00::9', 53, 2, { protocol: 'udp' })),
      ],
      OWN,
      NOW,
    );
    assert.deepEqual(flows.next(), [
      { saddr: '10.0.0.9', protocol: 'tcp', dport: 22, packets: 3, firstAt: NOW, lastAt: NOW },
      { saddr: 'fd00::7', daddr: 'fd00::9', protocol: 'udp', dport: 53, packets: 2, firstAt: NOW, lastAt: NOW },
    ]);
  });

  it('counts what came since the last report, and loses nothing that came while it was sent', () => {
    const flows = new DeniedFlows();
    const look = (packets: number, at: number): void =>
      flows.observe([set('denied_in4', element('10.0.0.9', 22, packets))], OWN, at);
    look(3, NOW);
    const sent = flows.next();
    look(5, NOW + 2000);
    flows.reported(sent);
    assert.deepEqual(
      flows.next().map(({ packets, lastAt }) => [packets, lastAt]),
      [[2, NOW + 2000]],
    );
    flows.reported(flows.next());
    look(5, NOW + 4000);
    assert.deepEqual(flows.next(), [], 'nothing new');
    look(6, NOW + 6000);
    assert.equal(flows.next()[0]?.packets, 1);
  });

  it('keeps what could not be reported for the next report', () => {
    const flows = new DeniedFlows();
    flows.observe([set('denied_in4', element('10.0.0.9', 22, 3))], OWN, NOW);
    flows.next();
    flows.observe([set('denied_in4', element('10.0.0.9', 22, 4))], OWN, NOW + 2000);
    assert.deepEqual(
      flows.next().map(({ packets, firstAt, lastAt }) => [packets, firstAt, lastAt]),
      [[4, NOW, NOW + 2000]],
    );
  });

  it('counts on when an element ran out and came back, and when the table was replaced', () => {
    const flows = new DeniedFlows();
    const look = (...elements: Json[]): void => flows.observe([set('denied_in4', ...elements)], OWN, NOW);
    look(element('10.0.0.9', 22, 7));
    look();
    look(element('10.0.0.9', 22, 7));
    look(element('10.0.0.9', 22, 2));
    assert.equal(flows.next()[0]?.packets, 16);
    flows.forgetCounters();
    look(element('10.0.0.9', 22, 5));
    assert.equal(flows.next()[0]?.packets, 21);
  });

  it('knows when the last packet came by what is left of the timeout', () => {
    const flows = new DeniedFlows();
    flows.observe([set('denied_in4', element('10.0.0.9', 22, 3, { expires: 599 }))], OWN, NOW);
    assert.equal(flows.next()[0]?.lastAt, NOW - 300_000);
  });

  it('reports the busiest first when there are more than a report may hold, and the others after', () => {
    const flows = new DeniedFlows();
    const elements = Array.from({ length: 1200 }, (_, i) => element(`10.1.${i >> 8}.${i & 255}`, 22, i + 1));
    flows.observe([set('denied_in4', ...elements)], OWN, NOW);
    const first = flows.next();
    assert.equal(first.length, WIRE_LIMITS.deniedFlows);
    assert.equal(first[0]?.packets, 1200);
    flows.reported(first);
    assert.equal(flows.next()[0]?.packets, 700);
    flows.reported(flows.next());
    flows.reported(flows.next());
    assert.deepEqual(flows.next(), []);
  });

  it('bounds what it remembers: a flood from forged addresses must not exhaust the agent', () => {
    const flows = new DeniedFlows();
    for (let round = 0; round < 4; round++) {
      const elements = Array.from({ length: 10_000 }, (_, i) => element(`10.${round}.${i >> 8}.${i & 255}`, 22, 1));
      flows.observe([set('denied_in4', ...elements)], OWN, NOW);
    }
    let total = 0;
    for (let sent = flows.next(); sent.length > 0; sent = flows.next()) {
      total += sent.length;
      flows.reported(sent);
    }
    assert.equal(total, 20_000);
  });

  it('makes flows that the wire takes, whatever the kernel lists', () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constant('10.0.0.1'),
      fc.integer(),
      fc.constant('tcp'),
      fc.constant({ packets: 1 }),
    );
    const odd = fc.record({
      elem: fc.record({ val: fc.record({ concat: fc.array(value) }), counter: value, expires: value }),
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.jsonValue(), odd)), fc.jsonValue(), (elem, other) => {
        const flows = new DeniedFlows();
        flows.observe([{ set: { name: 'denied_in4', timeout: 900, elem: elem as Json[] } }, other as Json], [], NOW);
        const report = { wire: 1, sequence: 1, collectedAt: 1, posture: 'a', addresses: [], deniedFlows: flows.next() };
        const parsed = parseMessage('report', JSON.stringify(report));
        assert.ok(parsed.ok, JSON.stringify(parsed));
      }),
    );
  });
});
