import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { App, OcsfEvent, Workload } from '#model';
import { buildEvent } from '#model';
import { RULES } from './catalogue.ts';
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

const [PASSWORD, OTP, PASSKEY] = [11, 7, 10];

let bench: MonitorBench;
afterEach(async () => await bench.close());

/** What fired, as `rule subject`. */
async function firedBy(events: readonly OcsfEvent[]): Promise<string[]> {
  bench.clock.advance(Math.max(0, ...events.map(({ time }) => time)) - bench.clock.now());
  await bench.happen(...events);
  return bench
    .alerts()
    .map(({ ruleId, subjectId }) => `${ruleId} ${subjectId}`)
    .sort();
}

const app = (number: number): App => {
  return {
    id: `app-${number}`,
    name: `App ${number}`,
    host: `app-${number}.localhost`,
    tier: 3,
    device: 'any',
    allowedOrigins: [],
  };
};

/** A request that was refused at an app. */
function refusedAccess(number: number, at: number, code = 'no-permit', userId = 'ada'): OcsfEvent {
  return buildEvent({
    class: 'httpActivity',
    activity: 'get',
    time: at,
    message: 'refused',
    action: 'denied',
    status: 'failure',
    statusCode: code,
    attributes: {
      actor: { user: { uid: userId } },
      http_request: { http_method: 'GET', url: { hostname: `app-${number}.localhost`, path: '/' } },
    },
  });
}

/** A probe of Cordon's own that something else answered. */
function exposed(probe: Record<string, string>, at: number, code = 'route-exposed'): OcsfEvent {
  return buildEvent({
    class: 'httpActivity',
    activity: 'get',
    time: at,
    message: 'open',
    status: 'failure',
    statusCode: code,
    attributes: { dst_endpoint: { hostname: 'app-1.localhost' } },
    cordon: { probe },
  });
}

interface Case {
  readonly name: string;
  readonly events: readonly OcsfEvent[];
  readonly fired: readonly string[];
}

const hosts = times(8, (index) => host(index + 1));
const [prober, ...targets] = hosts;
const at = (index: number): number => START + (index + 1) * 1000;

function probe(count: number, more: Partial<Parameters<typeof refusedFlow>[0]> = {}): OcsfEvent[] {
  return targets.slice(0, count).map((to, index) => {
    assert.ok(prober);
    return refusedFlow({ from: prober, to, reporter: to.id, at: at(index), ...more });
  });
}

const CASES: readonly Case[] = [
  {
    name: 'password-guessing fires on six wrong passwords for one account from one address within ten minutes',
    events: times(6, (i) => refusedSignIn({ userId: 'ada', at: START + i * 2 * MINUTE })),
    fired: ['password-guessing ada'],
  },
  {
    name: 'password-guessing takes all of an IPv6 /64 for one address',
    events: times(6, (i) => refusedSignIn({ userId: 'ada', address: `2001:db8:0:7::${i + 1}`, at: at(i) })),
    fired: ['password-guessing ada'],
  },
  {
    name: 'password-guessing takes an IPv4 address written as IPv6 for the same',
    events: times(6, (i) =>
      refusedSignIn({ userId: 'ada', address: i % 2 === 0 ? '203.0.113.9' : '::ffff:203.0.113.9', at: at(i) }),
    ),
    fired: ['password-guessing ada'],
  },
  {
    name: 'password-guessing is silent about five, and about six in more than ten minutes',
    events: [
      ...times(5, (i) => refusedSignIn({ userId: 'ada', at: at(i) })),
      ...times(6, (i) => refusedSignIn({ userId: 'bob', at: START + i * (2 * MINUTE + 1) })),
    ],
    fired: [],
  },
  {
    name: 'password-guessing is silent about wrong codes, refused hand-offs and successes',
    events: times(6, (i) =>
      refusedSignIn({ userId: 'ada', code: i % 2 === 0 ? 'handoff-invalid' : 'too-many-attempts', at: at(i) }),
    ),
    fired: [],
  },
  {
    name: 'distributed-guessing fires on one account tried from five addresses within an hour',
    events: times(5, (i) =>
      refusedSignIn({ userId: 'ada', address: `203.0.113.${i + 1}`, at: START + i * 15 * MINUTE }),
    ),
    fired: ['distributed-guessing ada'],
  },
  {
    name: 'distributed-guessing is silent about four addresses, however often, and about five accounts',
    events: [
      ...times(12, (i) => refusedSignIn({ userId: 'ada', address: `203.0.113.${(i % 4) + 1}`, at: at(i) })),
      ...times(5, (i) => refusedSignIn({ userId: `user-${i}`, address: `198.51.100.${i + 1}`, at: at(i) })),
    ],
    fired: [],
  },
  {
    name: 'password-spraying fires on six accounts tried from one address, existing or not, and names the address',
    events: times(6, (i) =>
      i % 2 === 0
        ? refusedSignIn({ userId: `user-${i}`, at: START + i * 3 * MINUTE })
        : refusedSignIn({ email: `nobody-${i}@example.org`, code: 'account-unknown', at: START + i * 3 * MINUTE }),
    ),
    fired: ['password-spraying 203.0.113.9'],
  },
  {
    name: 'password-spraying is silent about five accounts, and about six people whose code was wrong',
    events: [
      ...times(5, (i) => refusedSignIn({ userId: `user-${i}`, at: at(i) })),
      ...times(6, (i) =>
        refusedSignIn({
          userId: `user-${i}`,
          address: '198.51.100.1',
          code: 'code-wrong',
          factors: [PASSWORD, OTP],
          at: at(i),
        }),
      ),
    ],
    fired: [],
  },
  {
    name: 'second-factor-guessing fires on four wrong second factors behind a right password',
    events: times(4, (i) =>
      refusedSignIn({
        userId: 'ada',
        address: `203.0.113.${i}`,
        code: i % 2 === 0 ? 'code-wrong' : 'passkey-refused',
        factors: [PASSWORD, i % 2 === 0 ? OTP : PASSKEY],
        at: at(i),
      }),
    ),
    fired: ['second-factor-guessing ada'],
  },
  {
    name: 'second-factor-guessing is silent about three, and about passkeys without a password, which anybody can send',
    events: [
      ...times(3, (i) => refusedSignIn({ userId: 'ada', code: 'code-wrong', factors: [PASSWORD, OTP], at: at(i) })),
      ...times(9, (i) => refusedSignIn({ userId: 'ada', code: 'passkey-refused', factors: [PASSKEY], at: at(i) })),
    ],
    fired: [],
  },
  {
    name: 'port-probe fires on five workloads that refused one, whichever end reports',
    events: [...probe(3), ...probe(5, { reporter: prober?.id ?? '' }).slice(3)],
    fired: ['port-probe wl-1'],
  },
  {
    name: 'port-probe finds the two ends by their addresses when nobody names them',
    events: probe(5).map((event) => ({
      ...event,
      src_endpoint: { ip: '::ffff:10.0.0.1' },
      dst_endpoint: { ip: (event.dst_endpoint as { ip: string }).ip, port: 22 },
    })),
    fired: ['port-probe wl-1'],
  },
  {
    name: 'port-probe is silent about four workloads, and about many ports of one',
    events: [...probe(4), ...times(20, (port) => probe(1, { port, at: at(port) })).flat()],
    fired: [],
  },
  {
    name: 'port-probe is silent when one agent says what others were asked, or somebody it is not',
    events: [...probe(7, { reporter: 'wl-8' }), ...probe(6, { reporter: 'nobody' })],
    fired: [],
  },
  {
    name: 'port-probe is silent about what was let through',
    events: probe(7).map((event) => ({ ...event, action_id: 1, disposition_id: 1 })),
    fired: [],
  },
  {
    name: 'port-probe is silent about what only a quarantine refuses',
    events: targets.slice(0, 6).map((to, index) => {
      const from: Workload = host(9);
      return refusedFlow({ from, to, reporter: to.id, at: at(index) });
    }),
    fired: [],
  },
  {
    name: 'route-exposed fires on the first probe of an app that something else answered, and once for all ways to it',
    events: times(3, (i) => exposed({ kind: `way-${i}`, app: 'app-1', detail: 'open' }, at(i))),
    fired: ['route-exposed app-1'],
  },
  {
    name: 'route-exposed names the host when no app has it',
    events: [exposed({ kind: 'foreign-host', app: '' }, at(0))],
    fired: ['route-exposed app-1.localhost'],
  },
  {
    name: 'route-exposed is silent about what no probe said, and about refusals',
    events: [exposed({ app: 'app-1' }, at(0)), exposed({ kind: 'anonymous' }, at(1), 'upstream-invalid')],
    fired: [],
  },
  {
    name: 'denied-access-burst fires on six apps that policy refused to one person within five minutes',
    events: times(6, (i) => refusedAccess(i, START + i * MINUTE, i % 2 === 0 ? 'no-permit' : 'forbidden')),
    fired: ['denied-access-burst ada'],
  },
  {
    name: 'denied-access-burst is silent about five apps, one app again and again, and six that ask for a step-up',
    events: [
      ...times(5, (i) => refusedAccess(i, at(i))),
      ...times(20, (i) => refusedAccess(1, at(i))),
      ...times(6, (i) => refusedAccess(i, at(i), 'sign-in-too-old', 'bob')),
      ...times(9, (i) => refusedAccess(100 + i, at(i), 'app-unknown', 'bob')),
    ],
    fired: [],
  },
];

describe('the detections', () => {
  for (const { name, events, fired } of CASES) {
    it(name, async () => {
      bench = await openMonitorBench();
      const quarantine = { since: 0, by: 'user:bob', reason: 'test' };
      await bench.add({
        users: [person('ada'), person('bob'), ...times(6, (i) => person(`user-${i}`))],
        workloads: [...hosts, host(9, { quarantine })],
      });
      await bench.store.transact('system', async (tx) => {
        for (const number of times(8, (i) => i)) await tx.put('app', app(number));
      });
      assert.deepEqual(await firedBy(events), fired);
    });
  }

  it('have a stable id, a window, a threshold and words for a person each', async () => {
    bench = await openMonitorBench();
    assert.equal(new Set(RULES.map(({ id }) => id)).size, RULES.length);
    for (const rule of RULES) {
      assert.match(rule.id, /^[a-z]+(-[a-z]+)*$/);
      assert.ok(rule.windowMs > 0 && rule.threshold > 0);
      assert.match(rule.attack ?? '', /^T\d{4}(\.\d{3})?$/);
      for (const text of [rule.title, rule.description, rule.counts, rule.falsePositives]) assert.ok(text.length > 5);
    }
    assert.deepEqual(
      bench.monitor.rules.map(({ id }) => id),
      RULES.map(({ id }) => id),
    );
  });

  it('do not throw, whatever an event holds', async () => {
    bench = await openMonitorBench();
    const hostile = [
      null,
      1,
      '',
      'x'.repeat(1000),
      [],
      [null],
      {},
      { uid: {} },
      { ip: [] },
      { user: { uid: 7 } },
      { __proto__: null },
    ];
    const facts = { graph: bench.graph, workloadAt: () => undefined };
    for (const rule of RULES) {
      for (const value of hostile) {
        const event = {
          ...refusedSignIn({ at: START }),
          auth_factors: value,
          user: value,
          actor: value,
          src_endpoint: value,
          dst_endpoint: value,
          http_request: value,
          unmapped: value,
          device: value,
        } as unknown as OcsfEvent;
        assert.doesNotThrow(() => rule.match(event, facts), rule.id);
      }
    }
  });

  it('show names an attacker chose without their control characters, and short', async () => {
    bench = await openMonitorBench();
    const evil = `\u001b[31mroot\u202e${'x'.repeat(500)}`;
    await firedBy(times(6, (i) => refusedSignIn({ email: `${evil}${i}`, code: 'account-unknown', at: at(i) })));
    const detail = bench.alerts()[0]?.detail ?? '';
    assert.match(detail, /6 accounts/);
    assert.doesNotMatch(detail, /[\u001b\u202e]/);
    assert.ok(detail.length < 1000);
  });
});
