import type { Device, Workload } from '#model';
import type { Health } from './health.ts';
import { assetIdOf, labelsOf, type Machine, MACHINES } from './machines.ts';

const DAY = 24 * 3_600_000;

/** The id of the device that stands for a machine's agent. */
export function serverDeviceId({ name }: Machine): string {
  return `dev_demo_${name}`;
}

/** The machines as segmentation sees them. Like an imported instance, a workload has the id of its asset. */
export function demoWorkloads(): Workload[] {
  return MACHINES.map((machine) => ({
    id: assetIdOf(machine),
    name: machine.name,
    labels: labelsOf(machine),
    addresses: [machine.address],
    source: machine.hasAgent ? 'agent' : 'aws',
    assetId: assetIdOf(machine),
    ...(machine.hasAgent ? { deviceId: serverDeviceId(machine) } : {}),
  }));
}

/** The agents of the machines that have one. */
export function serverDevices(now: number): Device[] {
  return MACHINES.filter(({ hasAgent }) => hasAgent).map((machine) => ({
    id: serverDeviceId(machine),
    name: machine.name,
    form: 'agent',
    managed: true,
    status: 'active',
    enrolledAt: now - 45 * DAY,
  }));
}

/** How well a server is at the end of the day. */
export function serverHealth({ name }: Machine): Health {
  if (name === 'batch-1' || name === 'etl-2') return 'server-outdated';
  return name === 'jump-1' ? 'server-unread' : 'server';
}
