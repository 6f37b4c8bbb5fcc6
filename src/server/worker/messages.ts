import type { JsonWebKey } from 'node:crypto';
import type { Configuration } from '#config';
import type { CutFilter, Gateway, Transport } from '#gateway';
import type { AnyEntity, ChangeWithEntity, Reason } from '#model';
import type { CertificateMaterial } from '../certificate-material.ts';
import type { OwnHosts } from '../origins.ts';
import type { Answer, Ask, Told } from './calls.ts';

/** Everything a worker needs beside the graph. It holds keys, so it goes over the private channel only. */
export interface WorkerSettings {
  /** With the ports in use, never 0. */
  readonly listen: Configuration['listen'];
  readonly hosts: OwnHosts;
  readonly identityOrigins: Readonly<Partial<Record<Transport, string>>>;
  readonly assertionKey: JsonWebKey;
  /** The private key that SSH certificates are signed with. */
  readonly sshKey: JsonWebKey;
  /** Certificate of Cordon's own CA, PEM. */
  readonly authority: string;
  /** Absent without a TLS listener. */
  readonly certificates?: CertificateMaterial;
  /** What TLS sessions are sealed with for their resumption, base64url: the same at every worker. */
  readonly ticketKeys: string;
  /** What Cordon's own probes are sealed with, base64url. */
  readonly probeKey: string;
  /** What each worker bears by itself. */
  readonly limits: Configuration['gateway']['limits'];
  readonly traces: Configuration['traces'];
  readonly version: string;
  /** Where the main process takes requests for Cordon's own hosts. */
  readonly door: DoorKey;
}

/** How a worker proves at the main process's door that it is one. */
export interface DoorKey {
  readonly path: string;
  /** Known to the processes of this start only. */
  readonly secret: string;
}

/** What the gateway of a worker has done since it started. */
export type WorkerCounters = Gateway['counters'];

/** Of a worker that has done nothing yet. */
export const NO_COUNTERS: WorkerCounters = { permitted: 0, denied: 0, cut: 0, unrecorded: 0 };

/** What the main process says. */
export type ToWorker =
  | { readonly type: 'settings'; readonly settings: WorkerSettings }
  /** Part of the snapshot. */
  | { readonly type: 'entities'; readonly entities: readonly AnyEntity[] }
  /** That was all of it. */
  | { readonly type: 'loaded'; readonly seq: number }
  /** It may answer: from now on everybody waits until it has taken up a change. */
  | { readonly type: 'serve' }
  | { readonly type: 'changes'; readonly changes: readonly ChangeWithEntity[] }
  /** The graph here was complete at `at`, by the machine's clock. */
  | { readonly type: 'beat'; readonly at: number; readonly isWritable: boolean }
  /** Every event up to that number is on disk, but for those that failed. */
  | { readonly type: 'recorded'; readonly upTo: number; readonly failed: readonly Unrecorded[] }
  | { readonly type: 'stop'; readonly graceMs: number }
  | Ask
  | Answer;

/** What a worker says. */
export type ToMain =
  /** It has made what it decides from, and could answer. */
  | { readonly type: 'prepared' }
  /** It answers on the public ports. */
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly error: Told }
  | { readonly type: 'applied'; readonly seq: number }
  | { readonly type: 'beat'; readonly at: number; readonly counters: WorkerCounters }
  | ToRecord
  | {
      readonly type: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly fields: object;
      readonly message: string;
    }
  | Ask
  | Answer;

/** Events to be appended. Their texts go along, one behind the other. */
export interface ToRecord {
  readonly type: 'record';
  /** Number of the first; the others follow. */
  readonly first: number;
  readonly urgency: 'now' | 'soon';
  readonly events: readonly EventHead[];
}

/** What the journal has to know about an event beside its text. */
export interface EventHead {
  readonly time: number;
  readonly class_uid: number;
  /** Length of its text, UTF-16 units. */
  readonly length: number;
}

/** An event that is not in the journal, and why. */
export interface Unrecorded {
  readonly id: number;
  readonly error: Told;
}

/** Which connections to cut, and the reason they are told. */
export interface CutOrder {
  readonly filter: CutFilter;
  readonly reason: Reason;
}
