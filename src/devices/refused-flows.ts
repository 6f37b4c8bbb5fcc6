import { formatAddress, parseAddress } from '#base';
import { buildEvent, type OcsfEvent, type Workload } from '#model';
import type { DeniedFlow } from '#wire';

/** Events of one report. The rest is told as one number: a host under a flood must not flood the journal. */
export const FLOW_EVENTS = 100;
/** An agent keeps refused flows at most this long; older times are a clock that is wrong. */
const OLDEST_MS = 15 * 60_000;

const BLOCKED = 2; // OCSF 1.8 disposition_id
const DIRECTION = { inbound: 1, outbound: 2 } as const; // OCSF 1.8 connection_info.direction_id

interface Flow {
  readonly from: string;
  /** Undefined when the firewall did not count by it: then it is the host. */
  readonly to: string | undefined;
  readonly told: DeniedFlow;
}

/**
 * Turns the flows that a host's firewall refused into Network Activity events (OCSF 4001), `FLOW_EVENTS` of them and one that counts the
 * rest. A host is believed about its own traffic only: a flow that neither comes from nor goes to it is left out.
 */
export function refusedFlowEvents(
  flows: readonly DeniedFlow[],
  o: { readonly workload: Workload; readonly addresses: readonly string[]; readonly now: number },
): OcsfEvent[] {
  const own = new Set([...o.addresses, ...o.workload.addresses]);
  const credible = flows.flatMap((told): Flow[] => {
    const from = canonical(told.saddr);
    const to = told.daddr === undefined ? undefined : canonical(told.daddr);
    if (from === undefined || (told.daddr !== undefined && to === undefined)) return [];
    return to === undefined || own.has(from) || own.has(to) ? [{ from, to, told }] : [];
  });
  const chosen = spread(credible).slice(0, FLOW_EVENTS);
  const events = chosen.map((flow) => flowEvent(flow, { ...o, own }));
  const omitted = credible.length - chosen.length;
  return omitted === 0 ? events : [...events, omittedEvent(omitted, o)];
}

/** Every pair of addresses once before any of them a second time, so that a noisy pair cannot crowd a probe out of the journal. */
function spread(flows: readonly Flow[]): Flow[] {
  const seen = new Map<string, number>();
  const ranked = flows.map((flow) => {
    const pair = `${flow.from} ${flow.to ?? ''}`;
    const rank = seen.get(pair) ?? 0;
    seen.set(pair, rank + 1);
    return { flow, rank };
  });
  return ranked.sort((a, b) => a.rank - b.rank).map(({ flow }) => flow);
}

function flowEvent(
  { from, to, told }: Flow,
  o: { readonly workload: Workload; readonly own: ReadonlySet<string>; readonly now: number },
): OcsfEvent {
  const { workload, own, now } = o;
  const isOutbound = to !== undefined && own.has(from);
  const sameFamily = workload.addresses.find((address) => address.includes(':') === from.includes(':'));
  const here = isOutbound ? from : (to ?? sameFamily);
  // Only the host's own end gets its id; the other is what the monitor finds at the address.
  const self = { ...(here === undefined ? {} : { ip: here }), uid: workload.id };
  const [source, target] = isOutbound ? [self, { ip: to }] : [{ ip: from }, self];
  const way = isOutbound ? `${workload.name} -> ${to}` : `${from} -> ${workload.name}`;
  const start = withinReason(told.firstAt, now);
  const end = withinReason(told.lastAt, now);
  return buildEvent({
    class: 'networkActivity',
    activity: 'refuse',
    time: end,
    message: `${way}: ${told.protocol} ${told.dport} refused`,
    status: 'failure',
    action: 'denied',
    attributes: {
      disposition_id: BLOCKED,
      src_endpoint: source,
      dst_endpoint: { ...target, port: told.dport },
      connection_info: {
        protocol_name: told.protocol,
        direction_id: isOutbound ? DIRECTION.outbound : DIRECTION.inbound,
      },
      traffic: { packets: told.packets },
      start_time: Math.min(start, end),
      end_time: end,
    },
    cordon: { reporter: workload.id },
  });
}

function omittedEvent(omitted: number, { workload, now }: { workload: Workload; now: number }): OcsfEvent {
  return buildEvent({
    class: 'networkActivity',
    activity: 'refuse',
    time: now,
    message: `${workload.name} reported ${omitted} more refused flows, which are not recorded one by one`,
    severity: 'low',
    status: 'failure',
    action: 'denied',
    cordon: { reporter: workload.id, omitted },
  });
}

/** Detection counts by these times, and a host sets them. */
function withinReason(time: number, now: number): number {
  return Math.max(now - OLDEST_MS, Math.min(time, now));
}

function canonical(text: string): string | undefined {
  const address = parseAddress(text, { mapped: 'unmap' });
  return address.ok ? formatAddress(address.value) : undefined;
}
