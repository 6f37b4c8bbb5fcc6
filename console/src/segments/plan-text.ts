import type { ControlOutput } from '../client.ts';

/** The plan, as the API gives it. */
export type PlanView = ControlOutput<'segmentsPlan'>;
/** Workloads that no policy can tell apart. */
export type WorkloadClass = PlanView['classes'][number];
/** What is said about one directed pair of classes. */
export type Pair = PlanView['pairs'][number];
/** One piece of a pair: a protocol, its ports, and what the policies say. */
export type Piece = Pair['pieces'][number];

/** The name of a class for people. */
export interface ClassName {
  /** Its segments, else its labels, else that it has none. */
  readonly title: string;
  /** What tells it apart from others of the same title. */
  readonly difference: readonly string[];
  /** Both in one line. */
  readonly text: string;
}

/** Names of all classes: as little as tells them apart. */
export function classNames(classes: readonly WorkloadClass[]): ReadonlyMap<string, ClassName> {
  const byTitle = Map.groupBy(classes, titleOf);
  return new Map(
    classes.map((item) => {
      const title = titleOf(item);
      const difference = differenceOf(item, byTitle.get(title) ?? []);
      return [item.id, { title, difference, text: [title, difference.join(' ')].filter(Boolean).join(' · ') }];
    }),
  );
}

function titleOf({ id, segments, labels }: WorkloadClass): string {
  if (segments.length > 0) return segments.join(' + ');
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return pairs.length > 0 ? pairs.join(' ') : `no segment (${id.slice(0, 4)})`;
}

/** The labels that not all of the same title share; the id when labels do not tell this one from the others. */
function differenceOf(item: WorkloadClass, siblings: readonly WorkloadClass[]): string[] {
  if (siblings.length < 2) return [];
  const keys = [...new Set(siblings.flatMap(({ labels }) => Object.keys(labels)))].sort();
  const telling = keys.filter((key) => siblings.some(({ labels }) => labels[key] !== siblings[0]?.labels[key]));
  const isAlone = siblings.every(
    (other) => other === item || telling.some((key) => other.labels[key] !== item.labels[key]),
  );
  const shown = telling.map((key) => (item.labels[key] === undefined ? `no ${key}` : `${key}=${item.labels[key]}`));
  return isAlone ? shown : [...shown, item.id.slice(0, 4)];
}

/** `tcp 443`. */
export function pieceText({ protocol, ports }: Piece): string {
  return `${protocol} ${ports}`;
}

/** What is allowed in a pair. */
export function allowed(pair: Pair | undefined): readonly Piece[] {
  return (pair?.pieces ?? []).filter(({ effect }) => effect === 'allow');
}
