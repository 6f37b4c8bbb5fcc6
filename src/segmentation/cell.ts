import { type PortSet, portSet } from '#base';
import { type FlowSet, flowsBy, NO_FLOWS, PROTOCOLS, type Protocol, subtractFlows, uniteFlows } from './flow-set.ts';

/** Ports of one protocol with one verdict and the policies behind it. What no piece covers is denied by `no-permit`. */
export interface Piece {
  readonly protocol: Protocol;
  readonly ports: PortSet;
  readonly effect: 'permit' | 'forbid';
  readonly reason: 'permit' | 'forbidden' | 'policy-error';
  /** Every policy that says so for these ports, sorted. */
  readonly policyIds: readonly string[];
}

/** What policies say about connections from one class to another. Pieces are disjoint. */
export interface Cell {
  readonly pieces: readonly Piece[];
  readonly allowed: FlowSet;
}

/** The answer of one policy for a pair: where it applies, and where it errs. */
export interface Verdict {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  readonly holds: FlowSet;
  readonly errs: FlowSet;
}

/** A cell without policies: everything is denied. */
export const EMPTY_CELL: Cell = { pieces: [], allowed: NO_FLOWS };

/**
 * Joins the verdicts of all policies: an applying forbid beats everything, then a forbid that errs (Cedar would skip it; a
 * firewall that skipped it would be open by accident), then permits. A permit that errs does not apply.
 */
export function buildCell(verdicts: readonly Verdict[]): Cell {
  const forbids = verdicts.filter(({ effect }) => effect === 'forbid');
  const forbidden = uniteAll(forbids.map(({ holds }) => holds));
  const erring = subtractFlows(uniteAll(forbids.map(({ errs }) => errs)), forbidden);
  const denied = uniteFlows(forbidden, erring);
  const permits = verdicts.filter(({ effect }) => effect === 'permit');
  const allowed = subtractFlows(uniteAll(permits.map(({ holds }) => holds)), denied);
  const pieces: Piece[] = [];
  for (const protocol of PROTOCOLS) {
    const add = (reason: Piece['reason'], within: PortSet, sources: readonly Claim[]): void => {
      for (const { ports, ids } of partition(within, sources)) {
        pieces.push({ protocol, ports, effect: reason === 'permit' ? 'permit' : 'forbid', reason, policyIds: ids });
      }
    };
    add(
      'permit',
      allowed[protocol],
      permits.map(({ id, holds }) => ({ id, ports: holds[protocol] })),
    );
    add(
      'forbidden',
      forbidden[protocol],
      forbids.map(({ id, holds }) => ({ id, ports: holds[protocol] })),
    );
    add(
      'policy-error',
      erring[protocol],
      forbids.map(({ id, errs }) => ({ id, ports: errs[protocol] })),
    );
  }
  return { pieces, allowed };
}

/** What every one of the cells allows; a piece keeps the policies of all. For ends that are more than one class at once. */
export function meetCells(cells: readonly Cell[]): Cell {
  const [first, ...rest] = cells;
  if (first === undefined) return EMPTY_CELL;
  if (rest.length === 0) return first;
  const denied = cells.flatMap(({ pieces }) => pieces.filter(({ effect }) => effect === 'forbid'));
  const allowed = flowsBy((protocol) =>
    rest.reduce<PortSet>((ports, cell) => portSet.intersect(ports, cell.allowed[protocol]), first.allowed[protocol]),
  );
  const permits = cells.flatMap(({ pieces }) => pieces.filter(({ effect }) => effect === 'permit'));
  const pieces = PROTOCOLS.flatMap((protocol) =>
    partition(allowed[protocol], claims(permits, protocol)).map(
      ({ ports, ids }): Piece => ({ protocol, ports, effect: 'permit', reason: 'permit', policyIds: ids }),
    ),
  );
  return { pieces: [...pieces, ...denied], allowed };
}

interface Claim {
  readonly id: string;
  readonly ports: PortSet;
}

function claims(pieces: readonly Piece[], protocol: Protocol): Claim[] {
  return pieces
    .filter((piece) => piece.protocol === protocol)
    .flatMap(({ policyIds, ports }) => policyIds.map((id) => ({ id, ports })));
}

/** Splits `within` into the largest parts that are claimed by the same ids. */
function partition(within: PortSet, sources: readonly Claim[]): { ports: PortSet; ids: string[] }[] {
  const byPort = new Map<string, { ports: PortSet; ids: string[] }>();
  const cuts = new Set<number>();
  for (const set of [within, ...sources.map(({ ports }) => ports)]) {
    for (const { from, to } of set) cuts.add(from).add(to + 1);
  }
  const sorted = [...cuts].sort((a, b) => a - b);
  for (const [i, from] of sorted.entries()) {
    const to = (sorted[i + 1] ?? 65_536) - 1;
    if (from > to || !portSet.has(within, from)) continue;
    const ids = [...new Set(sources.filter(({ ports }) => portSet.has(ports, from)).map(({ id }) => id))].sort();
    const key = JSON.stringify(ids);
    const part = byPort.get(key);
    const ports = portSet.of([{ from, to }]);
    byPort.set(key, { ids, ports: part === undefined ? ports : portSet.union(part.ports, ports) });
  }
  return [...byPort.values()];
}

function uniteAll(sets: readonly FlowSet[]): FlowSet {
  return sets.reduce(uniteFlows, NO_FLOWS);
}
