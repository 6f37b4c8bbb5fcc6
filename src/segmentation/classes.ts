import { createHash } from 'node:crypto';
import { canonicalJson } from '#base';
import type { Segment, Workload } from '#model';
import type { Intent } from './intent.ts';
import { labelOf, type Questions, type Subject } from './profile.ts';

/** Workloads that no policy can tell apart. */
export interface WorkloadClass {
  /** Stable for the same policies and the same answers: 10 hexadecimal digits. */
  readonly id: string;
  /** For people: the segments, then the labels and names policies ask for. */
  readonly name: string;
  readonly segments: readonly string[];
  /** Ids of the members, sorted. */
  readonly members: readonly string[];
}

/** A class with what policies see of its members. */
export interface ClassWithSubject extends WorkloadClass {
  readonly subject: Subject;
}

/** Ids of the segments whose selector the workload's labels match, sorted. An empty selector matches every workload. */
export function segmentsOf(workload: Pick<Workload, 'labels'>, segments: Iterable<Segment>): string[] {
  const found: string[] = [];
  for (const { id, selector } of segments) {
    const isMatch = Object.entries(selector).every(
      ([key, value]) => Object.hasOwn(workload.labels, key) && workload.labels[key] === value,
    );
    if (isMatch) found.push(id);
  }
  return found.sort();
}

/** What a policy can tell about a subject, as a key: subjects with equal keys get equal answers from it. */
export function answersKey(subject: Subject, asks: Questions): string {
  return JSON.stringify([
    [...asks.labels].map((key) => labelOf(subject, key) ?? null),
    [...asks.segments].map((id) => subject.segments.has(id)),
    asks.ids.has(subject.id) ? subject.id : null,
    asks.name ? subject.name : null,
  ]);
}

/** Groups workloads into classes, sorted by name, then id. */
export function classify(
  workloads: readonly Workload[],
  segments: readonly Segment[],
  intents: readonly Intent[],
): ClassWithSubject[] {
  const asks = mergeQuestions(intents);
  const groups = new Map<string, { subject: Subject; members: string[] }>();
  for (const workload of workloads) {
    const subject: Subject = {
      id: workload.id,
      name: workload.name,
      labels: workload.labels,
      segments: new Set(segmentsOf(workload, segments)),
    };
    const key = canonicalJson([...subject.segments, answersKey(subject, asks)]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { subject, members: [workload.id] });
    else group.members.push(workload.id);
  }
  return [...groups]
    .map(([key, { subject, members }]) => ({
      id: createHash('sha256').update(key).digest('hex').slice(0, 10),
      name: nameOf(subject, asks),
      segments: [...subject.segments],
      members: members.sort(),
      subject,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1));
}

function mergeQuestions(intents: readonly Intent[]): Questions {
  const merged: Questions = { labels: new Set(), segments: new Set(), ids: new Set(), name: false };
  for (const { asks } of intents) {
    for (const { labels, segments, ids, name } of [asks.principal, asks.resource]) {
      for (const label of labels) merged.labels.add(label);
      for (const segment of segments) merged.segments.add(segment);
      for (const id of ids) merged.ids.add(id);
      merged.name ||= name;
    }
  }
  return { ...merged, labels: new Set([...merged.labels].sort()), segments: new Set([...merged.segments].sort()) };
}

function nameOf(subject: Subject, asks: Questions): string {
  const details = [...asks.labels].flatMap((key) => {
    const value = labelOf(subject, key);
    return value === undefined ? [] : [`${key}=${value}`];
  });
  if (asks.ids.has(subject.id) || asks.name) details.push(subject.name);
  const segments = subject.segments.size === 0 ? 'no segment' : [...subject.segments].join('+');
  return details.length === 0 ? segments : `${segments} (${details.join(', ')})`;
}
