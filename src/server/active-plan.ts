import { portSet } from '#base';
import type { Configuration } from '#config';
import type { TrustGraph } from '#model';
import { type ActivePolicies, connectPolicies } from '#policy';
import { hostProgram, type Plan, planInputs, planSegments, verifyProgram } from '#segmentation';
import type { HostProgram } from '#wire';
import type { Log } from './log.ts';

const PLANNED_FROM: ReadonlySet<string> = new Set(['workload', 'segment', 'policyActivation']);
const SSH = 22;

/** The segmentation plan of what is true now, and the programs that follow from it. */
export interface ActivePlan {
  plan(): Plan;
  /** The verified program of a workload. Undefined when there is none, or when reading it back shows that it is not what the plan says. */
  programFor(workloadId: string): HostProgram | undefined;
  /** Forgets the plan: the configuration has changed. */
  invalidate(): void;
}

/** Makes the plan when it is first asked for after something it depends on has changed. */
export function followPlan(options: {
  readonly graph: TrustGraph;
  readonly policies: () => ActivePolicies | undefined;
  readonly configuration: () => Configuration;
  /** Where agents reach this server; every host may always connect there. */
  readonly server: { readonly addresses: readonly string[]; readonly port: number } | undefined;
  readonly log: Log;
}): ActivePlan {
  const { graph, log } = options;
  let plan: Plan | undefined;
  const programs = new Map<string, HostProgram | undefined>();
  const invalidate = (): void => {
    plan = undefined;
    programs.clear();
  };
  graph.onTouched(({ kind, before, after }) => {
    if (!PLANNED_FROM.has(kind)) return;
    // The addresses of workloads arrive with every report; only what differs makes a new plan.
    if (kind === 'workload' && JSON.stringify(before?.body) === JSON.stringify(after?.body)) return;
    invalidate();
  });
  const current = (): Plan => {
    plan ??= makePlan(options);
    return plan;
  };
  return {
    plan: current,
    programFor: (workloadId) => {
      const known = programs.get(workloadId);
      if (known !== undefined || programs.has(workloadId)) return known;
      const program = verified(current(), workloadId, log);
      programs.set(workloadId, program);
      return program;
    },
    invalidate,
  };
}

function makePlan({ graph, policies, configuration, server }: Parameters<typeof followPlan>[0]): Plan {
  const active = policies();
  const { external, managementSources } = configuration();
  return planSegments({
    ...planInputs(graph, active === undefined ? [] : connectPolicies(active)),
    external: {
      ...external,
      exceptions: managementSources.map((network) => ({
        direction: 'ingress',
        network,
        protocol: 'tcp',
        ports: portSet.of([{ from: SSH, to: SSH }]),
        reason: 'management source',
      })),
    },
    ...(server === undefined ? {} : { server }),
  });
}

/** INVARIANT: no program leaves this process that independent semantics do not find equal to the plan. */
function verified(plan: Plan, workloadId: string, log: Log): HostProgram | undefined {
  const program = hostProgram(plan, workloadId);
  if (!program.ok) {
    log.warn({ workload: workloadId, problem: program.error }, 'this workload has no firewall program');
    return undefined;
  }
  const check = verifyProgram(program.value, plan, workloadId);
  if (!check.ok) {
    log.error(
      { workload: workloadId, problem: check.error },
      'a firewall program is not what the plan says; it is not sent',
    );
    return undefined;
  }
  return { version: program.value.version, document: program.value.document };
}
