import type { Alert, EventClass, OcsfEvent, TrustGraph, Workload } from '#model';

/** What a person reads about a detection. All times in milliseconds. */
export interface RuleSummary {
  /** Kebab-case, stable: alerts, risk and response rules name it. */
  readonly id: string;
  readonly title: string;
  readonly severity: Alert['severity'];
  /** What it means when this fires, in one or two sentences. */
  readonly description: string;
  /** MITRE ATT&CK technique, for example `T1110.001`. */
  readonly attack?: string;
  /** What is counted, after the number: `wrong passwords for one account from one address`. */
  readonly counts: string;
  readonly windowMs: number;
  /** Fires when this many different values are seen within one window. */
  readonly threshold: number;
  readonly subjectKind: Alert['subjectKind'];
  /** What is held against the subject. A repetition renews it and never adds to it, so that nobody can push somebody else's risk up for ever. */
  readonly risk?: { readonly score: number; readonly halfLifeMs: number };
  /** When this fires although nothing is wrong. */
  readonly falsePositives: string;
}

/** What a rule may know besides the event. */
export interface Facts {
  readonly graph: TrustGraph;
  /** The one workload that has this address; undefined when there is none or more than one. */
  workloadAt(address: string): Workload | undefined;
}

/** What an event means to a rule. */
export interface Match {
  /** Events with the same key are counted together; at least as fine as the subject. */
  readonly key: string;
  /** Who or what the alert is about. */
  readonly subjectId: string;
  /** What is counted: equal values count once. */
  readonly value: string;
}

/** What a rule can say about a detection. */
export interface Finding {
  readonly subjectId: string;
  /** Different values within the window, oldest first. */
  readonly values: readonly string[];
  /** The event that completed it. */
  readonly event: OcsfEvent;
  readonly graph: TrustGraph;
}

/** A detection: one file of `rules/`. */
export interface DetectionRule extends RuleSummary {
  /** Classes of the events it looks at; of these, only refusals reach it. Never a class that this area writes, or a detection would feed itself. */
  readonly classes: readonly EventClass[];
  /** Undefined when the event does not concern the rule. Pure; whatever an event holds, it does not throw. */
  match(event: OcsfEvent, facts: Facts): Match | undefined;
  /** One sentence for the alert. */
  detail(finding: Finding): string;
}
