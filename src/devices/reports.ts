import { err, ok, type Problem, type Result } from '#base';
import type { Device, OcsfEvent, Posture, Workload } from '#model';
import type { StoreTransaction } from '#store';
import type { Instruction, PostureClaims, ProgramStatus, Report } from '#wire';
import type { DevicesContext } from './context.ts';
import { type DeviceMemory, inTurn, keepReport, postureWord } from './device-memory.ts';
import { revokedProblem } from './enrolment.ts';
import { grantedAddresses, hostAddresses, otherClaimants } from './host-addresses.ts';
import { instructionFor } from './instructions.ts';
import { judgeFacts } from './posture/catalogue.ts';
import { addressEvent, postureEvent, programEvent, refusedReportEvent } from './record.ts';
import { refusedFlowEvents } from './refused-flows.ts';
import { admit, verifyPosture } from './signed-posture.ts';

/** While nothing but the time changes, the stored posture is this old before it is written again. */
const REFRESH_MS = 60_000;

/** A report that was believed. */
interface Believed {
  readonly device: Device;
  readonly workload: Workload | undefined;
  readonly memory: DeviceMemory;
  readonly report: Report;
  readonly posture: Posture;
  /** Where it says it is, and of that, where it is taken to be. */
  readonly claimed: readonly string[];
  readonly addresses: readonly string[];
}

/** Verifies, judges, keeps and journals a report, in this order, and answers it. */
export async function handleReport(
  context: DevicesContext,
  { id, name }: Device,
  report: Report,
): Promise<Result<Instruction, Problem>> {
  const device = context.graph.get('device', id);
  if (device?.status !== 'active') return err(revokedProblem({ name }));
  const memory = await context.memories.of(device);
  if (memory === undefined) return err(keyUnknown(device));
  return await inTurn(memory, async () => await handleInTurn(context, { id, memory }, report));
}

async function handleInTurn(
  context: DevicesContext,
  { id, memory }: { readonly id: string; readonly memory: DeviceMemory },
  report: Report,
): Promise<Result<Instruction, Problem>> {
  const { graph, clock } = context;
  const device = graph.get('device', id);
  if (device?.status !== 'active') return err(revokedProblem({ name: id }));
  const claims = await believe(context, { device, memory }, report);
  if (!claims.ok) return claims;
  const { facts, collectedAt } = claims.value;
  const now = clock.now();
  const workload = context.workloads.of(id);
  const claimed = hostAddresses(report.addresses);
  const believed: Believed = {
    device,
    workload,
    memory,
    report,
    // A clock that is ahead must not buy a posture time.
    posture: judgeFacts(facts, { collectedAt: Math.min(collectedAt, now), now }),
    claimed,
    addresses: workload === undefined ? [] : grantedAddresses(claimed, { workload, graph, now }),
  };
  if (!(await keep(context, believed))) return err(revokedProblem(device));
  await tell(context, believed);
  const have = report.program?.applied;
  return ok(instructionFor(context, { device, memory }, have));
}

/** What the report claims, when it is the device's, fresh and new. A refusal may be tampering, so that it is journalled. */
async function believe(
  context: DevicesContext,
  { device, memory }: Pick<Believed, 'device' | 'memory'>,
  report: Report,
): Promise<Result<PostureClaims, Problem>> {
  const { clock, journal } = context;
  const verified = await verifyPosture(report, { deviceId: device.id, key: memory.key, now: clock.now() });
  const claims = verified.ok ? admit(memory, verified.value, clock.now()) : verified;
  // The same refusal is told once, or a host with a wrong clock would fill the journal.
  if (!claims.ok && memory.refusal !== claims.error.code) {
    await journal.append(refusedReportEvent(clock, device, claims.error));
    memory.refusal = claims.error.code;
  }
  return claims;
}

/** Stores what is new. Before anything is told: a journal that is full must not keep a bad verdict from taking effect. */
async function keep(context: DevicesContext, believed: Believed): Promise<boolean> {
  const { device, workload, memory, report, posture, addresses } = believed;
  const program = programWord(report.program) ?? memory.program;
  const isPostureDue = isWorthStoring(device.posture, posture);
  const areAddressesNew = workload !== undefined && addresses.join() !== workload.addresses.join();
  if (!isPostureDue && !areAddressesNew && program === memory.program) return true;
  return await context.store.transact(`agent:${device.id}`, async (tx) => {
    const present = await tx.get('device', device.id);
    if (present?.status !== 'active') return false;
    await keepReport(tx, device.id, { sequence: report.sequence, ...(program === undefined ? {} : { program }) });
    if (isPostureDue) await tx.put('device', { ...present, posture });
    if (areAddressesNew) await moveWorkload(tx, workload.id, addresses);
    return true;
  });
}

async function moveWorkload(tx: StoreTransaction, id: string, addresses: readonly string[]): Promise<void> {
  const present = await tx.get('workload', id);
  if (present !== undefined) await tx.put('workload', { ...present, addresses });
}

/** Journals what is new. What could not be told is told with the next report, because nothing is noted before it was written. */
async function tell(context: DevicesContext, believed: Believed): Promise<void> {
  const { clock, journal } = context;
  const { device, workload, memory, report, posture, claimed, addresses } = believed;
  memory.refusal = undefined;
  // `workload` is as it was before this report: the first one after a start is compared with what is stored.
  const before = (memory.addresses ??= addressWord(workload?.addresses ?? [], workload?.addresses ?? []));
  const verdict = postureWord(posture);
  if (verdict !== memory.posture) {
    await journal.append(postureEvent(clock, device, posture));
    memory.posture = verdict;
  }
  const program = programWord(report.program);
  if (report.program !== undefined && program !== memory.program) {
    await journal.append(programEvent(clock, { device, workload }, report.program));
    memory.program = program;
  }
  if (workload === undefined) return;
  if (addressWord(claimed, addresses) !== before) {
    const shared = otherClaimants(context.graph.all('workload'), { id: workload.id, addresses: claimed });
    await journal.append(addressEvent(clock, { device, workload, addresses, shared }));
    memory.addresses = addressWord(claimed, addresses);
  }
  const flows = refusedFlowEvents(report.deniedFlows, { workload, addresses, now: clock.now() });
  await Promise.all(flows.map(async (event: OcsfEvent) => await journal.append(event)));
}

function addressWord(claimed: readonly string[], granted: readonly string[]): string {
  return `${claimed.join()} ${granted.join()}`;
}

function isWorthStoring(stored: Posture | undefined, judged: Posture): boolean {
  if (stored === undefined || stored.verdict !== judged.verdict) return true;
  // In either direction: a clock that was ahead and is set back must not leave the device stale until it gets there again.
  if (Math.abs(judged.collectedAt - stored.collectedAt) >= REFRESH_MS) return true;
  return JSON.stringify(stored.results) !== JSON.stringify(judged.results);
}

/** A program status as one word, without the times that differ each time. */
function programWord(status: ProgramStatus | undefined): string | undefined {
  if (status === undefined) return undefined;
  const { applied = '', attempted = '', ok: isOk, error = '' } = status;
  return JSON.stringify([applied, attempted, isOk, error]);
}

function keyUnknown({ name }: Device): Problem {
  return {
    code: 'device-unknown',
    message: `the key of the device \`${name}\` is not known`,
    hint: 'enrol the host again',
  };
}
