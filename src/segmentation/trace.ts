import { cidrContains, formatAddress, parseAddress, type Address, portSet } from '#base';
import type { ReasonCode, Workload } from '#model';
import type { Protocol } from './flow-set.ts';
import { cellBetween, claimantsOf, classesOf, type Plan } from './plan.ts';

/** A hypothetical connection. Ends are named by workload id, name or address. */
export interface FlowQuery {
  readonly from: string;
  readonly to: string;
  readonly protocol: Protocol;
  readonly port: number;
}

/** One end of a traced flow. No workloads: outside the inventory. */
export interface TraceEnd {
  readonly asked: string;
  readonly address?: string;
  readonly workloads: readonly string[];
  readonly classes: readonly string[];
  readonly isQuarantined: boolean;
}

/** The answer to "may this connection be opened?". */
export interface Trace {
  readonly verdict: 'allowed' | 'denied';
  readonly reason: ReasonCode;
  /** Policies behind the verdict; `cordon-server`, `loopback`, `external.…` are built in. */
  readonly policyIds: readonly string[];
  /** One sentence. */
  readonly detail: string;
  readonly from: TraceEnd;
  readonly to: TraceEnd;
}

interface End {
  readonly shown: TraceEnd;
  readonly workloads: readonly Workload[];
  readonly address: Address | undefined;
  readonly isKnown: boolean;
}

/** Answers one flow from the plan: what the two hosts' programs together let through. Unknown ends are denied by name. */
export function traceFlow(plan: Plan, query: FlowQuery): Trace {
  const from = resolveEnd(plan, query.from);
  const to = resolveEnd(plan, query.to);
  const answer = (
    verdict: Trace['verdict'],
    reason: ReasonCode,
    detail: string,
    policyIds: readonly string[] = [],
  ): Trace => ({
    verdict,
    reason,
    policyIds,
    detail,
    from: from.shown,
    to: to.shown,
  });
  const unknown = [from, to].find((end) => !end.isKnown);
  if (unknown !== undefined) return answer('denied', 'endpoint-unknown', unknownDetail(unknown.shown));
  if (from.workloads.length === 0 && to.workloads.length === 0) {
    return answer('denied', 'endpoint-unknown', 'neither end is a workload, so no host of Cordon sees this flow');
  }
  const families = [from, to].map(({ address }) => address?.family);
  if (families[0] !== undefined && families[1] !== undefined && families[0] !== families[1]) {
    return answer(
      'denied',
      'endpoint-unknown',
      'one end is an IPv4 address and the other IPv6, so no packet goes there',
    );
  }
  if (overlaps(from, to) && !isSameHost(from, to)) {
    return answer('denied', 'endpoint-unknown', 'an address is shared, so the two ends cannot be told apart');
  }
  if (isSameHost(from, to)) return answer('allowed', 'permit', 'a host may always talk to itself', ['loopback']);
  if (from.workloads.length > 0 && isServer(plan, to, query))
    return answer('allowed', 'permit', 'every host may reach the Cordon server', ['cordon-server']);
  const quarantined = [from, to].find((end) => end.shown.isQuarantined);
  if (quarantined !== undefined) {
    return answer(
      'denied',
      'quarantined',
      `\`${quarantined.shown.asked}\` is quarantined and reaches only the Cordon server`,
    );
  }
  if (from.workloads.length === 0 || to.workloads.length === 0) return traceExternal(plan, { from, to, query }, answer);
  const cell = cellBetween(plan, classesOf(plan, from.workloads), classesOf(plan, to.workloads));
  const pieces = cell.pieces.filter(
    ({ protocol, ports }) => protocol === query.protocol && portSet.has(ports, query.port),
  );
  const flow = `${query.protocol} ${query.port}`;
  if (portSet.has(cell.allowed[query.protocol], query.port)) {
    const ids = pieces.flatMap((piece) => (piece.effect === 'permit' ? piece.policyIds : []));
    return answer('allowed', 'permit', `${flow} is permitted`, ids);
  }
  const denying =
    pieces.find(({ reason }) => reason === 'forbidden') ?? pieces.find(({ effect }) => effect === 'forbid');
  if (denying === undefined) return answer('denied', 'no-permit', `no policy permits ${flow} between these workloads`);
  const why =
    denying.reason === 'forbidden' ? 'is forbidden' : 'is denied because a forbid policy could not be evaluated';
  return answer('denied', denying.reason, `${flow} ${why}`, denying.policyIds);
}

type Answer = (verdict: Trace['verdict'], reason: ReasonCode, detail: string, policyIds?: readonly string[]) => Trace;

function traceExternal(
  plan: Plan,
  { from, to, query }: { from: End; to: End; query: FlowQuery },
  answer: Answer,
): Trace {
  const direction = to.workloads.length === 0 ? 'egress' : 'ingress';
  const outside = direction === 'egress' ? to.address : from.address;
  if (plan.external[direction] === 'allow') {
    return answer('allowed', 'permit', `${direction} with addresses outside the inventory is allowed`, [
      `external.${direction}`,
    ]);
  }
  const exception = plan.external.exceptions.find(
    (one) =>
      one.direction === direction &&
      one.protocol === query.protocol &&
      portSet.has(one.ports, query.port) &&
      outside !== undefined &&
      cidrContains(one.cidr, outside),
  );
  if (exception !== undefined)
    return answer('allowed', 'permit', `exception: ${exception.reason}`, ['external.exception']);
  return answer('denied', 'external-denied', `${direction} with addresses outside the inventory is denied`);
}

function resolveEnd(plan: Plan, asked: string): End {
  const parsed = parseAddress(asked);
  const address = parsed.ok ? parsed.value : undefined;
  let workloads: readonly Workload[];
  let isKnown = true;
  if (address !== undefined) {
    workloads = plan.byAddress.get(formatAddress(address)) ?? [];
  } else {
    const named = plan.workloads.get(asked) ?? uniqueByName(plan, asked);
    isKnown = named !== undefined;
    workloads = named === undefined ? [] : claimantsOf(plan, named);
  }
  return {
    workloads,
    address,
    isKnown,
    shown: {
      asked,
      ...(address === undefined ? {} : { address: formatAddress(address) }),
      workloads: workloads.map(({ id }) => id),
      classes: classesOf(plan, workloads).map(({ name }) => name),
      isQuarantined: workloads.some(({ quarantine }) => quarantine !== undefined),
    },
  };
}

/** Two workloads of one name are nobody: guessing which is meant could answer for the wrong one. */
function uniqueByName(plan: Plan, name: string): Workload | undefined {
  const found = [...plan.workloads.values()].filter((workload) => workload.name === name);
  return found.length === 1 ? found[0] : undefined;
}

function unknownDetail(end: TraceEnd): string {
  return `\`${end.asked}\` is neither an address nor the id or unique name of a workload`;
}

function isSameHost(from: End, to: End): boolean {
  const [only] = from.workloads;
  return from.workloads.length === 1 && to.workloads.length === 1 && only !== undefined && only === to.workloads[0];
}

function overlaps(from: End, to: End): boolean {
  return from.workloads.some((workload) => to.workloads.includes(workload));
}

function isServer(plan: Plan, to: End, query: FlowQuery): boolean {
  if (plan.server === undefined || query.protocol !== 'tcp' || query.port !== plan.server.port) return false;
  const own = new Set(plan.server.addresses.map(formatAddress));
  if (to.address !== undefined) return own.has(formatAddress(to.address));
  const texts = to.workloads.flatMap(({ addresses }) => addresses).map((text) => parseAddress(text));
  return texts.length > 0 && texts.every((parsed) => parsed.ok && own.has(formatAddress(parsed.value)));
}
