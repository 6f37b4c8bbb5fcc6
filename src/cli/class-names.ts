import { labelsText } from './pieces.ts';

/** A class of workloads that policies treat alike, as the plan has it. */
export interface WorkloadClass {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly segments: readonly string[];
  readonly workloads: readonly string[];
}

/**
 * Names that people tell classes apart by: the segments, and of the labels only those in which classes of the same segments differ.
 * Classes that even then look the same get the beginning of their id.
 */
export function classNames(classes: readonly WorkloadClass[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const alike of Map.groupBy(classes, ({ segments }) => segments.join('+')).values()) {
    const keys = new Set(alike.flatMap(({ labels }) => Object.keys(labels)));
    const telling = [...keys].filter((key) => new Set(alike.map(({ labels }) => labels[key])).size > 1);
    for (const { id, labels, segments, workloads } of alike) {
      const shown = segments.length === 0 && telling.length === 0 ? [...keys] : telling;
      const some = labelsText(Object.fromEntries(Object.entries(labels).filter(([key]) => shown.includes(key))));
      const [alone] = workloads.length === 1 ? workloads : [];
      names.set(id, [segments.join('+'), some].filter((part) => part !== '').join(' ') || (alone ?? id));
    }
  }
  const taken = Map.groupBy(names, ([, name]) => name);
  return new Map(
    [...names].map(([id, name]) => [id, (taken.get(name)?.length ?? 0) > 1 ? `${name} #${id.slice(0, 6)}` : name]),
  );
}
