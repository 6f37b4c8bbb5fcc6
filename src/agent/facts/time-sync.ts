import type { Observed, TimeSync } from '#wire';
import type { Host } from '../host.ts';
import { type FactSource, stampOf, unknown } from './source.ts';

const TIMESYNCD = 'run/systemd/timesync/synchronized';

/** Whether the kernel's clock follows a source. */
export const timeSync: FactSource<TimeSync> = {
  observe: observeSync,
  maxAgeMs: 10_000,
  restMs: 0,
  stamp: async (host) => await stampOf(host, [TIMESYNCD]),
};

async function observeSync(host: Host): Promise<Observed<TimeSync>> {
  const limits = { timeoutMs: 5000, maxBytes: 64 * 1024 };
  // What systemd reads from the kernel (adjtimex) is true whoever sets the clock.
  const kernel = await host.run('timedatectl', ['show', '--property=NTPSynchronized', '--value'], limits);
  const word = kernel.outcome === 'exited' && kernel.code === 0 ? kernel.stdout.trim() : '';
  if (word === 'yes' || word === 'no') {
    return { value: { synchronized: word === 'yes', source: await sourceOf(host) } };
  }
  const chrony = await host.run('chronyc', ['-n', 'tracking'], limits);
  const leap = chrony.outcome === 'exited' ? /^Leap status\s*:\s*(.+)$/m.exec(chrony.stdout)?.[1]?.trim() : undefined;
  if (leap !== undefined) {
    return { value: { synchronized: /^(?:Normal|Insert second|Delete second)$/.test(leap), source: 'chrony' } };
  }
  if ((await host.stat(TIMESYNCD)) !== undefined) {
    return { value: { synchronized: true, source: 'systemd-timesyncd' } };
  }
  return unknown('neither `timedatectl` nor `chronyc` tells whether the clock is synchronized');
}

async function sourceOf(host: Host): Promise<string> {
  if ((await host.stat(TIMESYNCD)) !== undefined) return 'systemd-timesyncd';
  if ((await host.stat('run/chrony')) !== undefined) return 'chrony';
  return 'kernel';
}
