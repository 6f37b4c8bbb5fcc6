import { formatPorts, type Json } from '#base';
import type { Piece } from './cell.ts';
import { PROTOCOLS } from './flow-set.ts';
import type { Plan } from './plan.ts';

/** One non-empty cell, as the console's matrix and `cordon segments plan --json` show it. */
export interface MatrixCell {
  /** Ids of classes. */
  readonly from: string;
  readonly to: string;
  readonly pieces: readonly {
    readonly protocol: string;
    readonly ports: string;
    readonly effect: 'permit' | 'forbid';
    readonly reason: Piece['reason'];
    readonly policyIds: readonly string[];
  }[];
}

/** The whole plan as data. A pair of classes without a cell is denied by `no-permit`. */
export interface PlanMatrix {
  readonly classes: readonly {
    readonly id: string;
    readonly name: string;
    readonly segments: readonly string[];
    readonly members: readonly string[];
    readonly quarantined: readonly string[];
  }[];
  readonly cells: readonly MatrixCell[];
  readonly external: { readonly ingress: string; readonly egress: string; readonly exceptions: readonly Json[] };
}

/** Computes every cell. For plans of many classes prefer `traceFlow` and `hostProgram`, which compute only what they need. */
export function planMatrix(plan: Plan): PlanMatrix {
  const cells: MatrixCell[] = [];
  for (const from of plan.classes) {
    for (const to of plan.classes) {
      const { pieces } = plan.cell(from, to);
      if (pieces.length === 0) continue;
      cells.push({
        from: from.id,
        to: to.id,
        pieces: pieces.map((piece) => ({ ...piece, ports: formatPorts(piece.ports) })),
      });
    }
  }
  return {
    classes: plan.classes.map(({ id, name, segments, members }) => ({
      id,
      name,
      segments,
      members,
      quarantined: members.filter((member) => plan.workloads.get(member)?.quarantine !== undefined),
    })),
    cells,
    external: {
      ingress: plan.external.ingress,
      egress: plan.external.egress,
      exceptions: plan.external.exceptions.map(({ direction, network, protocol, ports, reason }) => ({
        direction,
        network,
        protocol,
        ports: formatPorts(ports),
        reason,
      })),
    },
  };
}

/** The plan for people: one line per pair and piece, then what is outside, then problems. */
export function planText(plan: Plan): string {
  const { classes, cells, external } = planMatrix(plan);
  const names = new Map(classes.map(({ id, name }) => [id, name]));
  const lines = classes.map(({ name, members, quarantined }) => {
    const held = quarantined.length === 0 ? '' : `, quarantined: ${quarantined.join(', ')}`;
    return `class ${name}: ${members.length} workload${members.length === 1 ? '' : 's'}${held}`;
  });
  lines.push('');
  for (const { from, to, pieces } of cells) {
    for (const { protocol, ports, reason, policyIds } of pieces) {
      const verdict = reason === 'permit' ? 'permit' : `deny (${reason})`;
      lines.push(`${names.get(from)} -> ${names.get(to)}: ${protocol} ${ports} ${verdict} by ${policyIds.join(', ')}`);
    }
  }
  lines.push(`everything else between workloads, over ${PROTOCOLS.join(', ')} or any other protocol: deny (no-permit)`);
  lines.push(`addresses outside the inventory: ingress ${external.ingress}, egress ${external.egress}`);
  for (const { direction, network, protocol, ports, reason } of plan.external.exceptions) {
    lines.push(`  exception: ${direction} ${network} ${protocol} ${formatPorts(ports)} (${reason})`);
  }
  for (const { message, code } of plan.problems) lines.push(`problem: ${message} (${code})`);
  return `${lines.join('\n')}\n`;
}
