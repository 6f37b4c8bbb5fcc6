import type { Clock, Problem } from '#base';
import type { Configuration } from '#config';
import type { Authority, Devices } from '#devices';
import type { Gateway } from '#gateway';
import type { Identity } from '#identity';
import type { Journal } from '#journal';
import type { TrustGraph } from '#model';
import type { Monitor } from '#monitor';
import type { ActivePolicies } from '#policy';
import type { Store } from '#store';

/** Everything the API answers from. The composition root makes it once; tests make their own. */
export interface ApiServices {
  readonly version: string;
  readonly clock: Clock;
  readonly startedAt: number;
  readonly configuration: () => Configuration;
  /** Why the newest configuration on disk is not in force; undefined when it is. */
  readonly configurationProblem: () => { readonly at: number; readonly problems: readonly Problem[] } | undefined;
  readonly store: Store;
  readonly graph: TrustGraph;
  readonly journal: Journal;
  readonly journalDirectory: string;
  readonly policies: () => ActivePolicies | undefined;
  readonly identity: Identity;
  readonly gateway: Gateway;
  readonly devices: Devices;
  readonly authority: Authority;
  readonly monitor: Monitor;
  /** Origin of a host of this installation, with scheme and port, for links. */
  readonly originOf: (host: string, transport?: 'http' | 'tls') => string;
}
