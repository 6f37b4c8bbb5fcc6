import {
  type Address,
  type Cidr,
  formatAddress,
  namesNoHost,
  parseAddress,
  parseCidr,
  type PortSet,
  type Problem,
  type Result,
} from '#base';
import type { Segment, Workload } from '#model';
import { buildCell, type Cell, EMPTY_CELL, meetCells, type Verdict } from './cell.ts';
import { answersKey, type ClassWithSubject, classify, type WorkloadClass } from './classes.ts';
import { hasNoFlows, type Protocol } from './flow-set.ts';
import { compileIntent, type ConnectPolicy, type Intent } from './intent.ts';

/** A hole for traffic with addresses outside the inventory, for example a resolver, a time server, or the administrators' network for SSH. */
export interface ExternalException {
  readonly direction: 'ingress' | 'egress';
  /** CIDR. Addresses of workloads inside it stay under the policies. */
  readonly network: string;
  readonly protocol: Protocol;
  readonly ports: PortSet;
  /** Shown wherever the hole is shown. */
  readonly reason: string;
}

/** What hosts may exchange with addresses that belong to no workload. Both directions are denied unless said otherwise. */
export interface ExternalTraffic {
  readonly ingress: 'allow' | 'deny';
  readonly egress: 'allow' | 'deny';
  readonly exceptions: readonly ExternalException[];
}

/** Where agents reach Cordon: always allowed from every host, and the only thing a quarantined host keeps. */
export interface ServerEndpoint {
  readonly addresses: readonly string[];
  readonly port: number;
}

/** What a plan is made from. */
export interface PlanInput {
  readonly workloads: readonly Workload[];
  readonly segments: readonly Segment[];
  readonly policies: readonly ConnectPolicy[];
  readonly external?: Partial<ExternalTraffic>;
  readonly server?: ServerEndpoint;
}

/** An exception with its network read. */
export interface CheckedException extends ExternalException {
  readonly cidr: Cidr;
}

/** External traffic with its exceptions' networks read. */
export interface CheckedExternal extends Omit<ExternalTraffic, 'exceptions'> {
  readonly exceptions: readonly CheckedException[];
}

/** Who may connect to whom. Cells are computed when first asked for. */
export interface Plan {
  readonly classes: readonly WorkloadClass[];
  /** Bad addresses, clauses no firewall can enforce and the like. What a problem touches is denied. */
  readonly problems: readonly Problem[];
  readonly workloads: ReadonlyMap<string, Workload>;
  readonly external: CheckedExternal;
  readonly server: { readonly addresses: readonly Address[]; readonly port: number } | undefined;
  /** Workloads by canonical address text; several when they share it. */
  readonly byAddress: ReadonlyMap<string, readonly Workload[]>;
  classOf(workloadId: string): WorkloadClass | undefined;
  /** What policies say about connections from one class to another (also from a class to itself: members of a segment are no friends by default). */
  cell(from: WorkloadClass, to: WorkloadClass): Cell;
}

/** Makes the plan. Never fails: what it cannot understand becomes a problem, and is denied. */
export function planSegments(input: PlanInput): Plan {
  const intents = input.policies.map(compileIntent);
  const classes = classify(input.workloads, input.segments, intents);
  const problems: Problem[] = intents.flatMap((intent) => intent.problems);
  const classOf = new Map(classes.flatMap((one) => one.members.map((id): [string, WorkloadClass] => [id, one])));
  const exceptions = (input.external?.exceptions ?? []).flatMap((exception): CheckedException[] => {
    const cidr = keep(parseCidr(exception.network), problems, `exception \`${exception.reason}\``);
    return cidr === undefined ? [] : [{ ...exception, cidr }];
  });
  const addresses = input.server?.addresses.flatMap(
    (text) => keep(parseAddress(text), problems, 'Cordon server') ?? [],
  );
  return {
    classes,
    workloads: new Map(input.workloads.map((workload) => [workload.id, workload])),
    byAddress: indexAddresses(input.workloads, problems),
    problems,
    external: {
      ingress: input.external?.ingress === 'allow' ? 'allow' : 'deny',
      egress: input.external?.egress === 'allow' ? 'allow' : 'deny',
      exceptions,
    },
    server: input.server === undefined ? undefined : { addresses: addresses ?? [], port: input.server.port },
    classOf: (id) => classOf.get(id),
    cell: makeCells(classes, intents),
  };
}

/**
 * What is allowed between two ends that may each be several classes, because several workloads share an address: only what
 * every combination allows, since the firewall cannot tell them apart.
 */
export function cellBetween(plan: Plan, from: readonly WorkloadClass[], to: readonly WorkloadClass[]): Cell {
  return meetCells(from.flatMap((source) => to.map((destination) => plan.cell(source, destination))));
}

/** The classes a set of workloads belongs to, without repetition, sorted by id. */
export function classesOf(plan: Plan, workloads: readonly Workload[]): WorkloadClass[] {
  const found = new Set(workloads.flatMap(({ id }) => plan.classOf(id) ?? []));
  return [...found].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/**
 * What the network takes a workload for at its best address: itself, or everyone who shares the address when it has none of its own.
 * An address that many hosts have (a container bridge, for example) must not drag down what their other addresses may do.
 */
export function claimantsOf(plan: Plan, workload: Workload): readonly Workload[] {
  const claims = workload.addresses.flatMap((text) => {
    const address = parseAddress(text);
    return address.ok ? [plan.byAddress.get(formatAddress(address.value)) ?? []] : [];
  });
  const [shared] = claims;
  return shared === undefined || claims.some(({ length }) => length === 1) ? [workload] : shared;
}

function keep<T>(parsed: Result<T, string>, problems: Problem[], where: string): T | undefined {
  if (parsed.ok) return parsed.value;
  problems.push({
    code: 'address-invalid',
    message: `${where}: ${parsed.error}`,
    hint: 'correct the address; until then it is treated as not there, so its traffic is denied',
  });
  return undefined;
}

function indexAddresses(workloads: readonly Workload[], problems: Problem[]): Map<string, Workload[]> {
  const index = new Map<string, Workload[]>();
  for (const workload of workloads) {
    for (const text of new Set(workload.addresses)) {
      const address = keep(parseAddress(text), problems, `workload \`${workload.id}\``);
      if (address === undefined) continue;
      if (namesNoHost(address)) {
        problems.push({
          code: 'address-invalid',
          message: `workload \`${workload.id}\`: \`${text}\` is loopback, link-local, multicast or unspecified and names no host`,
          hint: 'leave such addresses out; traffic with them is denied',
        });
        continue;
      }
      const key = formatAddress(address);
      const claimants = index.get(key);
      if (claimants === undefined) index.set(key, [workload]);
      else if (!claimants.includes(workload)) claimants.push(workload);
    }
  }
  for (const [address, claimants] of index) {
    if (claimants.length === 1) continue;
    problems.push({
      code: 'address-shared',
      message: `\`${address}\` belongs to ${claimants.map(({ id }) => `\`${id}\``).join(', ')}`,
      hint: 'it may do only what all of them may do; remove the address from those that do not have it',
    });
  }
  return index;
}

/**
 * Lazy cells. A policy sees only the answers it asks for, so its verdict is computed once per distinct pair of answers and
 * shared by all cells with them; a cell is then a join of shared verdicts, itself shared by all pairs with the same ones.
 */
function makeCells(classes: readonly ClassWithSubject[], intents: readonly Intent[]): Plan['cell'] {
  const position = new Map<WorkloadClass, number>(classes.map((one, i) => [one, i]));
  const columns = intents.map((intent) => intentColumns(intent, classes));
  const cells = new Map<number, Cell>();
  const shared = new Map<string, Cell>();
  const known = new Map<Verdict, number>();
  return (from, to) => {
    const source = position.get(from);
    const destination = position.get(to);
    if (source === undefined || destination === undefined) return EMPTY_CELL;
    const place = source * classes.length + destination;
    const cell = cells.get(place);
    if (cell !== undefined) return cell;
    const verdicts: Verdict[] = [];
    let key = '';
    for (const column of columns) {
      const verdict = column(source, destination);
      if (verdict === undefined) continue;
      const number = known.get(verdict) ?? known.size;
      known.set(verdict, number);
      verdicts.push(verdict);
      key += `${number},`;
    }
    const fresh = shared.get(key) ?? buildCell(verdicts);
    shared.set(key, fresh);
    cells.set(place, fresh);
    return fresh;
  };
}

/** The verdict of one policy by class positions; undefined where it says nothing. */
function intentColumns(
  intent: Intent,
  classes: readonly ClassWithSubject[],
): (source: number, destination: number) => Verdict | undefined {
  const sources = answers('principal', intent, classes);
  const destinations = answers('resource', intent, classes);
  const memo = new Map<number, Verdict | undefined>();
  return (source, destination) => {
    const principal = sources.of[source] ?? -1;
    const resource = destinations.of[destination] ?? -1;
    if (principal < 0 || resource < 0) return undefined;
    const place = principal * destinations.examples.length + resource;
    if (memo.has(place)) return memo.get(place);
    const verdict = evaluate(intent, sources.examples[principal], destinations.examples[resource]);
    memo.set(place, verdict);
    return verdict;
  };
}

function evaluate(intent: Intent, from?: ClassWithSubject, to?: ClassWithSubject): Verdict | undefined {
  if (from === undefined || to === undefined) return undefined;
  const { holds, errs } = intent.condition({ principal: from.subject, resource: to.subject });
  return hasNoFlows(holds) && hasNoFlows(errs) ? undefined : { id: intent.id, effect: intent.effect, holds, errs };
}

/** Numbers the distinct answers to what the policy asks; -1 for classes outside its scope. */
function answers(
  side: 'principal' | 'resource',
  intent: Intent,
  classes: readonly ClassWithSubject[],
): { of: Int32Array; examples: ClassWithSubject[] } {
  const numbers = new Map<string, number>();
  const examples: ClassWithSubject[] = [];
  const of = Int32Array.from(classes, (one) => {
    if (!intent.scope[side](one.subject)) return -1;
    const key = answersKey(one.subject, intent.asks[side]);
    const number = numbers.get(key) ?? examples.length;
    if (number === examples.length) {
      examples.push(one);
      numbers.set(key, number);
    }
    return number;
  });
  return { of, examples };
}
