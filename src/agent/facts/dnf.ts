import { type Observed, type SecurityUpdates, WIRE_LIMITS } from '#wire';
import { outputOf } from '../command.ts';
import type { Host } from '../host.ts';
import { unknown } from './source.ts';

/** Advisories of newer versions than the installed ones. `-C`: from the cache, because the agent downloads nothing. */
const ADVISORIES = ['-q', '-C', 'updateinfo', 'list', '--security'];
const CACHES = ['var/cache/dnf', 'var/cache/libdnf5'];

/** What dnf would install from a security advisory. */
export async function dnfUpdates(host: Host, now: number): Promise<Observed<SecurityUpdates>> {
  const fetchedAt = await lastFetch(host);
  if (fetchedAt === undefined) return unknown('there is no package index; run `dnf makecache`');
  const printed = outputOf('dnf', await host.run('dnf', ADVISORIES, { timeoutMs: 120_000 }));
  if ('unknown' in printed) return printed;
  const restart = await needsRestart(host);
  if (typeof restart !== 'boolean') return restart;
  const packages = advisedPackages(printed.text);
  if (packages === undefined) return unknown('`dnf updateinfo` printed something that is no list of advisories');
  return {
    value: {
      manager: 'dnf',
      pending: packages.length,
      packages: packages.slice(0, WIRE_LIMITS.packages),
      indexAgeSeconds: Math.max(0, Math.floor((now - fetchedAt) / 1000)),
      rebootRequired: restart,
    },
  };
}

async function lastFetch(host: Host): Promise<number | undefined> {
  const times: number[] = [];
  for (const cache of CACHES) {
    for (const name of await host.list(cache)) {
      const found = await host.stat(`${cache}/${name}/repodata/repomd.xml`);
      if (found !== undefined) times.push(found.modifiedAt);
    }
  }
  return times.length === 0 ? undefined : Math.max(...times);
}

/** `needs-restarting -r` answers with its exit code: 0 no, 1 yes. */
async function needsRestart(host: Host): Promise<boolean | { readonly unknown: string }> {
  const answer = await host.run('dnf', ['-q', '-C', 'needs-restarting', '-r'], { timeoutMs: 60_000 });
  if (answer.outcome !== 'exited') return unknown('`dnf needs-restarting` could not be run');
  if (answer.code === 0) return false;
  if (answer.code === 1 && /reboot/i.test(answer.stdout)) return true;
  return unknown('`dnf needs-restarting` is not installed; run `dnf install dnf-utils`');
}

/** One line each: advisory, kind or severity, and `name-[epoch:]version-release.arch`, in the order of dnf 4 or dnf 5. */
function advisedPackages(text: string): string[] | undefined {
  const found = new Set<string>();
  for (const line of text.split('\n')) {
    if (line.trim() === '' || /^(?:Name\s+Type\b|Last metadata expiration)/.test(line)) continue;
    const nevra = line.split(/\s+/).find((word) => /^\S+-(?:\d+:)?[^-\s]+-[^-\s]+\.(?:noarch|[a-z]\w*)$/.test(word));
    const name = nevra?.replace(/-(?:\d+:)?[^-]+-[^-]+$/, '');
    if (name === undefined || name.length > 128) return undefined;
    found.add(name);
  }
  return [...found].sort();
}
