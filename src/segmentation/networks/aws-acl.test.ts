import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Cidr, cidrContains, hostCidr, ipSetHas, ipSetOf, parseAddress, parseCidr, portSet } from '#base';
import { aclConnections, readAcl } from './aws-acl.ts';
import { ruleTraffic, trafficLines } from './aws-traffic.ts';

interface Entry {
  readonly number: number;
  readonly rule: 'allow' | 'deny';
  readonly egress: boolean;
  readonly protocol: '-1' | '6' | '17';
  readonly ports: readonly [number, number];
  readonly network: string;
}

function network(text: string): Cidr {
  const cidr = parseCidr(text);
  assert.ok(cidr.ok);
  return cidr.value;
}

const NETWORKS = ['0.0.0.0/0', '203.0.113.0/24', '203.0.113.8/29', '198.51.100.0/24'];
const SOURCES = ['203.0.113.9', '203.0.113.200', '198.51.100.1', '192.0.2.1'];

const anyEntry: fc.Arbitrary<Entry> = fc.record({
  number: fc.integer({ min: 1, max: 9 }),
  rule: fc.constantFrom('allow', 'deny'),
  egress: fc.boolean(),
  protocol: fc.constantFrom('-1', '6', '17'),
  ports: fc
    .tuple(fc.constantFrom(0, 22, 443, 1024), fc.constantFrom(22, 443, 1023, 65_535))
    .map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)]),
  network: fc.constantFrom(...NETWORKS),
});

/** What AWS documents: in the order of their numbers, the first entry that matches decides; none denies. */
function letsPass(
  entries: readonly Entry[],
  packet: { egress: boolean; protocol: 6 | 17; remote: string; port: number },
): boolean {
  const remote = parseAddress(packet.remote);
  assert.ok(remote.ok);
  const found = entries
    .toSorted((a, b) => a.number - b.number)
    .find(
      (entry) =>
        entry.egress === packet.egress &&
        (entry.protocol === '-1' ||
          (Number(entry.protocol) === packet.protocol &&
            entry.ports[0] <= packet.port &&
            packet.port <= entry.ports[1])) &&
        cidrContains(network(entry.network), hostCidr(remote.value)),
    );
  return found?.rule === 'allow';
}

function acl(entries: readonly Entry[]): ReturnType<typeof readAcl> {
  const json = entries.map((entry) => ({
    RuleNumber: entry.number,
    RuleAction: entry.rule,
    Egress: entry.egress,
    Protocol: entry.protocol,
    CidrBlock: entry.network,
    ...(entry.protocol === '-1' ? {} : { PortRange: { From: entry.ports[0], To: entry.ports[1] } }),
  }));
  return readAcl('acl-1', json, []);
}

describe('a network ACL', () => {
  it('lets a connection begin and be answered exactly when a walk over its entries does', () => {
    const entries = fc.uniqueArray(anyEntry, { selector: ({ number, egress }) => `${number} ${egress}`, maxLength: 8 });
    fc.assert(
      fc.property(
        entries,
        fc.constantFrom(6 as const, 17 as const),
        fc.constantFrom(22, 80, 443, 5000),
        (list, protocol, port) => {
          const answers = aclConnections(acl(list), ipSetOf([network('0.0.0.0/0')]));
          for (const remote of SOURCES) {
            const address = parseAddress(remote);
            assert.ok(address.ok);
            const here = answers.filter(({ addresses }) => ipSetHas(addresses, address.value));
            assert.ok(here.length <= 1, 'each address has one answer');
            const ports = here[0]?.traffic.named.get(protocol) ?? here[0]?.traffic.rest ?? portSet.empty;
            // A client may choose any ephemeral port; one that the answer reaches is enough.
            const isAnswered = [1024, 5000, 40_000, 65_535].some((client) =>
              letsPass(list, { egress: true, protocol, remote, port: client }),
            );
            const expected = isAnswered && letsPass(list, { egress: false, protocol, remote, port });
            assert.equal(portSet.has(ports, port), expected, `${remote} ${protocol} ${port}`);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('without entries lets nothing pass', () => {
    for (const { traffic } of aclConnections(acl([]), ipSetOf([network('0.0.0.0/0')])))
      assert.deepEqual(trafficLines(traffic), []);
  });
});

describe('the traffic of a rule', () => {
  for (const [protocol, from, to, expected] of [
    [-1, undefined, undefined, 'all any'],
    [6, 22, 22, 'tcp 22'],
    [6, 0, 65_535, 'tcp any'],
    [6, undefined, undefined, 'tcp any'],
    [6, -1, -1, 'tcp any'],
    [17, 53, 60, 'udp 53-60'],
    [1, -1, -1, 'icmp any'],
    [1, 8, -1, 'icmp type 8'],
    [1, 3, 4, 'icmp type 3 code 4-4'],
    [58, 128, 0, 'icmpv6 type 128 code 0-0'],
    [50, 0, 0, '50 any'],
    [6, 443, 80, undefined],
    [6, -5, 80, undefined],
    [6, 1, 70_000, undefined],
    [1, 300, 0, undefined],
    [1, -2, 0, undefined],
    [1, 8, 999, undefined],
  ] as const) {
    it(`${protocol} ${from}-${to} is ${expected ?? 'refused'}`, () => {
      const traffic = ruleTraffic(protocol, from, to);
      const text =
        traffic === undefined ? undefined : trafficLines(traffic).map((line) => `${line.protocol} ${line.ports}`);
      assert.deepEqual(text, expected === undefined ? undefined : [expected]);
    });
  }
});
