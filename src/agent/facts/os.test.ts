import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fakeHost } from '../testdata/fake-host.ts';
import { osRelease } from './os.ts';
import { virtualization } from './virtualization.ts';

const KERNEL = { 'proc/sys/kernel/osrelease': '6.1.0-40-amd64\n' };
const DEBIAN = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
`;
const ROCKY = `NAME="Rocky Linux"
ID="rocky"
ID_LIKE="rhel centos fedora"
VERSION_ID="9.5"
PRETTY_NAME="Rocky Linux 9.5 (Blue Onyx)"
`;

describe('the operating system', () => {
  const read: readonly [string, Record<string, string>, object][] = [
    [
      'Debian',
      { 'etc/os-release': DEBIAN },
      { id: 'debian', idLike: [], versionId: '12', prettyName: 'Debian GNU/Linux 12 (bookworm)' },
    ],
    [
      'a member of the RHEL family, with all it is like',
      { 'etc/os-release': ROCKY },
      {
        id: 'rocky',
        idLike: ['rhel', 'centos', 'fedora'],
        versionId: '9.5',
        prettyName: 'Rocky Linux 9.5 (Blue Onyx)',
      },
    ],
    [
      'a rolling release, which names no version',
      { 'etc/os-release': "NAME='Arch Linux'\nID=arch\n" },
      { id: 'arch', idLike: [], versionId: '', prettyName: 'Arch Linux' },
    ],
    [
      'the vendor’s file where /etc has none',
      { 'usr/lib/os-release': DEBIAN },
      { id: 'debian', idLike: [], versionId: '12', prettyName: 'Debian GNU/Linux 12 (bookworm)' },
    ],
    [
      'escaped characters and comments',
      { 'etc/os-release': '# comment\nID=x\nPRETTY_NAME="a \\"b\\" \\$c"\n' },
      { id: 'x', idLike: [], versionId: '', prettyName: 'a "b" $c' },
    ],
  ];
  for (const [what, files, expected] of read) {
    it(`is read from os-release: ${what}`, async () => {
      const fact = await osRelease.observe(fakeHost({ files: { ...KERNEL, ...files } }), 0);
      assert.deepEqual(fact, { value: { ...expected, kernel: '6.1.0-40-amd64' } });
    });
  }

  it('is unknown without os-release, without an id, and without a kernel release', async () => {
    for (const [files, why] of [
      [KERNEL, /neither/],
      [{ ...KERNEL, 'etc/os-release': 'NAME=x\n' }, /no distribution/],
      [{ ...KERNEL, 'etc/os-release': 'ID=$(reboot)\n' }, /no distribution/],
      [{ 'etc/os-release': DEBIAN }, /kernel/],
    ] as const) {
      const fact = await osRelease.observe(fakeHost({ files }), 0);
      assert.ok('unknown' in fact && why.test(fact.unknown), JSON.stringify(fact));
    }
  });

  it('keeps to the sizes of the wire, whatever the file holds', async () => {
    const host = fakeHost({ files: KERNEL });
    await fc.assert(
      fc.asyncProperty(fc.string({ maxLength: 2000 }), fc.string({ maxLength: 2000 }), async (name, version) => {
        host.file('etc/os-release', `ID=x\nPRETTY_NAME="${name}"\nVERSION_ID="${version}"\nID_LIKE="${name}"\n`);
        const fact = await osRelease.observe(host, 0);
        if ('unknown' in fact) return;
        assert.ok(fact.value.prettyName.length <= 512 && fact.value.versionId.length <= 64);
        assert.ok(fact.value.idLike.length <= 16 && fact.value.idLike.every((word) => word.length <= 64));
      }),
    );
  });
});

describe('what a host runs on', () => {
  const told: readonly [string, string | { code: number; stdout: string }, object][] = [
    ['none', { code: 1, stdout: 'none\n' }, { kind: 'none', product: '' }],
    ['kvm', 'kvm\n', { kind: 'vm', product: 'kvm' }],
    ['amazon', 'amazon\n', { kind: 'vm', product: 'amazon' }],
    ['docker', 'docker\n', { kind: 'container', product: 'docker' }],
    ['lxc', 'lxc\n', { kind: 'container', product: 'lxc' }],
  ];
  for (const [word, answer, expected] of told) {
    it(`is what systemd-detect-virt says: ${word}`, async () => {
      const host = fakeHost({ commands: { 'systemd-detect-virt': answer } });
      assert.deepEqual(await virtualization.observe(host, 0), { value: expected });
    });
  }

  const dmi = (vendor: string, product: string): Record<string, string> => ({
    'sys/class/dmi/id/sys_vendor': `${vendor}\n`,
    'sys/class/dmi/id/product_name': `${product}\n`,
  });
  const bare = 'processor : 0\nflags\t\t: fpu vme de\n';
  const guest = 'processor : 0\nflags\t\t: fpu vme hypervisor lahf_lm\n';
  const seen: readonly [string, Record<string, string>, object][] = [
    ['a file of docker', { '.dockerenv': '' }, { kind: 'container', product: 'docker' }],
    ['a file of podman', { 'run/.containerenv': '' }, { kind: 'container', product: 'podman' }],
    ['its manager', { 'run/systemd/container': 'systemd-nspawn\n' }, { kind: 'container', product: 'systemd-nspawn' }],
    [
      'its control group',
      { 'proc/1/cgroup': '0::/kubepods/besteffort/pod1/abc\n' },
      { kind: 'container', product: 'kubepods' },
    ],
    ['QEMU in the firmware', dmi('QEMU', 'Standard PC (Q35 + ICH9, 2009)'), { kind: 'vm', product: 'kvm' }],
    ['VMware in the firmware', dmi('VMware, Inc.', 'VMware7,1'), { kind: 'vm', product: 'vmware' }],
    ['Hyper-V in the firmware', dmi('Microsoft Corporation', 'Virtual Machine'), { kind: 'vm', product: 'microsoft' }],
    ['EC2 in the firmware', dmi('Amazon EC2', 'm7i.large'), { kind: 'vm', product: 'amazon' }],
    ['a metal instance of EC2', dmi('Amazon EC2', 'm7i.metal-24xl'), { kind: 'none', product: '' }],
    ['a flag of the processor', { 'proc/cpuinfo': guest }, { kind: 'vm', product: 'vm-other' }],
    [
      'a laptop by a vendor that also makes virtual machines',
      { ...dmi('Microsoft Corporation', 'Surface Laptop 5'), 'proc/cpuinfo': bare },
      { kind: 'none', product: '' },
    ],
    ['a machine', { ...dmi('LENOVO', '21CB'), 'proc/cpuinfo': bare }, { kind: 'none', product: '' }],
  ];
  for (const [what, files, expected] of seen) {
    it(`is seen without systemd, by ${what}`, async () => {
      assert.deepEqual(await virtualization.observe(fakeHost({ files }), 0), { value: expected });
    });
  }

  it('is unknown, and never hardware, when nothing tells', async () => {
    for (const files of [{}, { 'proc/cpuinfo': bare }]) {
      assert.ok('unknown' in (await virtualization.observe(fakeHost({ files }), 0)));
    }
    const garbage = fakeHost({ commands: { 'systemd-detect-virt': 'what is this\n' } });
    assert.ok('unknown' in (await virtualization.observe(garbage, 0)));
    const failing = fakeHost({ commands: { 'systemd-detect-virt': { code: 1, stdout: 'kvm' } } });
    assert.ok('unknown' in (await virtualization.observe(failing, 0)));
  });
});
