import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ManualClock, manualClock } from '#base';
import { applyConfiguration, parseConfiguration } from '#config';
import { type Journal, openJournal } from '#journal';
import { type OcsfEvent, TrustGraph } from '#model';
import { type ActivePolicies, type JournalledDecision, loadPolicies } from '#policy';
import { openStore, type Store } from '#store';
import { DEMO_SOURCE } from '../source.ts';

/** The moment at which every test starts the demo. */
export const NOW: number = Date.parse('2026-06-10T15:00:00Z');

/** An empty installation on which the demo's configuration was applied. */
export interface Installation {
  readonly clock: ManualClock;
  readonly store: Store;
  readonly graph: TrustGraph;
  readonly journal: Journal;
  readonly policies: () => ActivePolicies;
  /** Everything that was appended since it was opened, in order. */
  readonly events: OcsfEvent[];
  readonly journalDirectory: string;
  close(): Promise<void>;
}

/** Opens one in a folder of its own. */
export async function openInstallation(): Promise<Installation> {
  const directory = mkdtempSync(join(tmpdir(), 'cordon-demo-'));
  const journalDirectory = join(directory, 'journal');
  const clock = manualClock(NOW);
  const store = await openStore({ path: join(directory, 'state.db'), clock });
  const journal = await openJournal({ directory: journalDirectory, clock });
  const graph = new TrustGraph();
  graph.load(await store.snapshot());
  store.onChanges((changes) => {
    for (const change of changes) graph.apply(change);
  });
  const parsed = parseConfiguration({ file: 'demo', ...DEMO_SOURCE, directory });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const applied = await applyConfiguration(parsed.value, { store }, { actor: 'system', message: '', now: NOW });
  if (!applied.ok) throw new Error(JSON.stringify(applied.error));
  const active = policiesOf(DEMO_SOURCE.policies);
  const events: OcsfEvent[] = [];
  journal.subscribe((event) => events.push(event));
  return {
    clock,
    store,
    graph,
    journal,
    policies: () => active,
    events,
    journalDirectory,
    close: async () => {
      await journal.close();
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Loads policies that must be good. */
export function policiesOf(texts: Readonly<Record<string, string>>): ActivePolicies {
  const loaded = loadPolicies({ texts, version: 1 });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error, undefined, 1));
  return loaded.value;
}

/** The decisions in the journal, as `cordon policy replay` reads them. */
export function decisionsOf(events: readonly OcsfEvent[]): JournalledDecision[] {
  return events
    .filter(({ class_uid }) => class_uid === 4002)
    .map(({ metadata, time, unmapped }) => ({ eventId: metadata.uid, time, record: unmapped?.cordon }));
}
