import { setTierOverride } from '#assets';
import { CLOUDS } from './assets.ts';
import { accountEvent, importEvent, refusedFlowEvent, signInEvent } from './events.ts';
import {
  closeAlert,
  guessPassword,
  guessSecondFactor,
  openEverything,
  probePorts,
  sprayPasswords,
  workloadNamed,
} from './incidents.ts';
import { MACHINES } from './machines.ts';
import { serverDeviceId, serverHealth } from './network.ts';
import { deviceIdOf, emailOf, PEOPLE, type Person, userOf } from './people.ts';
import type { Random } from './random.ts';
import type { Visit, Visitors } from './visits.ts';
import type { World } from './world.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Requests planned for a day; steps up and incidents add some. */
const VISITS = 1880;
const REFUSED_FLOWS = 64;

/** How busy each hour of the day is, UTC, beside the busiest. */
const CURVE: readonly number[] = [
  0.06, 0.05, 0.04, 0.04, 0.06, 0.12, 0.3, 0.6, 0.9, 1, 0.98, 0.85, 0.6, 0.8, 0.95, 0.9, 0.75, 0.5, 0.35, 0.28, 0.22,
  0.16, 0.12, 0.08,
];

/** Something that happens at a time. */
export interface Step {
  readonly at: number;
  readonly run: () => Promise<void>;
}

/** Who acts and with which dice. */
export interface Cast {
  readonly world: World;
  readonly visitors: Visitors;
  readonly random: Random;
  /** When the day ends, milliseconds. */
  readonly end: number;
}

/** Everything that happens in the 24 hours before `end`, in order. */
export function planDay(cast: Cast): Step[] {
  return [...visits(cast), ...refusedFlows(cast), ...administration(cast), ...health(cast), ...incidents(cast)].sort(
    (a, b) => a.at - b.at,
  );
}

function visits({ visitors, random, end }: Cast): Step[] {
  const steps: Step[] = [];
  while (steps.length < VISITS) {
    const at = end - random.between(30, 24 * 3600 - 60) * SECOND;
    const hour = new Date(at).getUTCHours();
    const person = random.chance(CURVE[hour] ?? 0) ? somebody(random, hour) : undefined;
    const appId = person?.day === undefined ? undefined : random.weighted(person.day.apps);
    if (person === undefined || appId === undefined) continue;
    // Whoever left at six in the demo's time does not come back.
    if (person.status === 'disabled' && at > end - LEFT) continue;
    const visit = visitTo(appId, random);
    steps.push({ at, run: async () => await visitors.visit(person, visit) });
  }
  return steps;
}

function somebody(random: Random, hour: number): Person | undefined {
  const weights = PEOPLE.map((person): readonly [Person | undefined, number] => {
    const { from = 0, to = 0, weight = 0 } = person.day ?? {};
    return [person, hour >= from && hour < to ? weight : weight / 40];
  });
  return random.weighted([[undefined, 0.01], ...weights]);
}

const PATHS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  tickets: ['/', '/queue', '/tickets/1042', '/tickets/1043', '/search'],
  metrics: ['/', '/dashboards/latency', '/dashboards/errors'],
  payroll: ['/', '/runs', '/runs/current'],
  reports: ['/', '/monthly', '/monthly/revenue'],
  deploy: ['/', '/pipelines', '/pipelines/shop'],
  orders: ['/', '/orders', '/refunds'],
};
const WRITTEN: ReadonlySet<string> = new Set(['tickets', 'payroll', 'deploy', 'orders', 'preview']);

function visitTo(appId: string, random: Random): Visit {
  const method = WRITTEN.has(appId) && random.chance(0.15) ? 'POST' : 'GET';
  return { appId, method, path: random.pick(PATHS[appId] ?? ['/', '/search', '/recent']) };
}

type Flow = readonly [from: string, to: string, port: number];

/** What firewalls refuse on any day: a build host that wants data, a strange scan from outside, an old job. */
function refusedFlows({ world, random, end }: Cast): Step[] {
  const kinds: readonly [Flow, ...Flow[]] = [
    ['ci-1', 'orders-db-1', 5432],
    ['portal-1', 'people-db-1', 1433],
    ['batch-1', 'people-cache-1', 6379],
    ['203.0.113.201', 'bastion-1', 22],
    ['203.0.113.202', 'portal-1', 3389],
    ['203.0.113.203', 'web-1', 23],
  ];
  return Array.from({ length: REFUSED_FLOWS }, (): Step => {
    const [source, name, port] = random.pick(kinds);
    return {
      at: end - random.between(60, 24 * 3600 - 60) * SECOND,
      run: async () => {
        const to = workloadNamed(world, name);
        const from = source.startsWith('203.') ? source : (workloadNamed(world, source).addresses[0] ?? '');
        await world.record(refusedFlowEvent(world.clock.now(), { from, to, port }));
      },
    };
  });
}

const BELA = 'usr_demo_bela';
/** When the administrator left, before the end of the day. */
const LEFT = 6 * HOUR;

function administration({ world, visitors, end }: Cast): Step[] {
  const by = `user:${BELA}`;
  const imports = CLOUDS.map(
    (cloud, index): Step => ({
      at: end - 23 * HOUR + index * MINUTE,
      run: async () => await world.record(importEvent(world.clock.now(), cloud, cloud.drafts.length)),
    }),
  );
  return [
    ...imports,
    {
      at: end - 20 * HOUR,
      run: async () => {
        const message = `${emailOf({ name: 'Dana Levi' })} was invited`;
        const dana = userOf(personCalled('Dana Levi'), end);
        await world.record(accountEvent(world.clock.now(), dana, { activity: 'create', message, by }));
      },
    },
    {
      at: end - 16 * HOUR,
      run: async () => {
        const change = {
          assetId: 'arn:aws:s3:::example-shop-images',
          tier: 2,
          reason: 'the checkout page loads its scripts from here',
          expiresAt: end + 30 * 24 * HOUR,
        } as const;
        const { store, clock, append } = world;
        await setTierOverride(store, change, { actor: by, clock, append });
      },
    },
    {
      at: end - LEFT,
      run: async () => {
        const bela = personCalled('Bela Kovacs');
        const account = userOf(bela, end);
        await visitors.signOut(bela, 'session ended by local:1000');
        world.put({ kind: 'user', id: account.id, body: account });
        const message = `${account.email} was disabled`;
        await world.record(
          accountEvent(world.clock.now(), account, { activity: 'disable', message, by: 'local:1000' }),
        );
      },
    },
    {
      at: end - LEFT + 70 * MINUTE,
      run: async () => {
        const user = userOf(personCalled('Bela Kovacs'), end);
        const message = `sign-in of ${user.email} refused: user-disabled`;
        const attempt = {
          user,
          message,
          address: '192.0.2.201',
          factors: ['password'],
          refusedFor: 'user-disabled',
        } as const;
        await world.record(signInEvent(world.clock.now(), attempt));
      },
    },
  ];
}

function health({ visitors, end }: Cast): Step[] {
  const at = (hours: number, run: Step['run']): Step => ({ at: end - hours * HOUR, run });
  const laptop = (name: string): string => deviceIdOf(personCalled(name));
  const server = (name: string): string => `dev_demo_${name}`;
  const begins = [...PEOPLE.filter(({ day }) => day?.device === 'laptop').map((person) => deviceIdOf(person))].map(
    (id) => at(24, async () => await visitors.feel(id, 'well')),
  );
  const servers = MACHINES.filter(({ hasAgent }) => hasAgent).flatMap((machine, index) => {
    const last = serverHealth(machine);
    const id = serverDeviceId(machine);
    const first = at(24, async () => await visitors.feel(id, 'server'));
    return last === 'server' ? [first] : [first, at(7 - (index % 5), async () => await visitors.feel(id, last))];
  });
  return [
    ...begins,
    ...servers,
    at(20, async () => await visitors.feel(laptop('Goro Tanaka'), 'outdated')),
    at(17, async () => await visitors.feel(laptop('Goro Tanaka'), 'well')),
    at(11, async () => await visitors.feel(laptop('Isabel Moreno'), 'open')),
    at(9, async () => await visitors.feel(laptop('Chiara Conti'), 'clock-unknown')),
    at(8, async () => await Promise.resolve(visitors.silence(laptop('Hanna Lindqvist')))),
    at(4, async () => await visitors.feel(laptop('Farah Haddad'), 'outdated')),
    at(2, async () => await visitors.feel(laptop('Farah Haddad'), 'well')),
    at(1, async () => await Promise.resolve(visitors.silence(server('portal-2')))),
  ];
}

function incidents({ world, visitors, end }: Cast): Step[] {
  const farah = personCalled('Farah Haddad');
  const goro = personCalled('Goro Tanaka');
  const jonas = personCalled('Jonas Weber');
  return [
    { at: end - 14 * HOUR, run: async () => await sprayPasswords(world) },
    { at: end - 9 * HOUR, run: async () => await guessPassword(world, emailOf(farah)) },
    {
      at: end - 8 * HOUR,
      run: async () =>
        await closeAlert(world, {
          ruleId: 'password-guessing',
          subjectId: farah.id,
          by: `user:${BELA}`,
          reason: 'called her: an old phone with the password of last year; it is switched off now',
        }),
    },
    {
      at: end - 190 * MINUTE,
      run: async () =>
        await probePorts(world, 'etl-2', [
          'people-api-1',
          'people-api-2',
          'people-db-1',
          'portal-1',
          'api-1',
          'orders-db-1',
        ]),
    },
    { at: end - 35 * MINUTE, run: async () => await guessSecondFactor(world, emailOf(goro)) },
    // What follows for them: the risk closes reports, the silent agent closes the payroll.
    {
      at: end - 20 * MINUTE,
      run: async () => await visitors.visit(goro, { appId: 'reports', method: 'GET', path: '/monthly' }),
    },
    {
      at: end - 16 * MINUTE,
      run: async () =>
        await visitors.visit(personCalled('Hanna Lindqvist'), { appId: 'payroll', method: 'GET', path: '/runs' }),
    },
    {
      at: lastTimeOfDay(5.5, end),
      run: async () => await visitors.visit(jonas, { appId: 'preview', method: 'POST', path: '/' }),
    },
    { at: end - 12 * MINUTE, run: async () => await openEverything(world, visitors, jonas) },
  ];
}

/** The last time before `end` at which it was so many hours past midnight UTC. */
function lastTimeOfDay(hours: number, end: number): number {
  return end - ((end - hours * HOUR) % (24 * HOUR));
}

function personCalled(name: string): Person {
  const person = PEOPLE.find((one) => one.name === name);
  if (person === undefined) throw new Error(`the demo has nobody called \`${name}\``);
  return person;
}
