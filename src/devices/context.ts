import type { Clock } from '#base';
import type { OcsfEvent, TrustGraph } from '#model';
import type { Store } from '#store';
import type { HostProgram } from '#wire';
import type { Authority } from './authority.ts';
import type { DeviceMemories } from './device-memory.ts';
import type { HostWorkloads } from './host-workloads.ts';
import type { ProgramWatch } from './program-watch.ts';

/** What the devices area works with. */
export interface DevicesOptions {
  readonly store: Store;
  readonly graph: TrustGraph;
  readonly journal: { append(event: OcsfEvent): Promise<unknown> };
  readonly clock: Clock;
  readonly authority: Authority;
  /** Name in the certificate of the agent host, `agent.<domain>`; part of every enrolment token. */
  readonly serverName: string;
  /** The firewall program of a workload as of now; undefined when there is none. Segmentation has a higher rank, so it comes from outside. */
  readonly programFor: (workloadId: string) => HostProgram | undefined;
}

/** The same with what the parts share; made once by `createDevices`. */
export interface DevicesContext extends DevicesOptions {
  readonly memories: DeviceMemories;
  readonly workloads: HostWorkloads;
  readonly watch: ProgramWatch;
}
