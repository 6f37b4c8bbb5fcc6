import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ApiServices } from '#api';
import type { Journal } from '#journal';
import type { TrustGraph } from '#model';
import type { TimesByLabel } from '#gateway';
import type { Front } from '../front.ts';
import type { Prober } from '../probe/prober.ts';
import { type Counted, countEvents } from './counted.ts';
import type { Metric, Sample } from './exposition.ts';

/** What metrics are taken from. */
export interface Measured {
  readonly graph: TrustGraph;
  readonly journal: Journal;
  readonly policies: ApiServices['policies'];
  readonly front: Pick<Front, 'connections' | 'counters' | 'measure' | 'workers'>;
  readonly prober: Pick<Prober, 'last'>;
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

/** The metrics of this Cordon. */
export interface Metrics {
  collect(): Promise<Metric[]>;
  close(): void;
}

const NANOSECONDS = 1e9;
const RESOLUTION_MS = 20;

/** Begins to count; from then on metrics are there whenever somebody asks. */
export function measure(measured: Measured): Metrics {
  const counted = countEvents(measured.journal, measured.graph);
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  return {
    collect: async () => {
      const loop = [
        gauge(
          'cordon_event_loop_delay_seconds',
          'How late the event loop was since the last question.',
          loopSamples(delay),
        ),
      ];
      delay.reset();
      return [
        ...fromEvents(counted),
        ...(await fromGateway(measured)),
        ...(await fromMeasurements(measured)),
        ...fromTruth(measured),
        ...fromProbes(measured),
        ...loop,
        ...fromProcess(measured),
      ];
    },
    close: () => {
      counted.close();
      delay.disable();
    },
  };
}

function gauge(name: string, help: string, samples: number | readonly Sample[]): Metric {
  return { name, type: 'gauge', help, samples: typeof samples === 'number' ? [{ value: samples }] : samples };
}

function counter(name: string, help: string, samples: number | readonly Sample[]): Metric {
  return { ...gauge(name, help, samples), type: 'counter' };
}

function fromEvents(counted: Counted): Metric[] {
  return [
    counter('cordon_requests_total', 'Recorded requests by app, outcome and reason.', counted.requests()),
    counter('cordon_cuts_total', 'Open exchanges that were cut, by reason.', counted.cuts()),
    counter('cordon_events_total', 'Events written to the journal, by class.', counted.events()),
    counter('cordon_shed_requests_total', 'Requests shed in overloads that have ended.', counted.shed),
    gauge('cordon_overloaded', 'Gateways that shed requests now.', counted.shedding),
  ];
}

async function fromGateway({ front }: Measured): Promise<Metric[]> {
  const kinds = new Map<string, number>();
  for (const { kind } of await front.connections()) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const live = [...kinds].map(([kind, value]) => ({ labels: { kind }, value }));
  return [
    gauge('cordon_live_connections', 'Exchanges open now, by kind.', live),
    gauge(
      'cordon_gateway_workers',
      'Worker processes that run the gateway; 0: it runs in the main process.',
      front.workers.length,
    ),
    counter('cordon_unrecorded_events_total', 'Events that were counted and not written.', front.counters.unrecorded),
  ];
}

async function fromMeasurements({ front, graph }: Measured): Promise<Metric[]> {
  const { boundsMs, added, firstByte, cuts, servers, underWay, graphSeq, staleMs, droppedTraces } =
    await front.measure();
  const histogram = (name: string, help: string, by: Times): Metric => ({
    ...{ name, type: 'histogram', help },
    samples: classes(boundsMs, by),
  });
  const health = servers.map(({ appId: app, server, isHealthy }) => {
    return { labels: { app, server }, value: isHealthy ? 1 : 0 };
  });
  return [
    histogram('cordon_gateway_added_seconds', 'From the head of a request to dialling its app.', { app: added }),
    histogram('cordon_upstream_first_byte_seconds', 'From dialling to the first byte of the answer.', {
      app: firstByte,
    }),
    histogram('cordon_cut_seconds', 'From a change to the end of what it cut.', { reason: cuts }),
    gauge('cordon_upstream_healthy', 'Whether a server of an app is well: 1, or 0.', health),
    gauge('cordon_requests_under_way', 'Requests under way now, WebSockets left out.', underWay),
    gauge(
      'cordon_replica_lag_changes',
      'Changes that the gateway furthest behind has not taken up.',
      Number.isFinite(graphSeq) ? Math.max(0, graph.seq - graphSeq) : 0,
    ),
    counter('cordon_dropped_traces_total', 'Requests that were to be traced and could not be told of.', droppedTraces),
    gauge('cordon_replica_staleness_seconds', 'Since when the most stale gateway may be behind.', staleMs / 1000),
  ];
}

/** Times, under the name of their one label. */
type Times = Readonly<Record<string, TimesByLabel>>;

/** Times as Prometheus counts them: each class holds the shorter ones too. */
function classes(boundsMs: readonly number[], by: Times): Sample[] {
  return Object.entries(by).flatMap(([label, times]) =>
    Object.entries(times).flatMap(([value, { counts, sumMs }]): Sample[] => {
      const labels = { [label]: value };
      let sum = 0;
      const buckets = counts.map((count, at): Sample => {
        sum += count;
        const bound = boundsMs[at];
        const le = bound === undefined ? '+Inf' : String(bound / 1000);
        return { suffix: '_bucket', labels: { ...labels, le }, value: sum };
      });
      return [...buckets, { suffix: '_sum', labels, value: sumMs / 1000 }, { suffix: '_count', labels, value: sum }];
    }),
  );
}

function fromTruth({ graph, journal, policies }: Measured): Metric[] {
  const severities = new Map<string, number>();
  for (const { status, severity } of graph.all('alert')) {
    if (status === 'open') severities.set(severity, (severities.get(severity) ?? 0) + 1);
  }
  const alerts = ['low', 'medium', 'high', 'critical'].map((severity) => {
    return { labels: { severity }, value: severities.get(severity) ?? 0 };
  });
  return [
    gauge('cordon_journal_writable', 'Whether the journal can be written: 1, or 0.', journal.writable ? 1 : 0),
    gauge('cordon_journal_queued_events', 'Events that wait for the disk in the main process.', journal.queued),
    gauge('cordon_graph_seq', 'Number of the last change of the trust graph.', graph.seq),
    gauge('cordon_policy_version', 'Version of the policies in force; 0: none.', policies()?.version ?? 0),
    gauge('cordon_sessions', 'Sessions that are kept.', graph.count('session')),
    gauge('cordon_apps', 'Published apps.', graph.count('app')),
    gauge('cordon_open_alerts', 'Open alerts by severity.', alerts),
  ];
}

function fromProbes({ prober }: Measured): Metric[] {
  const last = prober.last();
  if (last === undefined) return [];
  return [
    gauge('cordon_probe_findings', 'Ways past the decision that the last round of probes found.', last.findings.length),
    gauge('cordon_probe_unanswered', 'Probes of the last round that nobody answered.', last.unanswered),
    gauge('cordon_probe_sent', 'Probes of the last round.', last.sent),
    gauge('cordon_probe_round_timestamp_seconds', 'When the last round began.', last.startedAt / 1000),
  ];
}

function loopSamples(delay: ReturnType<typeof monitorEventLoopDelay>): Sample[] {
  // The timer itself is that far apart; what is beyond is delay. Before the first sample there is none.
  const seconds = (nanoseconds: number): number =>
    Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / NANOSECONDS - RESOLUTION_MS / 1000) : 0;
  return [
    { labels: { quantile: '0.5' }, value: seconds(delay.percentile(50)) },
    { labels: { quantile: '0.99' }, value: seconds(delay.percentile(99)) },
    { labels: { quantile: '1' }, value: delay.count === 0 ? 0 : seconds(delay.max) },
  ];
}

function fromProcess({ version, startedAt }: Measured): Metric[] {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return [
    gauge('cordon_build_info', 'The version that runs.', [
      { labels: { version, node: process.versions.node }, value: 1 },
    ]),
    gauge('process_start_time_seconds', 'When the process began.', startedAt / 1000),
    counter('process_cpu_seconds_total', 'Time on the processor.', (user + system) / 1e6),
    gauge('process_resident_memory_bytes', 'Memory of the process.', rss),
    gauge('nodejs_heap_size_used_bytes', 'Used part of the heap.', heapUsed),
  ];
}
