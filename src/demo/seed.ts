import type { Clock } from '#base';
import type { Journal } from '#journal';
import type { TrustGraph } from '#model';
import type { ActivePolicies } from '#policy';
import type { Store } from '#store';

/** The demo's configuration document and its policies, as `parseConfiguration` takes them. */
export const DEMO_SOURCE: { readonly text: string; readonly policies: Readonly<Record<string, string>> } = {
  text: '',
  policies: {},
};

/** What the demo is put into: an installation on which the demo's configuration was applied and which holds nothing else. */
export interface DemoTarget {
  readonly store: Store;
  readonly graph: TrustGraph;
  readonly journal: Pick<Journal, 'append'>;
  readonly clock: Clock;
  readonly policies: () => ActivePolicies | undefined;
}

/** What was put in. */
export interface DemoSummary {
  readonly assets: number;
  readonly workloads: number;
  readonly people: readonly { readonly email: string; readonly note: string }[];
  readonly events: number;
}

/** Seeds the estate. Refuses with `demo-not-empty` when there are users or assets. */
export async function seedDemo(target: DemoTarget): Promise<DemoSummary> {
  throw new Error(`not built yet: ${typeof target}`);
}
