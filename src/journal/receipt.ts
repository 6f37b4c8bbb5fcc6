import type { OcsfEvent } from '#model';

/** Proof that an event is on disk: its place in the chain and the file that held it first. */
export interface Receipt {
  readonly seq: number;
  readonly hash: string;
  readonly segment: string;
}

/** Is told of every event once it is durable, in chain order. */
export type JournalListener = (event: OcsfEvent, receipt: Receipt) => void;
