import type { Observed, SecurityUpdates } from '#wire';
import type { Host } from '../host.ts';
import { aptUpdates } from './apt.ts';
import { dnfUpdates } from './dnf.ts';
import { type FactSource, stampOf, unknown } from './source.ts';

const DPKG = 'var/lib/dpkg/status';
const RPM = ['var/lib/rpm', 'usr/lib/sysimage/rpm'] as const;

/** Pending security updates. Asking the package manager takes seconds of CPU, so it is asked when its files change. */
export const securityUpdates: FactSource<SecurityUpdates> = {
  observe: observeUpdates,
  maxAgeMs: 15 * 60_000,
  restMs: 30_000,
  isSlow: true,
  stamp: async (host) =>
    await stampOf(host, [
      DPKG,
      'var/lib/apt/lists',
      'var/lib/apt/lists/partial',
      'run/reboot-required',
      'var/lib/rpm/rpmdb.sqlite',
      'usr/lib/sysimage/rpm/rpmdb.sqlite',
    ]),
};

async function observeUpdates(host: Host, now: number): Promise<Observed<SecurityUpdates>> {
  if ((await host.stat(DPKG)) !== undefined) return await aptUpdates(host, now);
  const databases = await Promise.all(RPM.map(async (path) => await host.stat(path)));
  if (databases.some((found) => found !== undefined)) return await dnfUpdates(host, now);
  return unknown('the package manager is neither apt nor dnf');
}
