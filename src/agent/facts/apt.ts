import { type Observed, type SecurityUpdates, WIRE_LIMITS } from '#wire';
import { outputOf } from '../command.ts';
import type { Host } from '../host.ts';
import { unknown } from './source.ts';

/**
 * A simulated upgrade: it changes nothing, takes no lock and needs no root. Held and phased packages count, because an
 * update that waits is an update that is missing.
 */
const SIMULATE = [
  '-s',
  '-o',
  'Debug::NoLocking=true',
  '-o',
  'APT::Get::Show-User-Simulation-Note=false',
  '-o',
  'APT::Get::Always-Include-Phased-Updates=true',
  '--ignore-hold',
  'dist-upgrade',
];

const LISTS = 'var/lib/apt/lists';
/** Changed by every update of the index, also by one that finds nothing new. */
const UPDATED = [LISTS, `${LISTS}/partial`, 'var/lib/apt/periodic/update-success-stamp'];

/** What apt would install from a security source. */
export async function aptUpdates(host: Host, now: number): Promise<Observed<SecurityUpdates>> {
  const names = (await host.list(LISTS)).filter((name) => /(?:InRelease|Release|Packages)(?:\.\w+)?$/.test(name));
  // With no index, or none of a security source, nothing pending would prove nothing.
  if (names.length === 0) return unknown('there is no package index; run `apt-get update`');
  if (!names.some((name) => /security/i.test(name))) {
    return unknown('no security source of apt is configured, or its index was never fetched');
  }
  const printed = outputOf('apt-get', await host.run('apt-get', SIMULATE, { timeoutMs: 120_000 }));
  if ('unknown' in printed) return printed;
  const packages = securityPackages(printed.text);
  const updated = await Promise.all(UPDATED.map(async (path) => (await host.stat(path))?.modifiedAt ?? 0));
  return {
    value: {
      manager: 'apt',
      pending: packages.length,
      packages: packages.slice(0, WIRE_LIMITS.packages),
      indexAgeSeconds: Math.max(0, Math.floor((now - Math.max(...updated)) / 1000)),
      rebootRequired: (await host.stat('run/reboot-required')) !== undefined,
    },
  };
}

/** `Inst name [old] (new Origin:release/suite, Origin:…) [arch]`, of which at least one origin must be for security. */
function securityPackages(text: string): string[] {
  const found = new Set<string>();
  for (const line of text.split('\n')) {
    const match = /^Inst (\S{1,128}) (?:\[[^\]]*\] )?\(\S+ (.*)\)/.exec(line);
    if (match !== null && /-security\b|Debian-Security:/i.test(match[2] ?? '')) found.add(match[1] ?? '');
  }
  return [...found].sort();
}
