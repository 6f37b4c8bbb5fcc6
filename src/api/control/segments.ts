import type { CONTROL_ROUTES } from '#contract';
import type { OcsfEvent, Workload } from '#model';
import { type Plan, planMatrix, quarantineWorkload, releaseWorkload, type Trace, traceFlow } from '#segmentation';
import type { Call } from '../caller.ts';
import { ApiFailure } from '../failure.ts';
import type { Answer, Handlers } from '../register.ts';
import type { ApiServices } from '../services.ts';
import { actEvent } from './acts.ts';

type Routes = Handlers<typeof CONTROL_ROUTES>;
type PlanView = Answer<(typeof CONTROL_ROUTES)['segmentsPlan']>;

/** Workloads, who may connect to whom between them, and cutting one off. */
export function segmentRoutes(
  services: ApiServices,
): Pick<Routes, 'workloads' | 'segmentsPlan' | 'segmentsTrace' | 'quarantine' | 'release'> {
  const { graph, store, clock, journal } = services;
  return {
    workloads: async () => {
      const plan = services.plan();
      const items = [...graph.all('workload')].map(({ id, name, labels, addresses, source, deviceId, quarantine }) => ({
        id,
        name,
        labels: { ...labels },
        addresses: [...addresses],
        source,
        segments: [...(plan.classOf(id)?.segments ?? [])],
        ...(deviceId === undefined ? {} : { deviceId }),
        ...(quarantine === undefined ? {} : { quarantine: { ...quarantine } }),
      }));
      return await Promise.resolve({ items, total: items.length });
    },
    segmentsPlan: async () => await Promise.resolve(planView(services.plan())),
    segmentsTrace: async ({ query }) => {
      const { verdict, detail, policyIds, from, to } = traceFlow(services.plan(), query);
      return await Promise.resolve({
        allowed: verdict === 'allowed',
        from: shownEnd(services, from),
        to: shownEnd(services, to),
        protocol: query.protocol,
        port: query.port,
        reason: detail,
        policies: [...policyIds],
      });
    },
    quarantine: async (call) => {
      const workload = workloadOf(services, call.params.id);
      const { reason } = call.body;
      await quarantineWorkload(store, workload.id, { by: call.caller.actor, reason, at: clock.now() });
      // Afterwards: a full disk must not keep a suspect connected.
      if (workload.quarantine === undefined) {
        await journal.append(remediation(services, call, { activity: 'isolate', workload, reason }));
      }
      return { ok: true };
    },
    release: async (call) => {
      const workload = workloadOf(services, call.params.id);
      if (workload.quarantine === undefined) return { ok: true };
      // Before: nothing is opened that cannot be recorded.
      await journal.append(remediation(services, call, { activity: 'restore', workload, reason: call.body.reason }));
      await releaseWorkload(store, workload.id, { by: call.caller.actor });
      return { ok: true };
    },
  };
}

function workloadOf({ graph }: ApiServices, id: string): Workload {
  const workload = graph.get('workload', id);
  if (workload !== undefined) return workload;
  throw new ApiFailure(404, 'workload-unknown', `there is no workload \`${id}\``, {
    hint: 'list them with `cordon segments map`',
  });
}

/** An end of a trace by the names of its workloads; what is no workload as it was asked for. */
function shownEnd({ graph }: ApiServices, { asked, workloads }: Trace['from']): string {
  const names = workloads.map((id) => graph.get('workload', id)?.name ?? id);
  return names.length === 0 ? asked : names.join(', ');
}

function remediation(
  services: ApiServices,
  call: Pick<Call, 'caller' | 'address' | 'correlationId'>,
  { activity, workload, reason }: { activity: 'isolate' | 'restore'; workload: Workload; reason: string },
): OcsfEvent {
  const verb = activity === 'isolate' ? 'quarantined' : 'released';
  return actEvent(services, call, {
    class: 'networkRemediation',
    activity,
    message: `${call.caller.actor} ${verb} ${workload.name}: ${reason}`,
    severity: 'medium',
    attributes: {
      command_uid: call.correlationId,
      connection_info: { direction_id: 0 },
      resources: [{ uid: workload.id, name: workload.name, type: 'workload' }],
    },
    cordon: { workloadId: workload.id, reason },
  });
}

/** A plan never changes, and computing all of its pairs takes long where there are many classes. */
const views = new WeakMap<Plan, PlanView>();

function planView(plan: Plan): PlanView {
  const known = views.get(plan) ?? viewOf(plan);
  views.set(plan, known);
  return known;
}

function viewOf(plan: Plan): PlanView {
  const { classes, cells } = planMatrix(plan);
  return {
    classes: classes.map(({ id, segments, members }) => ({
      id,
      labels: commonLabels(members.flatMap((member) => plan.workloads.get(member) ?? [])),
      segments: [...segments],
      workloads: [...members],
    })),
    pairs: cells.map(({ from, to, pieces }) => ({
      from,
      to,
      pieces: pieces.map(({ effect, protocol, ports, policyIds }) => ({
        effect: effect === 'permit' ? 'allow' : 'deny',
        protocol,
        ports,
        policies: [...policyIds],
      })),
    })),
    problems: plan.problems.map((problem) => ({ ...problem })),
  };
}

/** The labels that all of them have. */
function commonLabels(workloads: readonly Workload[]): Record<string, string> {
  const [first, ...others] = workloads;
  return Object.fromEntries(
    Object.entries(first?.labels ?? {}).filter(([key, value]) => others.every(({ labels }) => labels[key] === value)),
  );
}
