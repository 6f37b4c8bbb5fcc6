import { classify } from '#assets';
import { CordonError, hashToken, newToken } from '#base';
import type { TrustGraph } from '#model';
import { demoAssets } from './assets.ts';
import { planDay } from './day.ts';
import { demoWorkloads, serverDevices } from './network.ts';
import { emailOf, PEOPLE, personalDevice, userOf } from './people.ts';
import { seededRandom } from './random.ts';
import { seatVisitors } from './visits.ts';
import { type DemoTarget, openWorld } from './world.ts';

export type { DemoTarget } from './world.ts';

/** What was put in. */
export interface DemoSummary {
  readonly assets: number;
  readonly workloads: number;
  readonly people: readonly { readonly email: string; readonly note: string }[];
  readonly events: number;
}

const DAY = 24 * 3_600_000;
/** Every demo is the same day. */
const SEED = 2026;

/**
 * Seeds the estate and lives through the 24 hours before now, which takes a few seconds. A monitor that follows the journal already
 * finds nothing anew. Throws CordonError `demo-not-empty` when there are users or assets.
 */
export async function seedDemo(target: DemoTarget): Promise<DemoSummary> {
  const now = target.clock.now();
  const counts = await putEstate(target, now);
  const world = await openWorld(target, now - DAY);
  const random = seededRandom(SEED);
  const visitors = seatVisitors(world, random);
  // Who has left by now had still been there in the morning.
  for (const user of [...world.graph.all('user')])
    if (user.status === 'disabled') world.put({ kind: 'user', id: user.id, body: { ...user, status: 'active' } });
  for (const { at, run } of planDay({ world, visitors, random, end: now })) {
    await world.moveTo(at);
    await run();
  }
  await world.moveTo(now);
  const events = await world.close();
  await target.store.transact('system', async (tx) => {
    for (const session of visitors.sessions()) await tx.put('session', session);
    for (const device of visitors.devices()) await tx.put('device', device);
  });
  return { ...counts, people: PEOPLE.map((person) => ({ email: emailOf(person), note: person.note })), events };
}

/**
 * Whether the demo of an earlier start is there already. Throws CordonError `demo-not-empty` when somebody's own users or assets are:
 * to be asked before the demo's configuration is in force, for its policies would replace theirs.
 */
export function holdsDemo(graph: Pick<TrustGraph, 'get' | 'count'>): boolean {
  if (PEOPLE.some(({ id }) => graph.get('user', id) !== undefined)) return true;
  if (graph.count('user') + graph.count('asset') > 0) throw notEmpty();
  return false;
}

function notEmpty(): CordonError {
  return new CordonError('demo-not-empty', 'the demo needs an empty installation, and this one holds users or assets', {
    hint: 'start without `--demo`, or choose an empty directory with `--data`',
  });
}

/** Writes people, devices, assets and workloads in one transaction. */
async function putEstate({ store }: DemoTarget, now: number): Promise<{ assets: number; workloads: number }> {
  const assets = classify(demoAssets(now - DAY), now - DAY);
  const workloads = demoWorkloads();
  await store.transact('system', async (tx) => {
    const held = (await tx.list('user')).length + (await tx.list('asset')).length;
    if (held > 0) throw notEmpty();
    for (const person of PEOPLE) {
      await tx.put('user', userOf(person, now));
      const device = personalDevice(person, now, hashToken(newToken()));
      if (device !== undefined) await tx.put('device', device);
    }
    for (const device of serverDevices(now)) await tx.put('device', device);
    for (const asset of assets) await tx.put('asset', asset);
    for (const workload of workloads) await tx.put('workload', workload);
  });
  return { assets: assets.length, workloads: workloads.length };
}
