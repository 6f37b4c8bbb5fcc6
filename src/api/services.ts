import type { IncomingMessage } from 'node:http';
import type { Clock, Problem } from '#base';
import type { z } from 'zod';
import type { probeView } from '#contract';
import type { Configuration } from '#config';
import type { Authority, Devices } from '#devices';
import type { CutFilter, LiveConnection } from '#gateway';
import type { Identity, SshAuthority } from '#identity';
import type { Journal } from '#journal';
import type { Reason, TrustGraph } from '#model';
import type { Monitor } from '#monitor';
import type { ActivePolicies } from '#policy';
import type { Plan } from '#segmentation';
import type { Store } from '#store';

type ProbeView = z.infer<typeof probeView>;

/** What one round of Cordon's own probes found. */
export interface ProbeRound extends Readonly<Omit<ProbeView, 'findings' | 'notProbed'>> {
  readonly findings: readonly Readonly<ProbeView['findings'][number]>[];
  readonly notProbed: readonly string[];
}

/** Everything the API answers from. The composition root makes it once; tests make their own. */
export interface ApiServices {
  readonly version: string;
  readonly clock: Clock;
  readonly startedAt: number;
  readonly configuration: () => Configuration;
  /** Takes up what a document says that is not in the store: network defaults, certificates and models. Throws `tls-files-invalid`. */
  readonly adopt: (next: Configuration) => Promise<void>;
  /** Why the newest configuration on disk is not in force; undefined when it is. */
  readonly configurationProblem: () => { readonly at: number; readonly problems: readonly Problem[] } | undefined;
  readonly store: Store;
  readonly graph: TrustGraph;
  readonly journal: Journal;
  readonly journalDirectory: string;
  readonly policies: () => ActivePolicies | undefined;
  readonly identity: Identity;
  readonly gateway: LiveGateway;
  /** Cordon's own probes: what the last round found, and a round at once. */
  readonly prober: {
    last(): ProbeRound | undefined;
    run(): Promise<ProbeRound>;
  };
  readonly devices: Devices;
  readonly authority: Authority;
  /** The authority that hosts for SSH have to trust. */
  readonly sshAuthority: Pick<SshAuthority, 'publicKey'>;
  readonly monitor: Monitor;
  /** The segmentation plan of what is true now; computed again only when something it depends on has changed. */
  readonly plan: () => Plan;
  /** Origin of a host of this installation, with scheme and port, for links. Without a transport: the one people are sent to. */
  readonly originOf: (host: string, transport?: 'http' | 'tls') => string;
  /** Exact names of the hosts that are Cordon's own. */
  readonly hosts: {
    readonly identity: string;
    readonly console: string;
    readonly agent: string;
    readonly decisions: string;
  };
  /** Told of every unexpected failure. */
  readonly onFailure: (error: unknown, correlationId: string) => void;
}

/** What is open through the gateway. Its workers may be other processes, so an answer may take a moment. */
export interface LiveGateway {
  connections(): readonly LiveConnection[] | Promise<readonly LiveConnection[]>;
  /** Cuts what matches every field given, with the reason; returns how many. */
  cut(filter: CutFilter, reason: Reason): number | Promise<number>;
}

/** True when the request arrived over TLS on our own listener. */
export function isEncrypted(request: IncomingMessage): boolean {
  return 'encrypted' in request.socket;
}

/** The listener a request arrived on. */
export function transportOf(request: IncomingMessage): 'http' | 'tls' {
  return isEncrypted(request) ? 'tls' : 'http';
}
