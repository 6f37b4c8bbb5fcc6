import type { Device } from '#model';
import { type HostProgram, type Instruction, WIRE_VERSION } from '#wire';
import type { DevicesContext } from './context.ts';
import type { DeviceMemory } from './device-memory.ts';

/** How often agents report. */
export const REPORT_EVERY_SECONDS = 10;

/** What an agent that has the program `have` is to do now. Throws what `programFor` throws. */
export function instructionFor(
  context: DevicesContext,
  { device, memory }: { readonly device: Device; readonly memory: DeviceMemory | undefined },
  have: string | undefined,
): Instruction {
  const program = otherProgram(context, device.id, have);
  const posture = context.graph.get('device', device.id)?.posture;
  return {
    wire: WIRE_VERSION,
    ...(program === undefined ? {} : { program }),
    ...(posture === undefined ? {} : { posture }),
    reportEverySeconds: REPORT_EVERY_SECONDS,
    renewalDue: isRenewalDue(memory, context.clock.now()),
  };
}

/** Waits until the program is another than `have`, the device is no longer active, the signal aborts, or the area closes. */
export async function nextInstruction(
  context: DevicesContext,
  device: Device,
  { have, signal }: { readonly have: string | undefined; readonly signal: AbortSignal },
): Promise<Instruction> {
  const isOver = (): boolean =>
    context.graph.get('device', device.id)?.status !== 'active' || otherProgram(context, device.id, have) !== undefined;
  await context.watch.until(device.id, isOver, signal);
  return instructionFor(context, { device, memory: await context.memories.of(device) }, have);
}

/** The present program when it is another than the agent has. Without one the agent keeps what it has: never open by silence. */
function otherProgram(context: DevicesContext, deviceId: string, have: string | undefined): HostProgram | undefined {
  const workload = context.workloads.of(deviceId);
  const program = workload === undefined ? undefined : context.programFor(workload.id);
  return program === undefined || program.version === have ? undefined : program;
}

/** In the last third of the lifetime, which leaves hours to try again. */
function isRenewalDue(memory: DeviceMemory | undefined, now: number): boolean {
  if (memory === undefined) return true;
  const { notBefore, notAfter } = memory.validity;
  return now >= notAfter - (notAfter - notBefore) / 3;
}
