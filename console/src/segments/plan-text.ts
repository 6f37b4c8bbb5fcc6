import type { ControlOutput } from '../client.ts';

/** The plan, as the API gives it. */
export type PlanView = ControlOutput<'segmentsPlan'>;
/** Workloads that no policy can tell apart. */
export type WorkloadClass = PlanView['classes'][number];
/** What is said about one directed pair of classes. */
export type Pair = PlanView['pairs'][number];
/** One piece of a pair: a protocol, its ports, and what the policies say. */
export type Piece = Pair['pieces'][number];

/** Name of a class for people: its segments, else its labels. */
function className({ id, segments, labels }: WorkloadClass): string {
  if (segments.length > 0) return segments.join(' + ');
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return pairs.length > 0 ? pairs.join(' ') : `no segment (${id.slice(0, 4)})`;
}

/** Two classes of the same segments differ by labels; then these are told too. */
export function classNames(classes: readonly WorkloadClass[]): ReadonlyMap<string, string> {
  const counts = new Map<string, number>();
  for (const item of classes) counts.set(className(item), (counts.get(className(item)) ?? 0) + 1);
  return new Map(
    classes.map((item) => {
      const name = className(item);
      const labels = Object.entries(item.labels).map(([key, value]) => `${key}=${value}`);
      const isShared = (counts.get(name) ?? 0) > 1 && item.segments.length > 0;
      return [item.id, isShared ? `${name} · ${labels.length > 0 ? labels.join(' ') : item.id.slice(0, 4)}` : name];
    }),
  );
}

/** `tcp 443`. */
export function pieceText({ protocol, ports }: Piece): string {
  return `${protocol} ${ports}`;
}

/** What is allowed in a pair. */
export function allowed(pair: Pair | undefined): readonly Piece[] {
  return (pair?.pieces ?? []).filter(({ effect }) => effect === 'allow');
}
