import type { Observed, Virtualization } from '#wire';
import type { Host } from '../host.ts';
import { type FactSource, unknown } from './source.ts';

/** Whether the host is a machine, a virtual one or a container. It does not change while the agent runs, but a look is cheap. */
export const virtualization: FactSource<Virtualization> = {
  observe: observeVirtualization,
  maxAgeMs: 600_000,
  restMs: 0,
};

/** The container technologies of systemd-detect-virt(1); every other word it prints is a virtual machine. */
const CONTAINERS: readonly string[] = [
  'openvz',
  'lxc',
  'lxc-libvirt',
  'systemd-nspawn',
  'docker',
  'podman',
  'rkt',
  'wsl',
  'proot',
  'pouch',
  'container-other',
];

/** What virtual machines write into their firmware tables, by product. */
const FIRMWARE: readonly (readonly [RegExp, string])[] = [
  [/qemu|kvm|red hat|rhev|openstack/i, 'kvm'],
  [/vmware/i, 'vmware'],
  [/innotek|virtualbox/i, 'oracle'],
  [/xen|hvm domu/i, 'xen'],
  [/microsoft corporation.*virtual machine/i, 'microsoft'],
  [/amazon ec2/i, 'amazon'],
  [/google compute engine/i, 'google'],
  [/parallels/i, 'parallels'],
  [/bhyve|bochs|apple virtualization|alibaba cloud|digitalocean|hetzner/i, 'vm-other'],
];

async function observeVirtualization(host: Host): Promise<Observed<Virtualization>> {
  const answer = await host.run('systemd-detect-virt', [], { timeoutMs: 5000, maxBytes: 4096 });
  if (answer.outcome === 'exited') {
    const word = answer.stdout.trim();
    if (word === 'none') return { value: { kind: 'none', product: '' } };
    if (answer.code === 0 && /^[a-z0-9-]{1,64}$/.test(word)) {
      return { value: { kind: CONTAINERS.includes(word) ? 'container' : 'vm', product: word } };
    }
  }
  return (await asContainer(host)) ?? (await asMachine(host));
}

async function asContainer(host: Host): Promise<Observed<Virtualization> | undefined> {
  const container = (product: string): Observed<Virtualization> => ({ value: { kind: 'container', product } });
  if ((await host.stat('.dockerenv')) !== undefined) return container('docker');
  if ((await host.stat('run/.containerenv')) !== undefined) return container('podman');
  const manager = (await host.read('run/systemd/container'))?.trim();
  if (manager !== undefined && /^[a-z0-9-]{1,64}$/.test(manager)) return container(manager);
  const group = /\b(docker|kubepods|lxc|containerd|libpod)\b/.exec((await host.read('proc/1/cgroup')) ?? '')?.[1];
  return group === undefined ? undefined : container(group);
}

async function asMachine(host: Host): Promise<Observed<Virtualization>> {
  const dmi = 'sys/class/dmi/id';
  const parts = await Promise.all(
    ['sys_vendor', 'product_name', 'board_vendor', 'bios_vendor'].map(
      async (name) => await host.read(`${dmi}/${name}`),
    ),
  );
  const firmware = parts.map((part) => part?.trim() ?? '').join(' ');
  if (/amazon ec2.*\.metal\b/i.test(firmware)) return { value: { kind: 'none', product: '' } };
  const product = FIRMWARE.find(([pattern]) => pattern.test(firmware))?.[1];
  if (product !== undefined) return { value: { kind: 'vm', product } };
  const cpu = await host.read('proc/cpuinfo');
  if (/^flags\s*:.*\bhypervisor\b/m.test(cpu ?? '')) return { value: { kind: 'vm', product: 'vm-other' } };
  // Without firmware tables nothing says that there is no hypervisor: many ARM machines have none.
  if (firmware.trim() === '' || cpu === undefined) {
    return unknown('`systemd-detect-virt` is not installed, and the firmware does not tell what the host runs on');
  }
  return { value: { kind: 'none', product: '' } };
}
