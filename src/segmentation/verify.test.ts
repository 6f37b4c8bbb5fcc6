import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isJsonObject, type Json, portSet } from '#base';
import type { Workload } from '#model';
import { CORDON_TABLE, hostProgram, type Program } from './host-program.ts';
import {
  addressValue,
  CT_DIRECTIONS,
  CT_STATES,
  type Packet,
  packetVerdict,
  readNftFilter,
} from './networks/nftables.ts';
import { type Plan, type PlanInput, planSegments } from './plan.ts';
import { connectPolicy, policies, port, protocol, SEGMENTS, workload, workloads } from './testdata/estate.ts';
import { traceFlow } from './trace.ts';
import { verifyProgram } from './verify.ts';

const server = { addresses: ['192.0.2.1', '2001:db8::1'], port: 8443 };
const QUARANTINE = { since: 1, by: 'local:0', reason: 'test' };

const estate: fc.Arbitrary<PlanInput> = fc
  .record({
    workloads,
    policies,
    quarantined: fc.option(fc.nat(3), { freq: 3 }),
    shared: fc.option(fc.tuple(fc.nat(3), fc.nat(3)), { freq: 3 }),
    ingress: fc.constantFrom('allow', 'deny'),
    egress: fc.constantFrom('allow', 'deny'),
    hasException: fc.boolean(),
  })
  .map(({ workloads: all, policies: rules, quarantined, shared, ingress, egress, hasException }) => ({
    workloads: all.map((one, i): Workload => {
      const addresses = shared !== null && shared.includes(i) ? [...one.addresses, '10.0.0.99'] : one.addresses;
      return { ...one, addresses, ...(quarantined === i ? { quarantine: QUARANTINE } : {}) };
    }),
    policies: rules,
    segments: SEGMENTS,
    server,
    external: {
      ingress,
      egress,
      exceptions: hasException
        ? [
            {
              direction: 'ingress',
              network: '10.0.0.0/8',
              protocol: 'tcp',
              ports: portSet.of([{ from: 22, to: 22 }]),
              reason: 'ssh',
            },
            {
              direction: 'egress',
              network: '::/0',
              protocol: 'udp',
              ports: portSet.of([{ from: 442, to: 444 }]),
              reason: 'ntp',
            },
          ]
        : [],
    },
  }));

function programOf(plan: Plan, id: string): Program {
  const program = hostProgram(plan, id);
  assert.ok(program.ok, JSON.stringify(program));
  return program.value;
}

/** What the two hosts' firewalls, or the one there is, do with the first packet of a connection. */
function passes(plan: Plan, flow: { from: string; to: string; protocol: 'tcp' | 'udp'; port: number }): boolean {
  const packet: Packet = {
    loopback: 0n,
    state: BigInt(CT_STATES.new),
    direction: BigInt(CT_DIRECTIONS.original),
    protocol: flow.protocol === 'tcp' ? 6n : 17n,
    saddr: addressValue(flow.from) ?? -1n,
    daddr: addressValue(flow.to) ?? -1n,
    sport: 40_000n,
    dport: BigInt(flow.port),
  };
  return (
    [
      ['output', flow.from],
      ['input', flow.to],
    ] as const
  ).every(([hook, address]) => {
    const [owner] = plan.byAddress.get(address) ?? [];
    if (owner === undefined) return true;
    const filter = readNftFilter(programOf(plan, owner.id).document, CORDON_TABLE);
    assert.ok(filter.ok);
    return packetVerdict(filter.value, hook, packet) === 'accept';
  });
}

describe('hostProgram, read by independent nftables semantics', () => {
  it('accepts exactly what the plan allows, for random estates', () => {
    fc.assert(
      fc.property(estate, (input) => {
        const plan = planSegments(input);
        for (const { id } of input.workloads) {
          assert.deepEqual(verifyProgram(programOf(plan, id), plan, id), { ok: true, value: true });
        }
      }),
      { numRuns: 60 },
    );
  });

  it('lets a connection through both hosts exactly when the trace says so', () => {
    const end = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.7.7.7', '192.0.2.1');
    const end6 = fc.constantFrom('fd00::1', 'fd00::2', 'fd00::3', 'fd00::4', '2001:db8::7', '2001:db8::1');
    const ends = fc.oneof(fc.tuple(end, end), fc.tuple(end6, end6));
    const flow = fc.tuple(ends, protocol, fc.oneof(port, fc.constant(8443)));
    fc.assert(
      fc.property(estate, fc.array(flow, { minLength: 6, maxLength: 6 }), (input, flows) => {
        const plan = planSegments(input);
        for (const [[from, to], name, number] of flows) {
          const isInside = plan.byAddress.has(from) || plan.byAddress.has(to);
          if (from === to || !isInside) continue;
          const query = { from, to, protocol: name, port: number };
          assert.equal(passes(plan, query), traceFlow(plan, query).verdict === 'allowed', JSON.stringify(query));
        }
      }),
      { numRuns: 120 },
    );
  });
});

const plan = planSegments({
  workloads: [
    workload('web', { app: 'web' }, '10.0.0.1', 'fd00::1'),
    workload('db', { app: 'db' }, '10.0.0.2', 'fd00::2'),
    { ...workload('bad', { app: 'web' }, '10.0.0.3', 'fd00::3'), quarantine: QUARANTINE },
  ],
  segments: SEGMENTS,
  policies: [
    connectPolicy(
      'web-db',
      'permit (principal in Segment::"web", action == Action::"connect", resource in Segment::"db") when { context.protocol == "tcp" && [5432, 6432, 6433].contains(context.port) };',
    ),
  ],
  server,
});

type Edit = (commands: Json[]) => Json[];
const inText =
  (from: string | RegExp, to: string): Edit =>
  (commands) => {
    const before = JSON.stringify(commands);
    const after = before.replace(from, to);
    assert.notEqual(after, before, 'the edit must change something');
    const parsed: Json[] = JSON.parse(after);
    return parsed;
  };

function edited(id: string, edit: Edit): Json {
  return { nftables: edit([...programOf(plan, id).document.nftables]) };
}

describe('verifyProgram', () => {
  const mutations: readonly [string, string, Edit, RegExp][] = [
    [
      'a policy of accept',
      'db',
      inText('"hook":"input","prio":0,"policy":"drop"', '"hook":"input","prio":0,"policy":"accept"'),
      /policy of the chain at input/,
    ],
    [
      'a missing policy',
      'web',
      inText('"hook":"output","prio":0,"policy":"drop"', '"hook":"output","prio":0'),
      /policy of the chain at output/,
    ],
    ['a widened port', 'db', inText('[6432,6433]', '[6432,6434]'), /accepts .*dport 6434/],
    ['a narrowed port', 'db', inText('[6432,6433]', '[6433,6433]'), /drops .*dport 6432/],
    [
      'an added address',
      'db',
      inText('"elem":["10.0.0.1"]', '"elem":["10.0.0.1","10.0.0.9"]'),
      /accepts .*saddr 10\.0\.0\.9/,
    ],
    [
      'an added IPv6 prefix',
      'db',
      inText('"elem":["fd00::1"]', '"elem":[{"prefix":{"addr":"fd00::","len":64}}]'),
      /accepts .*saddr fd00::/,
    ],
    ['a removed address', 'db', inText('"elem":["fd00::1"]', '"elem":[]'), /drops .*saddr fd00::1/],
    [
      'another protocol',
      'db',
      inText('"protocol":"tcp","field":"dport"', '"protocol":"udp","field":"dport"'),
      /udp|tcp/,
    ],
    [
      'all interfaces taken for loopback',
      'db',
      inText('{"match":{"op":"==","left":{"meta":{"key":"iifname"}},"right":"lo"}},', ''),
      /accepts/,
    ],
    [
      'any tracked direction let through',
      'db',
      inText('{"match":{"op":"==","left":{"ct":{"key":"direction"}},"right":"reply"}},', ''),
      /accepts .*established/,
    ],
    [
      'invalid packets let through',
      'db',
      inText(
        /\{"match":\{"op":"==","left":\{"ct":\{"key":"state"\}\},"right":"invalid"\}\},\{"drop":null\}/,
        '{"counter":null}',
      ),
      /accepts .*invalid/,
    ],
    ['redirects let in', 'db', inText('"nd-router-advert"', '"nd-redirect"'), /icmpType/],
    [
      'an accept in front of everything',
      'db',
      (all) => [
        ...all.slice(0, 9),
        { add: { rule: { family: 'inet', table: 'cordon', chain: 'input', expr: [{ accept: null }] } } },
        ...all.slice(9),
      ],
      /accepts/,
    ],
    ['a jump', 'db', inText('{"accept":null}', '{"jump":{"target":"x"}}'), /jump/],
    [
      'a verdict that depends on a limit',
      'db',
      inText('{"accept":null}', '{"limit":{"rate":1,"per":"second"}},{"accept":null}'),
      /limit/,
    ],
    [
      'a match on the packet mark',
      'db',
      inText('{"accept":null}', '{"match":{"op":"==","left":{"meta":{"key":"mark"}},"right":7}},{"accept":null}'),
      /mark/,
    ],
    ['a set that changes by itself', 'db', inText('@in_tcp_0_v4', '@denied_in4'), /changes by itself/],
    [
      'a dormant table',
      'db',
      inText('"name":"cordon"}}},{"add":{"set"', '"name":"cordon","flags":"dormant"}}},{"add":{"set"'),
      /dormant/,
    ],
    ['a foreign table', 'db', (all) => [...all, { delete: { table: { family: 'ip', name: 'nat' } } }], /outside table/],
    ['a flush', 'db', (all) => [...all, { flush: { ruleset: null } }], /outside|understood/],
    [
      'a missing chain',
      'db',
      (all) => all.filter((one) => !JSON.stringify(one).includes('output')),
      /accepts a packet at output/,
    ],
    [
      'an extra chain',
      'db',
      (all) => [
        ...all,
        {
          add: {
            chain: {
              family: 'inet',
              table: 'cordon',
              name: 'x',
              type: 'filter',
              hook: 'prerouting',
              prio: 0,
              policy: 'accept',
            },
          },
        },
      ],
      /prerouting/,
    ],
    [
      'a second chain at a hook',
      'db',
      (all) => [
        ...all,
        {
          add: {
            chain: {
              family: 'inet',
              table: 'cordon',
              name: 'x',
              type: 'filter',
              hook: 'input',
              prio: 9,
              policy: 'accept',
            },
          },
        },
      ],
      /two chains/,
    ],
    ['forwarding by a quarantined host', 'bad', (all) => all.slice(0, -1), /accepts a packet at forward/],
    [
      'all replies let through for a quarantined host',
      'bad',
      inText(/\{"match":\{"op":"==","left":\{"payload":\{"protocol":"tcp","field":"sport"\}\},"right":8443\}\},/, ''),
      /accepts/,
    ],
  ];
  for (const [name, id, edit, message] of mutations) {
    it(`detects ${name}`, () => {
      const result = verifyProgram(edited(id, edit), plan, id);
      assert.ok(!result.ok);
      assert.match(result.error.message, message);
    });
  }

  it('detects every single rule that is missing and changes what is let through', () => {
    const count = programOf(plan, 'db').document.nftables.length;
    for (let gone = 0; gone < count; gone++) {
      const command = JSON.stringify(programOf(plan, 'db').document.nftables[gone]);
      if (!command.includes('"accept"') && !command.includes('invalid')) continue;
      const result = verifyProgram(
        edited('db', (all) => all.filter((_, i) => i !== gone)),
        plan,
        'db',
      );
      assert.equal(result.ok, false, command);
    }
  });

  it('detects the program of another host or another time', () => {
    assert.equal(verifyProgram(programOf(plan, 'web'), plan, 'db').ok, false);
    const free = planSegments({ workloads: [...plan.workloads.values()], segments: SEGMENTS, policies: [], server });
    const result = verifyProgram(programOf(plan, 'db'), free, 'db');
    assert.ok(!result.ok);
    assert.equal(result.error.code, 'program-differs');
    assert.deepEqual(result.error.witness, {
      hook: 'input',
      firewall: 'accepts',
      packet: { loopback: '0', protocol: 'tcp', state: 'new', dport: '5432', saddr: '10.0.0.1' },
    });
  });

  it('refuses what is no program at all', () => {
    for (const noise of [
      null,
      [],
      {},
      { nftables: null },
      { nftables: [] },
      { nftables: [null] },
      { nftables: [{ add: 1 }] },
      'x',
    ]) {
      assert.equal(verifyProgram(noise, plan, 'db').ok, false, JSON.stringify(noise));
    }
  });

  it('names an unknown workload, and a plan without a Cordon server', () => {
    const unknown = hostProgram(plan, 'nobody');
    assert.equal(unknown.ok ? '' : unknown.error.code, 'workload-unknown');
    for (const one of [undefined, { addresses: [], port: 8443 }, { addresses: ['nonsense'], port: 8443 }]) {
      const lost = planSegments({
        workloads: [...plan.workloads.values()],
        segments: [],
        policies: [],
        ...(one === undefined ? {} : { server: one }),
      });
      const program = hostProgram(lost, 'db');
      assert.equal(program.ok ? '' : program.error.code, 'server-unknown');
    }
  });
});

describe('hostProgram', () => {
  it('is deterministic, whatever the order of the input', () => {
    const reversed = planSegments({
      workloads: [...plan.workloads.values()].reverse(),
      segments: [...SEGMENTS].reverse(),
      policies: [
        connectPolicy(
          'web-db',
          'permit (principal in Segment::"web", action == Action::"connect", resource in Segment::"db") when { context.protocol == "tcp" && [6433, 6432, 5432].contains(context.port) };',
        ),
      ],
      server,
    });
    for (const id of ['web', 'db', 'bad']) assert.equal(programOf(reversed, id).version, programOf(plan, id).version);
    assert.notEqual(programOf(plan, 'web').version, programOf(plan, 'db').version);
  });

  it('names only its own table, and splits large sets into chunks of 500 elements', () => {
    const many = Array.from({ length: 1201 }, (_, i) =>
      workload(`m${i}`, { app: 'web' }, `10.1.${i >> 7}.${(i & 127) * 2}`),
    );
    const db = workload('db', { app: 'db' }, '10.0.0.2');
    const policy = connectPolicy(
      'p',
      'permit (principal in Segment::"web", action == Action::"connect", resource in Segment::"db") when { context.port == 5432 };',
    );
    const big = planSegments({ workloads: [...many, db], segments: SEGMENTS, policies: [policy], server });
    const { document } = programOf(big, 'db');
    const sizes = document.nftables.flatMap((command) => {
      const add = isJsonObject(command) ? command['add'] : undefined;
      const element = isJsonObject(add) ? add['element'] : undefined;
      return isJsonObject(element) && Array.isArray(element['elem']) && String(element['name']).startsWith('in_tcp')
        ? [element['elem'].length]
        : [];
    });
    assert.deepEqual(sizes, [500, 500, 201]);
    assert.deepEqual(verifyProgram({ nftables: document.nftables }, big, 'db'), { ok: true, value: true });
  });

  it('leaves a quarantined host nothing but the Cordon server, and no host a way to it', () => {
    const { mode, text } = programOf(plan, 'bad');
    assert.equal(mode, 'quarantine');
    assert.match(text, /hook forward priority 0; policy drop/);
    const accepted = text.split('\n').filter((line) => line.endsWith('accept') || line.includes('accept comment'));
    for (const line of accepted) assert.match(line, /ifname lo|icmpv6 type|192\.0\.2\.1|2001:db8::1|@out_tcp_0/);
    assert.equal(programOf(plan, 'db').text.includes('10.0.0.3'), false);
  });
});
