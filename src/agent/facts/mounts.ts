import { type Mount, type Observed, WIRE_LIMITS } from '#wire';
import { outputOf } from '../command.ts';
import type { Host } from '../host.ts';
import { EncryptedDevices, type MountedDevice } from './block-device.ts';
import { type FactSource, fitting, unknown } from './source.ts';

/** File systems and swap on block devices, and whether a layer below encrypts them. Read from procfs and sysfs alone. */
export const mounts: FactSource<readonly Mount[]> = { observe: observeMounts, maxAgeMs: 10_000, restMs: 0 };

/** One line of proc_pid_mountinfo(5). */
interface MountLine extends MountedDevice {
  /** Of file system, for example `ext4`. */
  readonly kind: string;
}

async function observeMounts(host: Host): Promise<Observed<readonly Mount[]>> {
  const text = await host.read('proc/self/mountinfo');
  if (text === undefined) return unknown('/proc/self/mountinfo cannot be read');
  const lines = text.split('\n').flatMap((line) => parseLine(line) ?? []);
  const devices = new EncryptedDevices(host, lines);
  const found = new Map<string, Mount>();
  // A device that is mounted many times, as containers do, is told once, by its shortest mount point.
  for (const line of lines.toSorted((a, b) => a.mountpoint.length - b.mountpoint.length)) {
    if (found.has(line.source)) continue;
    const encrypted = await isEncrypted(host, devices, line);
    if (encrypted === undefined) continue;
    if (typeof encrypted !== 'boolean') return encrypted;
    found.set(line.source, mount(line.mountpoint, line.source, encrypted));
  }
  const swaps = await observeSwaps(host, devices);
  // What is not encrypted comes first: a list that is cut must not hide it.
  const all = [...found.values(), ...swaps].sort(
    (a, b) => Number(a.encrypted) - Number(b.encrypted) || (a.mountpoint < b.mountpoint ? -1 : 1),
  );
  return { value: fitting(all, WIRE_LIMITS.mounts) };
}

/** Undefined for what lies on no disk of this host. */
async function isEncrypted(
  host: Host,
  devices: EncryptedDevices,
  line: MountLine,
): Promise<boolean | { readonly unknown: string } | undefined> {
  if (line.kind === 'zfs') return await isZfsEncrypted(host, line.source);
  if (!line.source.startsWith('/dev/') || /^fuse(?:\.|$)/.test(line.kind)) return undefined;
  return await devices.isMountEncrypted(line);
}

async function isZfsEncrypted(host: Host, dataset: string): Promise<boolean | { readonly unknown: string }> {
  const printed = outputOf('zfs', await host.run('zfs', ['get', '-H', '-o', 'value', 'encryption', dataset]));
  if ('unknown' in printed)
    return unknown(`whether ZFS \`${dataset}\` is encrypted cannot be seen: ${printed.unknown}`);
  return printed.text.trim().startsWith('aes-');
}

async function observeSwaps(host: Host, devices: EncryptedDevices): Promise<Mount[]> {
  const swaps: Mount[] = [];
  for (const line of ((await host.read('proc/swaps')) ?? '').split('\n').slice(1)) {
    const [path, kind] = line.trim().split(/\s+/);
    if (path === undefined || path === '') continue;
    const source = unescape(path);
    const name = await devices.byPath(source);
    if (name?.startsWith('zram') === true) continue; // compressed memory, no disk
    const encrypted =
      kind === 'file' ? await devices.isFileEncrypted(source) : name !== undefined && (await devices.isEncrypted(name));
    swaps.push(mount('[SWAP]', source, encrypted));
  }
  return swaps;
}

function mount(mountpoint: string, device: string, encrypted: boolean): Mount {
  return { mountpoint: mountpoint.slice(0, 512), device: device.slice(0, 512), encrypted };
}

function parseLine(line: string): MountLine | undefined {
  const [before = '', after] = line.split(' - ');
  const [, , number, , mountpoint] = before.split(' ');
  const [kind, source] = after?.split(' ') ?? [];
  if (number === undefined || mountpoint === undefined || kind === undefined || source === undefined) return undefined;
  return { number, mountpoint: unescape(mountpoint), kind, source: unescape(source) };
}

/** procfs writes blanks and backslashes as three octal digits. */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
