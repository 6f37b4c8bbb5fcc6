import { labelsText } from './pieces.ts';

/** A class of workloads that policies treat alike, as the plan has it. */
export interface WorkloadClass {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly segments: readonly string[];
  readonly workloads: readonly string[];
}

/**
 * Names that people tell classes apart by: the segments, with the values of those labels in which classes of the same segments differ;
 * without segments the labels. Classes that even then look the same get the beginning of their id.
 */
export function classNames(classes: readonly WorkloadClass[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const alike of Map.groupBy(classes, ({ segments }) => segments.join('+')).values()) {
    const keys = [...new Set(alike.flatMap(({ labels }) => Object.keys(labels)))].sort();
    const telling = keys.filter((key) => new Set(alike.map(({ labels }) => labels[key])).size > 1);
    for (const one of alike) names.set(one.id, nameOf(one, telling));
  }
  const taken = Map.groupBy(names, ([, name]) => name);
  return new Map(
    [...names].map(([id, name]) => [id, (taken.get(name)?.length ?? 0) > 1 ? `${name} #${id.slice(0, 6)}` : name]),
  );
}

function nameOf({ id, labels, segments, workloads }: WorkloadClass, telling: readonly string[]): string {
  if (segments.length === 0) return labelsText(labels) || (workloads.length === 1 ? (workloads[0] ?? id) : id);
  const values = telling.map((key) => labels[key] ?? '-');
  return `${segments.join('+')}${values.length === 0 ? '' : ` (${values.join(', ')})`}`;
}
