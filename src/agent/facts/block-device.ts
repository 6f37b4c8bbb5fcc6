import type { Host } from '../host.ts';

/**
 * Device-mapper targets that encrypt, by the prefix cryptsetup gives their UUID. Not among them: `CRYPT-VERITY` and
 * `CRYPT-INTEGRITY`, which protect against changes only.
 */
const ENCRYPTING = /^CRYPT-(?:LUKS1|LUKS2|PLAIN|TCRYPT|BITLK|FVAULT2|LOOPAES)-/;

/** More layers than this are a loop in what sysfs shows. */
const MOST_LAYERS = 16;

/** Something mounted: where, and the device's number (`major:minor`) and file. */
export interface MountedDevice {
  readonly mountpoint: string;
  readonly number: string;
  readonly source: string;
}

/** Block devices of a host and whether everything written to them is encrypted on the way down. */
export class EncryptedDevices {
  readonly #host: Host;
  readonly #mounts: readonly MountedDevice[];

  constructor(host: Host, mounts: readonly MountedDevice[]) {
    this.#host = host;
    this.#mounts = mounts;
  }

  /** The kernel's name of a device number, for example `8:1` -> `sda1`. Undefined for file systems without a device. */
  async byNumber(number: string): Promise<string | undefined> {
    return number.startsWith('0:') ? undefined : await this.#host.linkName(`sys/dev/block/${number}`);
  }

  /** The kernel's name of a device file, for example `/dev/mapper/vg-root` -> `dm-0`. */
  async byPath(path: string): Promise<string | undefined> {
    const name = (await this.#host.linkName(path.slice(1))) ?? path.replace(/^\/dev\/(?:mapper\/)?/, '');
    if (/^[\w.!-]+$/.test(name) && (await this.#host.stat(`sys/class/block/${name}`)) !== undefined) return name;
    for (const entry of await this.#host.list('sys/class/block')) {
      const mapped = (await this.#host.read(`sys/class/block/${entry}/dm/name`))?.trim();
      if (mapped !== undefined && mapped === name) return entry;
    }
    return undefined;
  }

  /** True when the device, or all that lies below it, encrypts. What cannot be seen counts as not encrypted. */
  async isEncrypted(name: string, layer = 0): Promise<boolean> {
    if (layer > MOST_LAYERS) return false;
    const at = `sys/class/block/${name}`;
    if (ENCRYPTING.test((await this.#host.read(`${at}/dm/uuid`)) ?? '')) return true;
    const backing = (await this.#host.read(`${at}/loop/backing_file`))?.trim();
    if (backing !== undefined && backing !== '') return await this.isFileEncrypted(backing, layer + 1);
    const below = await this.#host.list(`${at}/slaves`);
    if (below.length === 0) return await this.#isWholeDiskEncrypted(name, layer);
    for (const one of below) if (!(await this.isEncrypted(one, layer + 1))) return false;
    return true;
  }

  /** A partition lies on its disk, which may itself be a mapped device (a partition table inside of LUKS). */
  async #isWholeDiskEncrypted(name: string, layer: number): Promise<boolean> {
    if ((await this.#host.stat(`sys/class/block/${name}/partition`)) === undefined) return false;
    for (const disk of await this.#host.list('sys/block')) {
      if ((await this.#host.stat(`sys/block/${disk}/${name}`)) !== undefined)
        return await this.isEncrypted(disk, layer + 1);
    }
    return false;
  }

  /** Whether a mounted file system is encrypted, on each of its devices: btrfs has several and names one. */
  async isMountEncrypted(mount: MountedDevice, layer = 0): Promise<boolean> {
    const name = (await this.byNumber(mount.number)) ?? (await this.byPath(mount.source));
    if (name === undefined) return false;
    for (const device of [name, ...(await this.#btrfsSiblings(name))]) {
      if (!(await this.isEncrypted(device, layer))) return false;
    }
    return true;
  }

  async #btrfsSiblings(name: string): Promise<readonly string[]> {
    for (const id of await this.#host.list('sys/fs/btrfs')) {
      const devices = await this.#host.list(`sys/fs/btrfs/${id}/devices`);
      if (devices.includes(name)) return devices;
    }
    return [];
  }

  /** Whether the file system that holds a file is encrypted. */
  async isFileEncrypted(path: string, layer = 0): Promise<boolean> {
    const holder = this.#mounts
      .filter(({ mountpoint }) => mountpoint === '/' || path === mountpoint || path.startsWith(`${mountpoint}/`))
      .toSorted((a, b) => a.mountpoint.length - b.mountpoint.length)
      .at(-1); // of several at one place, the one that was mounted last
    return holder !== undefined && (await this.isMountEncrypted(holder, layer));
  }
}
