import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Mount } from '#wire';
import { type FakeHost, fakeHost, type Scripted } from '../testdata/fake-host.ts';
import { mounts } from './mounts.ts';

interface Device {
  readonly number: string;
  /** Device-mapper UUID and name. */
  readonly uuid?: string;
  readonly mapped?: string;
  readonly below?: readonly string[];
  readonly partitionOf?: string;
  readonly backing?: string;
}

/** Lays a tree of block devices out as sysfs does. */
function withDevices(
  devices: Record<string, Device>,
  o: { mountinfo: readonly string[]; swaps?: readonly string[]; commands?: Record<string, Scripted> },
): FakeHost {
  const host = fakeHost(o.commands === undefined ? {} : { commands: o.commands });
  for (const [name, device] of Object.entries(devices)) {
    const at = `sys/class/block/${name}`;
    host.file(`${at}/dev`, device.number);
    host.link(`sys/dev/block/${device.number}`, `../../class/block/${name}`);
    if (device.uuid !== undefined) host.file(`${at}/dm/uuid`, `${device.uuid}\n`);
    if (device.mapped !== undefined) host.file(`${at}/dm/name`, `${device.mapped}\n`);
    if (device.backing !== undefined) host.file(`${at}/loop/backing_file`, `${device.backing}\n`);
    for (const below of device.below ?? []) host.file(`${at}/slaves/${below}`);
    if (device.partitionOf === undefined) host.file(`sys/block/${name}/size`);
    else {
      host.file(`${at}/partition`, '1');
      host.file(`sys/block/${device.partitionOf}/${name}/partition`, '1');
    }
  }
  host.file('proc/self/mountinfo', `${o.mountinfo.join('\n')}\n`);
  host.file('proc/swaps', `Filename\tType\tSize\tUsed\tPriority\n${(o.swaps ?? []).join('\n')}\n`);
  return host;
}

const line = (number: string, mountpoint: string, kind: string, source: string): string =>
  `36 25 ${number} / ${mountpoint} rw,relatime shared:1 - ${kind} ${source} rw`;

async function seen(host: FakeHost): Promise<readonly Mount[]> {
  const fact = await mounts.observe(host, 0);
  assert.ok('value' in fact, JSON.stringify(fact));
  return fact.value;
}

const encryptedAt = (found: readonly Mount[]): Record<string, boolean> =>
  Object.fromEntries(found.map(({ mountpoint, encrypted }) => [mountpoint, encrypted]));

const LUKS = 'CRYPT-LUKS2-0123456789abcdef-cryptroot';

describe('mounts', () => {
  it('sees plain partitions, and those that hold LUKS', async () => {
    const host = withDevices(
      {
        sda: { number: '8:0' },
        sda1: { number: '8:1', partitionOf: 'sda' },
        sda2: { number: '8:2', partitionOf: 'sda' },
        'dm-0': { number: '253:0', uuid: LUKS, mapped: 'cryptroot', below: ['sda2'] },
      },
      { mountinfo: [line('253:0', '/', 'ext4', '/dev/mapper/cryptroot'), line('8:1', '/boot', 'ext4', '/dev/sda1')] },
    );
    assert.deepEqual(await seen(host), [
      { mountpoint: '/boot', device: '/dev/sda1', encrypted: false },
      { mountpoint: '/', device: '/dev/mapper/cryptroot', encrypted: true },
    ]);
  });

  const stacks: readonly [string, Record<string, Device>, boolean][] = [
    [
      'a volume group inside of LUKS',
      {
        a: { number: '8:0' },
        c: { number: '253:0', uuid: LUKS, below: ['a'] },
        x: { number: '9:9', uuid: 'LVM-1', below: ['c'] },
      },
      true,
    ],
    [
      'LUKS on a volume of a volume group',
      {
        a: { number: '8:0' },
        l: { number: '253:0', uuid: 'LVM-1', below: ['a'] },
        x: { number: '9:9', uuid: LUKS, below: ['l'] },
      },
      true,
    ],
    [
      'a mirror of which both halves are encrypted',
      {
        c1: { number: '253:0', uuid: LUKS },
        c2: { number: '253:1', uuid: LUKS },
        x: { number: '9:9', below: ['c1', 'c2'] },
      },
      true,
    ],
    [
      'a mirror of which one half is plain',
      { c1: { number: '253:0', uuid: LUKS }, a: { number: '8:0' }, x: { number: '9:9', below: ['a', 'c1'] } },
      false,
    ],
    ['dm-verity, which only protects against changes', { x: { number: '9:9', uuid: 'CRYPT-VERITY-1-usr' } }, false],
    ['dm-integrity, likewise', { x: { number: '9:9', uuid: 'CRYPT-INTEGRITY-1-a' } }, false],
    ['dm-crypt without a header', { x: { number: '9:9', uuid: 'CRYPT-PLAIN-swap' } }, true],
    [
      'a partition of an encrypted disk',
      { d: { number: '253:0', uuid: LUKS }, x: { number: '9:9', partitionOf: 'd' } },
      true,
    ],
    ['layers that run in a circle', { y: { number: '8:0', below: ['x'] }, x: { number: '9:9', below: ['y'] } }, false],
    ['a device that sysfs does not know', {}, false],
  ];
  for (const [what, devices, encrypted] of stacks) {
    it(`calls ${what} ${encrypted ? 'encrypted' : 'plain'}`, async () => {
      const host = withDevices(devices, { mountinfo: [line('9:9', '/', 'ext4', '/dev/x')] });
      assert.deepEqual(encryptedAt(await seen(host)), { '/': encrypted });
    });
  }

  it('finds the device of btrfs by its file, because its number is none, and looks at all its devices', async () => {
    const devices = { 'dm-0': { number: '253:0', uuid: LUKS, mapped: 'cryptroot' }, sdb: { number: '8:16' } };
    const mountinfo = [line('0:25', '/', 'btrfs', '/dev/mapper/cryptroot')];
    assert.deepEqual(encryptedAt(await seen(withDevices(devices, { mountinfo }))), { '/': true });
    const raid = withDevices(devices, { mountinfo });
    raid.file('sys/fs/btrfs/1234/devices/dm-0');
    raid.file('sys/fs/btrfs/1234/devices/sdb');
    assert.deepEqual(encryptedAt(await seen(raid)), { '/': false });
  });

  it('follows a loop device to the file system its file lies on', async () => {
    const host = withDevices(
      {
        'dm-0': { number: '253:0', uuid: LUKS },
        sdb: { number: '8:16' },
        loop0: { number: '7:0', backing: '/snap/a.snap' },
        loop1: { number: '7:1', backing: '/data/b.img' },
      },
      {
        mountinfo: [
          line('253:0', '/', 'ext4', '/dev/dm-0'),
          line('8:16', '/data', 'ext4', '/dev/sdb'),
          line('7:0', '/snap/a', 'squashfs', '/dev/loop0'),
          line('7:1', '/mnt', 'ext4', '/dev/loop1'),
        ],
      },
    );
    assert.deepEqual(encryptedAt(await seen(host)), { '/data': false, '/mnt': false, '/': true, '/snap/a': true });
  });

  it('tells a device that is mounted many times once, by its shortest mount point', async () => {
    const host = withDevices(
      { vda1: { number: '254:1' } },
      { mountinfo: ['/var/lib/x/etc/hosts', '/', '/etc/hosts'].map((at) => line('254:1', at, 'ext4', '/dev/vda1')) },
    );
    assert.deepEqual(await seen(host), [{ mountpoint: '/', device: '/dev/vda1', encrypted: false }]);
  });

  it('leaves out what lies on no disk of the host', async () => {
    const host = withDevices(
      {},
      {
        mountinfo: [
          line('0:5', '/dev', 'devtmpfs', 'udev'),
          line('0:21', '/proc', 'proc', 'proc'),
          line('0:50', '/srv', 'nfs4', 'nas:/srv'),
          line('0:51', '/', 'overlay', 'overlay'),
          line('0:52', '/run/user/1000/doc', 'fuse.portal', '/dev/fuse'),
          'torn line',
        ],
      },
    );
    assert.deepEqual(await seen(host), []);
  });

  it('sees swap on devices and in files, and leaves compressed memory out', async () => {
    const host = withDevices(
      {
        'dm-0': { number: '253:0', uuid: LUKS },
        'dm-1': { number: '253:1', uuid: 'CRYPT-PLAIN-swap', mapped: 'swap' },
        sdb1: { number: '8:17' },
        zram0: { number: '252:0' },
      },
      {
        mountinfo: [line('253:0', '/', 'ext4', '/dev/dm-0')],
        swaps: [
          '/dev/dm-1 partition 1 0 -2',
          '/dev/sdb1 partition 1 0 -3',
          '/swap\\040file file 1 0 -4',
          '/dev/zram0 partition 1 0 100',
        ],
      },
    );
    assert.deepEqual(
      (await seen(host)).filter(({ mountpoint }) => mountpoint === '[SWAP]'),
      [
        { mountpoint: '[SWAP]', device: '/dev/sdb1', encrypted: false },
        { mountpoint: '[SWAP]', device: '/dev/dm-1', encrypted: true },
        { mountpoint: '[SWAP]', device: '/swap file', encrypted: true },
      ],
    );
  });

  it('asks ZFS, and is unknown when it does not answer', async () => {
    const mountinfo = [line('0:30', '/', 'zfs', 'rpool/ROOT')];
    const zfs = (answer: string): Record<string, string> => ({ 'zfs get -H -o value encryption rpool/ROOT': answer });
    assert.deepEqual(encryptedAt(await seen(withDevices({}, { mountinfo, commands: zfs('aes-256-gcm\n') }))), {
      '/': true,
    });
    assert.deepEqual(encryptedAt(await seen(withDevices({}, { mountinfo, commands: zfs('off\n') }))), { '/': false });
    const fact = await mounts.observe(withDevices({}, { mountinfo }), 0);
    assert.ok('unknown' in fact && /`zfs` is not installed/.test(fact.unknown));
  });

  it('tells what is plain first when there are more than a report may hold', async () => {
    const devices: Record<string, Device> = { plain: { number: '8:0' } };
    for (let i = 0; i < 300; i++) devices[`c${i}`] = { number: `253:${i}`, uuid: LUKS };
    const mountinfo = Object.entries(devices).map(([name, { number }]) =>
      line(number, `/${name}`, 'ext4', `/dev/${name}`),
    );
    const found = await seen(withDevices(devices, { mountinfo: mountinfo.reverse() }));
    assert.equal(found.length, 256);
    assert.deepEqual(found[0], { mountpoint: '/plain', device: '/dev/plain', encrypted: false });
  });

  it('is unknown when the kernel does not list its mounts', async () => {
    assert.ok('unknown' in (await mounts.observe(fakeHost(), 0)));
  });

  it('never throws and never calls encrypted what it cannot see, whatever procfs holds', async () => {
    const host = fakeHost();
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.string(), async (a, b) => {
        host.file(
          'proc/self/mountinfo',
          `${a}\n${line('8:1', `/${a.replaceAll(/\s/g, '')}`, 'ext4', `/dev/${b}`)}\n${b}`,
        );
        host.file('proc/swaps', `${b}\n${a}`);
        assert.ok((await seen(host)).every(({ encrypted }) => !encrypted));
      }),
    );
  });
});
