import {
  type Actor,
  type OcsfEvent,
  type Risk,
  type RiskContribution,
  type RiskLevel,
  riskLevel,
  riskScore,
  type TrustGraph,
} from '#model';
import type { StoreTransaction } from '#store';
import { riskEvent, subjectName } from './told.ts';

/** A contribution below this many points is forgotten. */
const FORGOTTEN_SCORE = 1;

/** Whom risk is held against. */
export interface RiskSubject {
  readonly kind: Risk['subjectKind'];
  readonly id: string;
}

/** Holds something against a subject. What the same rule held before is renewed, not added to. Returns what is to be told. */
export async function raiseRisk(
  tx: StoreTransaction,
  subject: RiskSubject,
  input: { readonly contribution: RiskContribution; readonly now: number; readonly graph: TrustGraph },
): Promise<OcsfEvent[]> {
  const { contribution, now, graph } = input;
  const id = `${subject.kind}:${subject.id}`;
  const risk = await tx.get('risk', id);
  const known = risk?.contributions.find(({ ruleId }) => ruleId === contribution.ruleId);
  if (known !== undefined && known.at >= contribution.at) return [];
  const others = (risk?.contributions ?? []).filter(({ ruleId }) => ruleId !== contribution.ruleId);
  const next: Risk = {
    id,
    subjectKind: subject.kind,
    subjectId: subject.id,
    contributions: [...others, contribution],
  };
  const before = risk?.announced ?? 'low';
  const score = riskScore(next, now);
  const after = riskLevel(score);
  await tx.put('risk', withLevel(next, after));
  if (known !== undefined && before === after) return [];
  const named = { ...subject, name: subjectName(graph, subject.kind, subject.id) };
  return [riskEvent({ subject: named, before, after, score, time: now, why: contribution.reason })];
}

/** True when time alone has changed what is to be stored or told about a risk. */
export function isRiskDue(risk: Risk, now: number, graph: TrustGraph): boolean {
  if (graph.get(risk.subjectKind, risk.subjectId) === undefined) return true;
  if (riskLevel(riskScore(risk, now)) !== (risk.announced ?? 'low')) return true;
  return risk.contributions.length === 0 || risk.contributions.some((one) => isForgotten(one, now));
}

/**
 * Lets a risk decay: forgets contributions that have faded, and writes the level that is reached now. The write is what makes every
 * replica decide again what depends on it. The risk of a subject that is gone goes with it.
 */
export async function settleRisk(
  tx: StoreTransaction,
  riskId: string,
  { now, graph }: { now: number; graph: TrustGraph },
): Promise<OcsfEvent[]> {
  const risk = await tx.get('risk', riskId);
  if (risk === undefined) return [];
  const { subjectKind, subjectId } = risk;
  if (graph.get(subjectKind, subjectId) === undefined) {
    await tx.delete('risk', riskId);
    return [];
  }
  const contributions = risk.contributions.filter((one) => !isForgotten(one, now));
  const next: Risk = { id: risk.id, subjectKind, subjectId, contributions };
  const before = risk.announced ?? 'low';
  const score = riskScore(next, now);
  const after = riskLevel(score);
  if (contributions.length === 0) await tx.delete('risk', riskId);
  else await tx.put('risk', withLevel(next, after));
  if (before === after) return [];
  const subject = { kind: subjectKind, id: subjectId, name: subjectName(graph, subjectKind, subjectId) };
  return [riskEvent({ subject, before, after, score, time: now, why: 'it decays while nothing new is found' })];
}

/** Forgets all that is held against a subject, because a person says so. */
export async function forgetRisk(
  tx: StoreTransaction,
  risk: Risk,
  { by, now, graph }: { by: Actor; now: number; graph: TrustGraph },
): Promise<OcsfEvent> {
  await tx.delete('risk', risk.id);
  const { subjectKind: kind, subjectId: id } = risk;
  const subject = { kind, id, name: subjectName(graph, kind, id) };
  const before = risk.announced ?? 'low';
  return riskEvent({ subject, before, after: 'low', score: 0, time: now, why: `cleared by ${by}`, by });
}

function withLevel(risk: Risk, level: RiskLevel): Risk {
  return level === 'low' ? risk : { ...risk, announced: level };
}

function isForgotten(contribution: RiskContribution, now: number): boolean {
  return (
    riskScore({ id: '', subjectKind: 'user', subjectId: '', contributions: [contribution] }, now) < FORGOTTEN_SCORE
  );
}
