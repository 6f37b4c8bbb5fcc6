import type { Alert, OcsfEvent, TrustGraph } from '#model';
import type { Store, StoreTransaction } from '#store';
import { openAlert, openCounts, OPEN_ALERTS_PER_RULE, overflowOf, type Pending, writeAlert } from './alerts.ts';
import { MINUTE } from './fields.ts';
import type { Outbox } from './outbox.ts';
import { jobsFor, perform, type Means, type ResponseJob, turnOf, withResponse } from './respond.ts';
import { raiseRisk, type RiskSubject } from './risks.ts';
import { findingEvent, responseEvent } from './told.ts';

/** Up to which event of the journal everything is written. */
export interface Cursor {
  readonly eventId: string;
  readonly time: number;
}

/** An alert that keeps getting evidence is told about this often at most, milliseconds. */
const TOLD_EVERY_MS = MINUTE;

const CURSOR_ROW = ['monitor', 'cursor'] as const;

/** Reads where the last monitor of this store ended. */
export async function readCursor(store: Pick<Store, 'read'>): Promise<Cursor | undefined> {
  return await store.read(async (tx) => await tx.getPrivate<Cursor>(...CURSOR_ROW));
}

/** What writing detections needs. */
export interface Ledger {
  readonly means: Means;
  readonly outbox: Outbox;
  readonly graph: TrustGraph;
  /** Alert id -> when it was last told about. */
  readonly toldAt: Map<string, number>;
}

/**
 * Writes alerts, risk, the turn of responses and the cursor in one transaction, with the outbox rows of what follows: after a crash
 * either all of it has happened or all of it is judged again.
 */
export async function commitDetections(
  ledger: Ledger,
  input: { readonly pending: readonly Pending[]; readonly cursor: Cursor | undefined; readonly now: number },
): Promise<void> {
  const { means, outbox, graph } = ledger;
  const ruleIds = new Set(input.pending.map(({ rule }) => rule.id));
  const [only] = ruleIds;
  const actor = ruleIds.size === 1 && only !== undefined ? `rule:${only}` : 'system';
  const told: string[] = [];
  const committed = await means.store.transact(actor, async (tx) => {
    const open: Open = { counts: openCounts(graph), overflow: new Map() };
    const events: OcsfEvent[] = [];
    const jobs: ResponseJob[] = [];
    for (const one of input.pending) {
      const written = await writeOne(ledger, tx, { pending: one, open, now: input.now });
      events.push(...written.events);
      jobs.push(...written.jobs);
      if (written.told !== undefined) told.push(written.told);
    }
    if (input.cursor !== undefined) await tx.putPrivate(...CURSOR_ROW, input.cursor);
    return await outbox.put(tx, { events, jobs });
  });
  committed();
  for (const alertId of told) ledger.toldAt.set(alertId, input.now);
}

/** Open alerts, with those of the transaction that the graph does not know yet. */
interface Open {
  readonly counts: Map<string, number>;
  /** Rule id -> id of its alert for all other subjects. */
  readonly overflow: Map<string, string>;
}

interface Written {
  readonly events: readonly OcsfEvent[];
  readonly jobs: readonly ResponseJob[];
  readonly told?: string;
}

async function writeOne(
  ledger: Ledger,
  tx: StoreTransaction,
  input: { readonly pending: Pending; readonly open: Open; readonly now: number },
): Promise<Written> {
  const { graph, toldAt } = ledger;
  const { open, now } = input;
  const ruleId = input.pending.rule.id;
  const own = openAlert(graph, input.pending);
  const openNow = open.counts.get(ruleId) ?? 0;
  const isFull = own === undefined && openNow >= OPEN_ALERTS_PER_RULE;
  const pending = isFull ? overflowOf(input.pending) : input.pending;
  const presentId = isFull ? (open.overflow.get(ruleId) ?? openAlert(graph, pending)?.id) : own?.id;
  const written = await writeAlert(tx, pending, presentId);
  if (written.outcome === 'unchanged') return { events: [], jobs: [] };
  const isNew = written.outcome === 'opened';
  if (isNew) open.counts.set(ruleId, openNow + 1);
  if (isFull) open.overflow.set(ruleId, written.alert.id);
  const responded = await takeTurns(ledger, tx, { alert: written.alert, now });
  const isDue = isNew || now - (toldAt.get(responded.alert.id) ?? 0) >= TOLD_EVERY_MS;
  const activity = isNew ? 'create' : 'update';
  const finding = isDue ? [findingEvent(responded.alert, { activity, rule: pending.rule, time: now })] : [];
  // Also when the alert went to the one for all others: the subject is no less suspicious for that.
  const risk = await holdAgainst(ledger, tx, { pending: input.pending, now });
  return {
    events: [...finding, ...risk, ...responded.events],
    jobs: responded.jobs,
    ...(isDue ? { told: responded.alert.id } : {}),
  };
}

/** Gives each response its turn: what would be done is said at once, what is to be done becomes a job. */
async function takeTurns(
  { means, graph }: Ledger,
  tx: StoreTransaction,
  { alert: found, now }: { alert: Alert; now: number },
): Promise<{ readonly alert: Alert; readonly events: readonly OcsfEvent[]; readonly jobs: readonly ResponseJob[] }> {
  const turns = jobsFor(graph, found);
  if (turns.length === 0) return { alert: found, events: [], jobs: [] };
  let alert: Alert = { ...found, responded: [...(found.responded ?? []), ...turns.map(turnOf)] };
  const events: OcsfEvent[] = [];
  for (const job of turns) {
    if (job.mode !== 'dry-run') continue;
    const outcome = await perform(means, job, now);
    events.push(responseEvent(job, { ...outcome, time: now }));
    if (outcome.result === 'dry-run') alert = withResponse(alert, job, now);
  }
  await tx.put('alert', alert);
  return { alert, events, jobs: turns.filter(({ mode }) => mode === 'enforce') };
}

async function holdAgainst(
  { graph }: Ledger,
  tx: StoreTransaction,
  { pending, now }: { pending: Pending; now: number },
): Promise<OcsfEvent[]> {
  const { rule, detail, lastAt, eventIds, subjectId } = pending;
  if (rule.risk === undefined) return [];
  const events: OcsfEvent[] = [];
  for (const subject of riskSubjects(graph, pending.subjectKind, subjectId)) {
    const contribution = {
      ruleId: rule.id,
      score: rule.risk.score,
      at: lastAt,
      halfLifeMs: rule.risk.halfLifeMs,
      reason: detail,
      eventId: eventIds.at(-1) ?? '',
    };
    events.push(...(await raiseRisk(tx, subject, { contribution, now, graph })));
  }
  return events;
}

/** The subject itself while it exists; for a workload also the device it runs on, because that is what opens apps. */
function riskSubjects(graph: TrustGraph, kind: Alert['subjectKind'], id: string): RiskSubject[] {
  if (kind === 'system' || kind === 'address' || graph.get(kind, id) === undefined) return [];
  const deviceId = kind === 'workload' ? graph.get('workload', id)?.deviceId : undefined;
  const isKnown = deviceId !== undefined && graph.get('device', deviceId) !== undefined;
  return [{ kind, id }, ...(isKnown ? [{ kind: 'device' as const, id: deviceId }] : [])];
}
