import { canonicalJson, type Json } from '#base';
import type { Facts, Observed } from '#wire';
import type { Host } from '../host.ts';
import { inputChains } from './input-chains.ts';
import { mounts } from './mounts.ts';
import { osRelease } from './os.ts';
import { securityUpdates } from './security-updates.ts';
import { type FactSource, unknown } from './source.ts';
import { sshServer } from './ssh-server.ts';
import { timeSync } from './time-sync.ts';
import { virtualization } from './virtualization.ts';

/** Looks at the host again and again, at each fact as often as it is worth. */
export interface FactCollector {
  collect(now: number): Promise<Facts>;
}

/** Makes a collector. The first collection looks at everything; with `isQuick`, at everything but what takes seconds. */
export function factCollector(host: Host, { isQuick = false } = {}): FactCollector {
  const os = cached(host, osRelease);
  const machine = cached(host, virtualization);
  const updates = isQuick ? notLooked : cached(host, securityUpdates);
  const disks = cached(host, mounts);
  const chains = cached(host, inputChains);
  const ssh = cached(host, sshServer);
  const clock = cached(host, timeSync);
  return {
    collect: async (now) => {
      const [release, virtual, pending, mounted, filter, server, sync] = await Promise.all([
        os(now),
        machine(now),
        updates(now),
        disks(now),
        chains(now),
        ssh(now),
        clock(now),
      ]);
      return {
        hostname: host.hostname,
        os: release,
        virtualization: virtual,
        securityUpdates: pending,
        mounts: mounted,
        inputChains: filter,
        sshServer: server,
        timeSync: sync,
      };
    },
  };
}

/** What two collections must share to say the same: everything but the age of the package index, which always grows. */
export function factsDigest(facts: Facts): string {
  const { securityUpdates: updates, ...rest } = facts;
  const { indexAgeSeconds: _, ...lasting } = 'value' in updates ? updates.value : { indexAgeSeconds: 0, ...updates };
  return canonicalJson({ ...rest, lasting } as unknown as Json);
}

async function notLooked(): Promise<{ readonly unknown: string }> {
  return await Promise.resolve(unknown('the agent has not looked yet'));
}

function cached<T>(host: Host, source: FactSource<T>): (now: number) => Promise<Observed<T>> {
  let last: { readonly at: number; readonly stamp: string; readonly seen: Observed<T> } | undefined;
  let look: Promise<void> | undefined;
  return async (now) => {
    const stamp = (await source.stamp?.(host)) ?? '';
    if (last !== undefined) {
      const age = now - last.at;
      // A negative age is a clock that was set back: nothing is known about how old the observation is.
      const isFresh = age >= 0 && age < source.maxAgeMs && (stamp === last.stamp || age < source.restMs);
      if (isFresh) return last.seen;
    }
    look ??= observed(source, host, now).then((seen) => {
      last = { at: now, stamp, seen };
      look = undefined;
    });
    // A slow look must not delay that of the others; the last word stands until it ends, which its time limit ensures.
    if (last === undefined || source.isSlow !== true) await look;
    return last?.seen ?? (await notLooked());
  };
}

/** A fault in looking at one fact must not keep the others from being told. */
async function observed<T>(source: FactSource<T>, host: Host, now: number): Promise<Observed<T>> {
  try {
    return await source.observe(host, now);
  } catch (cause) {
    return unknown(`the agent failed to look: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}
