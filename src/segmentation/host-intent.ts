import {
  err,
  type IpSet,
  ipSet,
  ipSetOf,
  ok,
  parseAddress,
  type PortSet,
  type Problem,
  portSet,
  type Result,
} from '#base';
import type { Workload } from '#model';
import { PROTOCOLS, type Protocol } from './flow-set.ts';
import type { WorkloadClass } from './classes.ts';
import { cellBetween, classesOf, type Plan } from './plan.ts';

/** Connections one host may open or accept: to or from these addresses, on these destination ports. */
export interface HostPiece {
  readonly protocol: Protocol;
  readonly ports: PortSet;
  readonly peers: IpSet;
  readonly policyIds: readonly string[];
}

/** What the plan allows one host. Pieces may overlap; what no piece covers is denied. */
export interface HostIntent {
  readonly workload: Workload;
  /** `quarantine`: nothing but opening connections to the Cordon server. */
  readonly mode: 'enforce' | 'quarantine';
  readonly ingress: readonly HostPiece[];
  readonly egress: readonly HostPiece[];
  readonly server: { readonly addresses: IpSet; readonly port: number };
}

/** Addresses of the inventory that the network takes for the same classes. */
interface Neighbourhood {
  readonly classes: readonly WorkloadClass[];
  readonly addresses: IpSet;
}

const neighbourhoods = new WeakMap<Plan, { reachable: Neighbourhood[]; inventory: IpSet }>();

/**
 * Works out one host's part of the plan. Refuses an unknown workload (`workload-unknown`) and a plan without a usable
 * Cordon server (`server-unknown`): that host could never be told anything again.
 */
export function hostIntent(plan: Plan, workloadId: string): Result<HostIntent, Problem> {
  const workload = plan.workloads.get(workloadId);
  if (workload === undefined) {
    return err({
      code: 'workload-unknown',
      message: `there is no workload \`${workloadId}\``,
      hint: 'list them with `cordon segments map`',
    });
  }
  if (plan.server === undefined || plan.server.addresses.length === 0) {
    return err({
      code: 'server-unknown',
      message: 'the plan names no address of the Cordon server, so a program would cut the host off from it',
      hint: 'set the address agents use to reach Cordon',
    });
  }
  const server = { addresses: ipSetOf(plan.server.addresses), port: plan.server.port };
  const isQuarantined = workload.quarantine !== undefined;
  const { ingress, egress } = isQuarantined ? { ingress: [], egress: [] } : piecesOf(plan, workload);
  const own = addressesOf(workload);
  const { inventory } = neighbourhoodsOf(plan);
  const toServer = serverPiece(server.addresses, server.port);
  const isServerHost = ipSet.intersect(own, server.addresses).length > 0;
  const fromAgents = isServerHost ? [serverPiece(ipSet.subtract(inventory, own), server.port)] : [];
  return ok({
    workload,
    mode: isQuarantined ? 'quarantine' : 'enforce',
    ingress: [...fromAgents, ...ingress],
    egress: [toServer, ...egress],
    server,
  });
}

function serverPiece(peers: IpSet, port: number): HostPiece {
  return { protocol: 'tcp', ports: portSet.of([{ from: port, to: port }]), peers, policyIds: ['cordon-server'] };
}

function piecesOf(plan: Plan, workload: Workload): { ingress: HostPiece[]; egress: HostPiece[] } {
  const { reachable, inventory } = neighbourhoodsOf(plan);
  const own = addressesOf(workload);
  const classes = classesOf(plan, [workload]); // its agent has proven who it is, whatever its addresses
  const pieces = {
    ingress: externalPieces(plan, 'ingress', inventory),
    egress: externalPieces(plan, 'egress', inventory),
  };
  for (const neighbourhood of reachable) {
    // A packet from the host's own address that did not come over the loopback interface is forged.
    const peers = ipSet.subtract(neighbourhood.addresses, own);
    if (peers.length === 0) continue;
    for (const direction of ['ingress', 'egress'] as const) {
      const [from, to] = direction === 'ingress' ? [neighbourhood.classes, classes] : [classes, neighbourhood.classes];
      for (const { effect, protocol, ports, policyIds } of cellBetween(plan, from, to).pieces) {
        if (effect === 'permit') pieces[direction].push({ protocol, ports, peers, policyIds });
      }
    }
  }
  return pieces;
}

function externalPieces(plan: Plan, direction: 'ingress' | 'egress', inventory: IpSet): HostPiece[] {
  const pieces: HostPiece[] = [];
  if (plan.external[direction] === 'allow') {
    const peers = ipSet.complement(inventory);
    for (const protocol of PROTOCOLS) {
      pieces.push({ protocol, ports: portSet.full, peers, policyIds: [`external.${direction}`] });
    }
  }
  for (const { cidr, protocol, ports } of plan.external.exceptions.filter((one) => one.direction === direction)) {
    const peers = ipSet.subtract(ipSetOf([cidr]), inventory);
    if (peers.length > 0) pieces.push({ protocol, ports, peers, policyIds: ['external.exception'] });
  }
  return pieces;
}

/** Computed once per plan: 10,000 hosts ask for the same groups. Addresses of quarantined workloads are in none. */
function neighbourhoodsOf(plan: Plan): { reachable: Neighbourhood[]; inventory: IpSet } {
  const known = neighbourhoods.get(plan);
  if (known !== undefined) return known;
  const groups = new Map<string, { classes: WorkloadClass[]; texts: string[] }>();
  for (const [text, claimants] of plan.byAddress) {
    if (claimants.some(({ quarantine }) => quarantine !== undefined)) continue;
    const classes = classesOf(plan, claimants);
    const key = classes.map(({ id }) => id).join();
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { classes, texts: [text] });
    else group.texts.push(text);
  }
  const found = {
    reachable: [...groups.values()].map(({ classes, texts }) => ({ classes, addresses: setOfTexts(texts) })),
    inventory: setOfTexts([...plan.byAddress.keys()]),
  };
  neighbourhoods.set(plan, found);
  return found;
}

function addressesOf(workload: Workload): IpSet {
  return setOfTexts(workload.addresses);
}

/** Texts that are no addresses were reported when the plan was made. */
function setOfTexts(texts: readonly string[]): IpSet {
  return ipSetOf(
    texts.flatMap((text) => {
      const parsed = parseAddress(text);
      return parsed.ok ? [parsed.value] : [];
    }),
  );
}

/** Ports of one protocol with everyone who may use them; services of one protocol share no port. */
export interface HostService {
  readonly protocol: Protocol;
  readonly ports: PortSet;
  readonly peers: IpSet;
  readonly policyIds: readonly string[];
}

/** Regroups overlapping pieces into services, so that a program needs one rule and one address set per service and family. */
export function servicesOf(pieces: readonly HostPiece[]): HostService[] {
  const services: HostService[] = [];
  for (const protocol of PROTOCOLS) {
    const own = pieces.filter((piece) => piece.protocol === protocol);
    for (const [key, ports] of portsByClaimants(own)) {
      const claimants = key.split(',').flatMap((index) => own[Number(index)] ?? []);
      services.push({
        protocol,
        ports,
        peers: ipSet.of(claimants.flatMap(({ peers }) => peers)),
        policyIds: [...new Set(claimants.flatMap(({ policyIds }) => policyIds))].sort(),
      });
    }
  }
  return services.sort((a, b) =>
    a.protocol < b.protocol ? -1 : a.protocol > b.protocol ? 1 : firstPort(a) - firstPort(b),
  );
}

/** Ports by the indexes of the pieces that cover them. */
function portsByClaimants(pieces: readonly HostPiece[]): Map<string, PortSet> {
  const cuts = new Set<number>();
  for (const { ports } of pieces) for (const { from, to } of ports) cuts.add(from).add(to + 1);
  const sorted = [...cuts].sort((a, b) => a - b);
  const found = new Map<string, PortSet>();
  for (const [i, from] of sorted.entries()) {
    const next = sorted[i + 1];
    if (next === undefined) break;
    const key = pieces.flatMap(({ ports }, index) => (portSet.has(ports, from) ? [index] : [])).join();
    if (key === '') continue;
    found.set(key, portSet.union(found.get(key) ?? portSet.empty, portSet.of([{ from, to: next - 1 }])));
  }
  return found;
}

function firstPort(service: HostService): number {
  return service.ports[0]?.from ?? 0;
}
