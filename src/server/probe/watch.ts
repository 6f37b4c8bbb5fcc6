import type { Clock } from '#base';
import type { Configuration, ListenAddress } from '#config';
import type { ProbeMarks } from '#wire';
import type { Truth } from '../areas.ts';
import type { Listeners } from '../listeners.ts';
import type { Log } from '../log.ts';
import type { originsOf, OwnHosts } from '../origins.ts';
import { type Prober, startProber } from './prober.ts';
import type { ProbedListener } from './send-probe.ts';

/** What this Cordon is, as far as it probes itself. */
export interface WatchedCordon {
  readonly truth: Pick<Truth, 'graph' | 'journal'>;
  readonly configuration: () => Configuration;
  readonly ports: Listeners['ports'];
  readonly marks: Pick<ProbeMarks, 'ask'>;
  readonly hosts: OwnHosts;
  readonly originOf: ReturnType<typeof originsOf>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Starts to probe this Cordon at its own listeners, as its configuration says. */
export function watchItself({ truth, configuration, ports, hosts, originOf, ...rest }: WatchedCordon): Prober {
  const own = new Set<string>(Object.values(hosts));
  const { listen } = configuration();
  const listeners = (['http', 'tls'] as const).flatMap((transport): ProbedListener[] => {
    const [port, address] = [ports[transport], listen[transport]];
    return port === undefined || address === undefined ? [] : [{ transport, host: reachable(address), port }];
  });
  return startProber({
    ...rest,
    journal: truth.journal,
    listeners,
    identityOrigins: listeners.map(({ transport }) => originOf(hosts.identity, transport)),
    apps: () => [...truth.graph.all('app')],
    isOurs: (host) => own.has(host) || truth.graph.appByHost(host) !== undefined,
    settings: () => {
      const { everyMs, public: origins } = configuration().probe;
      return { everyMs, publicOrigins: new Map(Object.entries(origins)) };
    },
  });
}

/** Where this machine itself reaches a listener: one on all addresses is on loopback too. */
function reachable({ host }: ListenAddress): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
