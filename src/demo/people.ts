import type { Acr, Device, User } from '#model';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** How somebody proves who they are, and what it is worth. */
export interface Habit {
  readonly factors: readonly ('password' | 'totp' | 'passkey')[];
  readonly acr: Acr;
  readonly amr: readonly string[];
}

const CODE: Habit = { factors: ['password', 'totp'], acr: 'urn:cordon:aal2', amr: ['pwd', 'otp', 'mfa'] };
const SYNCED: Habit = { factors: ['passkey'], acr: 'urn:cordon:aal2-phr', amr: ['swk', 'user', 'mfa'] };
const SECURITY_KEY: Habit = { factors: ['passkey'], acr: 'urn:cordon:aal3', amr: ['hwk', 'user', 'mfa'] };

/** Somebody of the demo: an account without credentials, and what that person does on a day. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly groups: readonly string[];
  readonly status: User['status'];
  /** One sentence for whoever looks at the demo. */
  readonly note: string;
  /** Missing for who does nothing all day. */
  readonly day?: {
    /** Working hours, UTC. */
    readonly from: number;
    readonly to: number;
    /** How busy, beside the others. */
    readonly weight: number;
    readonly signsInWith: Habit;
    /** What a step-up can reach. */
    readonly strongest: Habit;
    readonly device: 'laptop' | 'browser';
    readonly address: string;
    readonly apps: readonly [readonly [string, number], ...(readonly [string, number])[]];
  };
}

type Day = NonNullable<Person['day']>;

function day(day: Pick<Day, 'weight' | 'signsInWith' | 'apps'> & Partial<Day>): Day {
  return { from: 7, to: 17, device: 'laptop', address: '198.51.100.20', strongest: day.signsInWith, ...day };
}

/** The ten people. Nobody in `admins` is active, so that whoever starts the demo becomes the first administrator. */
export const PEOPLE: readonly Person[] = [
  {
    id: 'usr_demo_amara',
    name: 'Amara Okafor',
    groups: ['platform'],
    status: 'active',
    note: 'platform team; a security key and a healthy laptop, so T0 opens after a step-up',
    day: day({
      weight: 9,
      signsInWith: SECURITY_KEY,
      address: '198.51.100.21',
      apps: [
        ['metrics', 6],
        ['deploy', 2],
        ['orders', 1],
        ['tickets', 3],
        ['wiki', 2],
        ['preview', 3],
      ],
    }),
  },
  {
    id: 'usr_demo_bela',
    name: 'Bela Kovacs',
    groups: ['admins'],
    status: 'disabled',
    note: 'administrator who left today; the account was disabled and the sessions ended',
    day: day({
      from: 6,
      to: 22,
      weight: 3,
      signsInWith: SYNCED,
      address: '198.51.100.22',
      apps: [
        ['wiki', 3],
        ['tickets', 3],
        ['metrics', 3],
        ['reports', 1],
      ],
    }),
  },
  {
    id: 'usr_demo_chiara',
    name: 'Chiara Conti',
    groups: ['analysts'],
    status: 'active',
    note: 'analyst; may look at everything in Cordon and change nothing',
    day: day({
      weight: 6,
      signsInWith: SYNCED,
      address: '198.51.100.23',
      apps: [
        ['reports', 8],
        ['wiki', 3],
        ['verify', 1],
      ],
    }),
  },
  {
    id: 'usr_demo_dana',
    name: 'Dana Levi',
    groups: ['support'],
    status: 'invited',
    note: 'invited; has not enrolled a second factor yet, so there is no way in',
  },
  {
    id: 'usr_demo_emil',
    name: 'Emil Sorensen',
    groups: ['platform'],
    status: 'active',
    note: 'platform team; on call at night',
    day: day({
      from: 12,
      to: 24,
      weight: 8,
      signsInWith: SECURITY_KEY,
      address: '192.0.2.44',
      apps: [
        ['metrics', 7],
        ['deploy', 2],
        ['orders', 1],
        ['tickets', 2],
        ['preview', 2],
      ],
    }),
  },
  {
    id: 'usr_demo_farah',
    name: 'Farah Haddad',
    groups: ['engineering'],
    status: 'active',
    note: 'engineer; password and code only, so nothing from T1 up opens',
    day: day({
      weight: 9,
      signsInWith: CODE,
      address: '198.51.100.25',
      apps: [
        ['preview', 6],
        ['tickets', 4],
        ['metrics', 4],
        ['wiki', 3],
        ['deploy', 1],
      ],
    }),
  },
  {
    id: 'usr_demo_goro',
    name: 'Goro Tanaka',
    groups: ['finance'],
    status: 'active',
    note: 'finance; somebody guesses the second factor of this account right now, so its risk is high',
    day: day({
      weight: 6,
      signsInWith: CODE,
      strongest: SYNCED,
      address: '198.51.100.26',
      apps: [
        ['payroll', 4],
        ['reports', 4],
        ['wiki', 3],
      ],
    }),
  },
  {
    id: 'usr_demo_hanna',
    name: 'Hanna Lindqvist',
    groups: ['finance'],
    status: 'active',
    note: 'finance; the agent on the laptop has stopped, so what is known about its health grows old',
    day: day({
      weight: 7,
      signsInWith: CODE,
      strongest: SYNCED,
      address: '198.51.100.27',
      apps: [
        ['payroll', 5],
        ['reports', 3],
        ['wiki', 3],
        ['tickets', 1],
      ],
    }),
  },
  {
    id: 'usr_demo_isabel',
    name: 'Isabel Moreno',
    groups: ['support'],
    status: 'active',
    note: 'support; the laptop fails two health checks and is told how to fix them',
    day: day({
      from: 8,
      to: 20,
      weight: 10,
      signsInWith: CODE,
      address: '203.0.113.28',
      apps: [
        ['tickets', 9],
        ['wiki', 4],
        ['verify', 1],
      ],
    }),
  },
  {
    id: 'usr_demo_jonas',
    name: 'Jonas Weber',
    groups: ['contractors'],
    status: 'active',
    note: 'contractor on a browser without an agent; has just tried every app there is',
    day: day({
      from: 5,
      to: 15,
      weight: 6,
      signsInWith: CODE,
      device: 'browser',
      address: '198.51.100.90',
      apps: [
        ['preview', 7],
        ['wiki', 4],
        ['tickets', 1],
      ],
    }),
  },
];

/** Where a person is reached; the domain is one that documentation may use. */
export function emailOf({ name }: Pick<Person, 'name'>): string {
  return `${name.toLowerCase().replace(' ', '.')}@example.org`;
}

/** The account of a person, as of `now`. */
export function userOf(person: Person, now: number): User {
  const { id, name, groups, status } = person;
  const createdAt = status === 'invited' ? now - 20 * HOUR : now - 90 * DAY;
  return { id, email: emailOf(person), name, groups, status, createdAt };
}

/** The id of the device a person works on. */
export function deviceIdOf({ id }: Pick<Person, 'id'>): string {
  return id.replace('usr_', 'dev_');
}

/** What a person works on. A browser is recognised by a cookie that nobody has; a laptop by a certificate that nobody has. */
export function personalDevice(person: Person, now: number, tokenHash: string): Device | undefined {
  if (person.day === undefined) return undefined;
  const first = person.name.split(' ')[0] ?? person.name;
  const common = { id: deviceIdOf(person), ownerId: person.id, status: 'active', enrolledAt: now - 60 * DAY } as const;
  return person.day.device === 'browser'
    ? { ...common, name: `${first}'s Firefox on Linux`, form: 'browser', managed: false, tokenHash }
    : { ...common, name: `${first.toLowerCase()}-laptop`, form: 'agent', managed: true };
}
