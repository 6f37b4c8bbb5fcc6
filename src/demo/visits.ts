import { hashToken, newToken } from '#base';
import { ACR_VALUES, type App, type Decision, type Device, type Session, type User } from '#model';
import { decideAccess, decisionRecord } from '#policy';
import { accessEvent, postureEvent, signInEvent } from './events.ts';
import { type Health, postureOf } from './health.ts';
import { deviceIdOf, emailOf, type Habit, type Person } from './people.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

const SECOND = 1000;
const SESSION_MS = 12 * 3_600_000;
const LINUX = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0';

/** One request of a person to an app. */
export interface Visit {
  readonly appId: string;
  readonly method: string;
  readonly path: string;
}

/** The people at their devices: who is signed in, and how well each device is. */
export interface Visitors {
  /** Opens an app: signs in when needed, and steps up once when that is the way forward and the person can. */
  visit(person: Person, visit: Visit): Promise<void>;
  /** A device is found to be well, or not. */
  feel(deviceId: string, health: Health): Promise<void>;
  /** A device's agent stops: what is known about it grows old. */
  silence(deviceId: string): void;
  /** Ends a person's session. */
  signOut(person: Person, message: string): Promise<void>;
  /** Sessions that have not ended. */
  sessions(): Session[];
  /** Devices with their last report. */
  devices(): Device[];
}

interface Condition {
  readonly health: Health;
  /** When its agent stopped. */
  readonly silentSince?: number;
}

/** Seats everybody. */
export function seatVisitors(world: World, random: Random): Visitors {
  const conditions = new Map<string, Condition>();
  const desk: Desk = { world, random, current: new Map(), numbers: { sessions: 0 } };
  const refresh = (device: Device): Device => {
    const condition = conditions.get(device.id);
    if (condition === undefined) return device;
    const seen = Math.min(world.clock.now(), condition.silentSince ?? Infinity);
    const current = { ...device, posture: postureOf(condition.health, seen - random.between(2, 50) * SECOND) };
    world.put({ kind: 'device', id: device.id, body: current });
    return current;
  };
  return {
    visit: async (person, visit) => {
      const app = world.graph.get('app', visit.appId);
      const user = world.graph.get('user', person.id);
      if (app === undefined || user === undefined || person.day === undefined) return;
      const session = await sessionOf(desk, person, user);
      const device = world.graph.get('device', deviceIdOf(person));
      const use = { person, user, app, visit, device: device === undefined ? undefined : refresh(device) };
      const decision = await open(desk, use, session);
      const stepped = await stepUp(desk, use, { session, decision });
      if (stepped !== undefined) await open(desk, use, stepped);
    },
    feel: async (deviceId, health) => {
      const before = conditions.get(deviceId);
      conditions.set(deviceId, { health });
      const device = world.graph.get('device', deviceId);
      if (device === undefined) return;
      const { posture } = refresh(device);
      if (before === undefined || posture === undefined || posture.verdict === device.posture?.verdict) return;
      await world.record(postureEvent(world.clock.now(), device, posture));
    },
    silence: (deviceId) => {
      const condition = conditions.get(deviceId);
      if (condition !== undefined) conditions.set(deviceId, { ...condition, silentSince: world.clock.now() });
    },
    signOut: async (person, message) => await signOut(desk, person, message),
    sessions: () => [...desk.current.values()].filter(({ expiresAt }) => expiresAt > world.clock.now()),
    devices: () => [...world.graph.all('device')].map(refresh),
  };
}

interface Desk {
  readonly world: World;
  readonly random: Random;
  readonly current: Map<string, Session>;
  readonly numbers: { sessions: number };
}

interface Use {
  readonly person: Person;
  readonly user: User;
  readonly app: App;
  readonly visit: Visit;
  readonly device: Device | undefined;
}

/** Asks the real question of the real policies, and records the answer as the gateway does. */
async function open({ world }: Desk, use: Use, session: Session): Promise<Decision> {
  const { app, visit, device, user } = use;
  const request = {
    session,
    ...(device?.form === 'agent' ? { device } : {}),
    app,
    method: visit.method,
    path: visit.path,
    host: app.host,
    address: session.address,
    secure: true,
  };
  const now = world.clock.now();
  const input = { policies: world.policies, graph: world.graph, now, request };
  const decision = decideAccess(input);
  await world.record(accessEvent(now, user, { request, decision, record: decisionRecord(input, decision) }));
  return decision;
}

async function sessionOf(desk: Desk, person: Person, user: User): Promise<Session> {
  const { world, current, random } = desk;
  const known = current.get(person.id);
  if (known !== undefined && known.expiresAt > world.clock.now()) return known;
  if (known !== undefined) await signOut(desk, person, 'session expired');
  const habit = habitOf(person, 'signsInWith');
  const address = person.day?.address ?? '';
  const common = { user, address, userAgent: LINUX } as const;
  if (habit.factors.includes('password')) {
    if (random.chance(0.25)) await mistype(desk, person, user);
    await world.record(
      signInEvent(world.clock.now(), {
        ...common,
        activity: 'other',
        message: `${user.email} gave the right password`,
        factors: ['password'],
        detail: { next: 'second-factor' },
      }),
    );
    await world.moveTo(world.clock.now() + random.between(6, 20) * SECOND);
  }
  const session = begin(desk, person, habit);
  await world.record(
    signInEvent(world.clock.now(), {
      ...common,
      message: `${user.email} signed in`,
      factors: habit.factors,
      session,
      detail: { acr: session.acr, amr: session.amr, newBrowser: false },
    }),
  );
  await world.moveTo(world.clock.now() + SECOND);
  return session;
}

async function mistype({ world, random }: Desk, person: Person, user: User): Promise<void> {
  await world.record(
    signInEvent(world.clock.now(), {
      user,
      address: person.day?.address ?? '',
      userAgent: LINUX,
      message: `sign-in of ${emailOf(person)} refused: password-wrong`,
      factors: ['password'],
      refusedFor: 'password-wrong',
    }),
  );
  await world.moveTo(world.clock.now() + random.between(4, 15) * SECOND);
}

function habitOf({ day }: Person, which: 'signsInWith' | 'strongest'): Habit {
  return day?.[which] ?? { factors: [], acr: 'urn:cordon:aal1', amr: [] };
}

/** A new session. Its token is thrown away at once: nobody, the demo included, can ever present it. */
function begin({ world, current, numbers }: Desk, person: Person, habit: Habit): Session {
  const now = world.clock.now();
  const before = current.get(person.id);
  const session: Session = {
    id: `ses_demo_${String(++numbers.sessions).padStart(4, '0')}`,
    userId: person.id,
    tokenHash: hashToken(newToken()),
    acr: habit.acr,
    amr: habit.amr,
    authenticatedAt: now,
    createdAt: now,
    expiresAt: before?.expiresAt ?? now + SESSION_MS,
    deviceId: deviceIdOf(person),
    address: person.day?.address ?? '',
    userAgent: LINUX,
  };
  if (before !== undefined) world.remove('session', before.id);
  current.set(person.id, session);
  world.put({ kind: 'session', id: session.id, body: session });
  return session;
}

async function stepUp(
  desk: Desk,
  { person, user }: Use,
  { session, decision }: { readonly session: Session; readonly decision: Decision },
): Promise<Session | undefined> {
  const { world, random } = desk;
  const { strongest } = person.day ?? {};
  if (decision.stepUp === undefined || decision.remedies[0] !== 'step-up' || strongest === undefined) return undefined;
  const rank = (acr: string): number => ACR_VALUES.findIndex((value) => value === acr);
  if (rank(strongest.acr) < rank(decision.stepUp.acr)) return undefined;
  await world.moveTo(world.clock.now() + random.between(8, 25) * SECOND);
  const factors = strongest.factors.filter((factor) => factor !== 'password');
  const next = begin(desk, person, strongest);
  await world.record(
    signInEvent(world.clock.now(), {
      user,
      address: next.address,
      userAgent: LINUX,
      message: `${user.email} confirmed with ${factors.includes('passkey') ? 'a passkey' : 'a code'}`,
      factors,
      session: next,
      detail: { stepUp: true, acr: next.acr, amr: next.amr, replaces: session.id },
    }),
  );
  await world.moveTo(world.clock.now() + SECOND);
  return next;
}

async function signOut({ world, current }: Desk, person: Person, message: string): Promise<void> {
  const session = current.get(person.id);
  const user = world.graph.get('user', person.id);
  if (session === undefined || user === undefined) return;
  current.delete(person.id);
  world.remove('session', session.id);
  await world.record(
    signInEvent(world.clock.now(), {
      user,
      activity: 'logoff',
      message,
      address: session.address,
      userAgent: LINUX,
      factors: [],
      session,
      detail: { session: session.id },
    }),
  );
}
