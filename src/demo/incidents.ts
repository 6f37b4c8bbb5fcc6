import type { User, Workload } from '#model';
import { refusedFlowEvent, signInEvent } from './events.ts';
import type { Person } from './people.ts';
import type { Visitors } from './visits.ts';
import type { World } from './world.ts';

const SECOND = 1000;

/** Somebody tries one password each on many accounts, existing or not. Raises `password-spraying`. */
export async function sprayPasswords(world: World): Promise<void> {
  const accounts = [
    'info@example.org',
    'admin@example.org',
    'amara.okafor@example.org',
    'office@example.org',
    'emil.sorensen@example.org',
    'hanna.lindqvist@example.org',
    'it@example.org',
    'sales@example.org',
  ];
  for (const email of accounts) {
    const user = userAt(world, email);
    const refusedFor = user === undefined ? 'account-unknown' : 'password-wrong';
    await refuse(world, { user, email, address: '203.0.113.9', factors: ['password'], refusedFor });
    await world.moveTo(world.clock.now() + 20 * SECOND);
  }
}

/** Somebody tries many passwords on one account. Raises `password-guessing` and the account's risk. */
export async function guessPassword(world: World, email: string): Promise<void> {
  for (let attempt = 1; attempt <= 8; attempt++) {
    const refusedFor = attempt <= 6 ? 'password-wrong' : 'too-many-attempts';
    const user = userAt(world, email);
    await refuse(world, { user, email, address: '203.0.113.77', factors: ['password'], refusedFor });
    await world.moveTo(world.clock.now() + 25 * SECOND);
  }
}

/** Somebody who has the password tries codes. Raises `second-factor-guessing`: a high risk. */
export async function guessSecondFactor(world: World, email: string): Promise<void> {
  const address = '203.0.113.140';
  const user = userAt(world, email);
  if (user === undefined) return;
  const message = `${email} gave the right password`;
  const detail = { next: 'second-factor' };
  await world.record(
    signInEvent(world.clock.now(), { user, activity: 'other', message, address, factors: ['password'], detail }),
  );
  for (let attempt = 1; attempt <= 5; attempt++) {
    await world.moveTo(world.clock.now() + 31 * SECOND);
    await refuse(world, { user, email, address, factors: ['password', 'totp'], refusedFor: 'code-wrong' });
  }
}

/** A workload tries SSH at others, whose agents report it. Raises `port-probe`; the response cuts the workload off. */
export async function probePorts(world: World, probing: string, probed: readonly string[]): Promise<void> {
  const [from = ''] = workloadNamed(world, probing).addresses;
  for (const name of probed) {
    const to = workloadNamed(world, name);
    await world.record(refusedFlowEvent(world.clock.now(), { from, to, port: 22 }));
    await world.moveTo(world.clock.now() + 12 * SECOND);
  }
}

/** A person opens one app after the other. Raises `denied-access-burst` when policy refuses enough of them. */
export async function openEverything(world: World, visitors: Visitors, person: Person): Promise<void> {
  for (const app of [...world.graph.all('app')]) {
    await visitors.visit(person, { appId: app.id, method: 'GET', path: '/' });
    await world.moveTo(world.clock.now() + 9 * SECOND);
  }
}

/** A person with the right to it closes the alert of a rule about a subject, and forgets the risk. */
export async function closeAlert(
  world: World,
  input: { readonly ruleId: string; readonly subjectId: string; readonly by: string; readonly reason: string },
): Promise<void> {
  const { ruleId, subjectId, by, reason } = input;
  const alerts = await world.store.read(async (tx) => await tx.list('alert'));
  const alert = alerts.find((one) => one.ruleId === ruleId && one.subjectId === subjectId);
  if (alert === undefined) return;
  await world.monitor.closeAlert({ alertId: alert.id, by, reason });
  await world.monitor.clearRisk({ subjectId, by });
}

/** The workload of this name; the demo's own, so it is there. */
export function workloadNamed(world: World, name: string): Workload {
  for (const workload of world.graph.all('workload')) if (workload.name === name) return workload;
  throw new Error(`the demo has no workload \`${name}\``);
}

function userAt(world: World, email: string): User | undefined {
  for (const user of world.graph.all('user')) if (user.email === email) return user;
  return undefined;
}

async function refuse(
  world: World,
  attempt: {
    readonly user: User | undefined;
    readonly email: string;
    readonly address: string;
    readonly factors: readonly ('password' | 'totp')[];
    readonly refusedFor: 'password-wrong' | 'account-unknown' | 'too-many-attempts' | 'code-wrong';
  },
): Promise<void> {
  const { user, email, ...rest } = attempt;
  const message = `sign-in of ${email} refused: ${rest.refusedFor}`;
  const who = user === undefined ? { typedEmail: email } : { user };
  await world.record(signInEvent(world.clock.now(), { ...rest, ...who, message }));
}
