import { isJsonObject, type Json } from '#base';
import type { EntityJson } from './entity-store.ts';
import { ask } from './decide.ts';
import type { EntityUid } from './engine.ts';
import type { ActivePolicies } from './load.ts';
import type { CedarQuestion } from './mapping.ts';
import { RECORD_VERSION } from './record.ts';

/** A journalled decision, as an event carries it. */
export interface JournalledDecision {
  /** `metadata.uid` of the event. */
  readonly eventId: string;
  readonly time: number;
  /** What `decisionRecord` returned. */
  readonly record: unknown;
}

/** One person and app for whom the answer changes. */
export interface ReplayRow {
  readonly user: string;
  readonly app: string;
  /** Requests that change. */
  readonly count: number;
  /** Determining policies before and after; empty when none permitted. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** One event that shows it. */
  readonly eventId: string;
}

/** What would have been different. */
export interface ReplayReport {
  /** Decisions that were asked again or that no policy could change. */
  readonly replayed: number;
  readonly unchanged: number;
  readonly gains: readonly ReplayRow[];
  readonly losses: readonly ReplayRow[];
  readonly notReplayable: readonly { readonly reason: string; readonly count: number }[];
}

/** Decides journalled requests again by other policies. Denials that no policy had a part in stay what they were. */
export function replay(input: {
  readonly records: Iterable<JournalledDecision>;
  readonly candidate: ActivePolicies;
}): ReplayReport {
  const gains = new Map<string, ReplayRow>();
  const losses = new Map<string, ReplayRow>();
  const refused = new Map<string, number>();
  let replayed = 0;
  let unchanged = 0;
  for (const { eventId, record } of input.records) {
    const read = readRecord(record);
    const verdict =
      typeof read === 'string' || read.question === undefined ? undefined : ask(input.candidate, read.question);
    const reason = typeof read === 'string' ? read : verdict?.outcome === 'internal' ? 'request-unreadable' : undefined;
    if (reason !== undefined || typeof read === 'string') {
      refused.set(reason ?? '', (refused.get(reason ?? '') ?? 0) + 1);
      continue;
    }
    replayed += 1;
    const isPermit = verdict?.outcome === 'permit';
    if (verdict === undefined || isPermit === (read.effect === 'permit')) {
      unchanged += 1;
      continue;
    }
    const after = verdict.outcome === 'policy-error' ? verdict.erredForbids : verdict.determining;
    add(isPermit ? gains : losses, { user: read.who, app: read.what, count: 1, before: read.policies, after, eventId });
  }
  const notReplayable = [...refused].map(([reason, count]) => ({ reason, count }));
  return { replayed, unchanged, gains: ranked(gains), losses: ranked(losses), notReplayable };
}

function add(rows: Map<string, ReplayRow>, row: ReplayRow): void {
  const key = JSON.stringify([row.user, row.app, row.before, row.after]);
  const known = rows.get(key);
  rows.set(key, known === undefined ? row : { ...known, count: known.count + 1 });
}

function ranked(rows: ReadonlyMap<string, ReplayRow>): ReplayRow[] {
  return [...rows.values()].sort((a, b) => b.count - a.count);
}

interface ReadRecord {
  readonly who: string;
  readonly what: string;
  readonly effect: 'permit' | 'forbid';
  readonly policies: readonly string[];
  /** Absent when no policy had a part in the decision. */
  readonly question: CedarQuestion | undefined;
}

/** Reads a record from the journal, or says why it cannot be asked again. */
function readRecord(record: unknown): ReadRecord | string {
  if (!isJsonObject(record) || record['version'] !== RECORD_VERSION) return 'record-version';
  if (record['proven'] !== true) return 'record-unproven';
  const { decision, request, who, what } = record;
  if (!isJsonObject(decision) || typeof who !== 'string' || typeof what !== 'string') return 'record-damaged';
  const effect = decision['effect'];
  const policies = decision['policies'];
  if ((effect !== 'permit' && effect !== 'forbid') || !Array.isArray(policies)) return 'record-damaged';
  if (isInternal(decision['reasons'])) return 'internal';
  const question = request === null ? undefined : readQuestion(request);
  if (question === undefined && (request !== null || effect === 'permit')) return 'record-damaged';
  return { who, what, effect, policies: policies.map(String), question };
}

function isInternal(reasons: Json | undefined): boolean {
  return Array.isArray(reasons) && reasons.some((reason) => isJsonObject(reason) && reason['code'] === 'internal');
}

function readQuestion(request: Json | undefined): CedarQuestion | undefined {
  if (!isJsonObject(request)) return undefined;
  const [principal, action, resource] = [
    uidOf(request['principal']),
    uidOf(request['action']),
    uidOf(request['resource']),
  ];
  const { context, entities } = request;
  if (principal === undefined || action === undefined || resource === undefined) return undefined;
  if (!isJsonObject(context) || !Array.isArray(entities) || !entities.every(isJsonObject)) return undefined;
  // Cedar checks the entities' own form when it is asked; a damaged one gives `request-unreadable`.
  return { principal, action, resource, context, entities: entities as unknown as EntityJson[] };
}

function uidOf(value: Json | undefined): EntityUid | undefined {
  const { type, id } = isJsonObject(value) ? value : {};
  return typeof type === 'string' && typeof id === 'string' ? { type, id } : undefined;
}
