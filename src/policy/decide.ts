import { isIP } from 'node:net';
import type { App, Decision, Device, Reason, ReasonCode, Remedy, Session, TrustGraph, User } from '#model';
import { authorize, type CedarResponse } from './authorize.ts';
import { entityStore } from './entity-store.ts';
import { type Denial, explainForbids } from './explain.ts';
import { demandOf, OTHER_DEMANDS } from './guardrails.ts';
import type { ActivePolicies, Ruleset } from './load.ts';
import { accessQuestion, type CedarQuestion, manageQuestion, type Situation } from './mapping.ts';

/** A request to an app, as the gateway saw it. */
export interface AccessRequest {
  readonly session?: Session;
  /** From the client certificate; without one, the session's browser counts. */
  readonly device?: Device;
  readonly app: App;
  readonly method: string;
  /** Canonical path, without query. */
  readonly path: string;
  readonly host: string;
  readonly address: string;
  /** Arrived over TLS or on loopback. */
  readonly secure: boolean;
}

/** What every decision is made from. */
export interface DecisionBasis {
  readonly policies: ActivePolicies | undefined;
  readonly graph: TrustGraph;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** How long ago the replica last knew it was up to date. Absent when the graph is the store's own. */
  readonly replicaAgeMs?: number;
}

/** Input of `decideAccess`. */
export interface AccessInput extends DecisionBasis {
  readonly request: AccessRequest;
}

/** Input of `decideManage`. */
export interface ManageInput extends DecisionBasis {
  readonly session?: Session;
  readonly action: 'view' | 'manage';
  readonly address: string;
}

/** What a decision was made from, for the journal. */
export interface Evidence {
  readonly question: CedarQuestion | undefined;
  /** False when policies had no part in it, so that other policies would not change it. */
  readonly isByPolicy: boolean;
}

/**
 * INVARIANT: a decision is in here only when `settle` made it in this process. A copy, a spread or a parsed decision is not, so a
 * caller that skips the decision, or a message that pretends to be one, proves nothing. It is frozen: nobody turns a forbid round.
 */
const proofs = new WeakMap<Decision, Evidence>();

/** True only for the very object that `decideAccess` or `decideManage` returned in this process. */
export function isProven(decision: Decision): boolean {
  return proofs.has(decision);
}

/** What a proven decision was made from. */
export function evidenceOf(decision: Decision): Evidence | undefined {
  return proofs.get(decision);
}

/** Decides whether a person may open an app now. Never throws; everything unknown is a named deny. */
export function decideAccess(input: AccessInput): Decision {
  return guarded(input, () => {
    const { graph, now, request } = input;
    const situation = situationOf(input, request.session, request.device);
    if ('code' in situation) return refuse(input, situation);
    const app = graph.get('app', request.app.id);
    if (app === undefined) return refuse(input, { code: 'app-changed', detail: 'the app is not published any more' });
    const limit = demandOf(graph.tierOf(app, now)).replicaStaleAtMost;
    return judge(input, { situation, question: accessQuestion(situation, app, arrivalOf(request)), limit });
  });
}

/** Decides whether a person may view or change Cordon now. Never throws; everything unknown is a named deny. */
export function decideManage(input: ManageInput): Decision {
  return guarded(input, () => {
    const situation = situationOf(input, input.session, undefined);
    if ('code' in situation) return refuse(input, situation);
    const question = manageQuestion(situation, input.action, addressOf(input.address));
    return judge(input, { situation, question, limit: OTHER_DEMANDS.manageReplicaStaleAtMost });
  });
}

function guarded(input: DecisionBasis, decide: () => Decision): Decision {
  try {
    return decide();
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : 'unknown failure';
    return refuse(input, { code: 'internal', detail, remedy: 'contact-administrator' });
  }
}

/** Policies are checked for these types; another type would make a comparison in a forbid quietly false. */
function arrivalOf(request: AccessRequest): AccessRequest {
  const { method, path, host, secure } = request;
  if (![method, path, host].every((text) => typeof text === 'string') || typeof secure !== 'boolean')
    throw new Error('the request is not what the gateway promises');
  return { ...request, address: addressOf(request.address) };
}

/** Cedar's `ip` refuses zones and v4-in-v6; one address must not have two forms that policies could tell apart. */
function addressOf(address: string): string {
  const plain = address.replace(/%.*$/u, '').replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/iu, '');
  if (isIP(plain) === 0) throw new Error(`\`${address}\` is not an address`);
  return plain;
}

/** Reads session, person and device anew from the graph: what the caller holds may have been revoked since. */
function situationOf(
  input: DecisionBasis,
  session: Session | undefined,
  device: Device | undefined,
): Situation | Reason {
  const { graph, now } = input;
  if (session === undefined) return { code: 'not-authenticated', remedy: 'sign-in' };
  const current = graph.get('session', session.id);
  if (current === undefined || current.tokenHash !== session.tokenHash)
    return { code: 'session-revoked', remedy: 'sign-in' };
  if (!(current.expiresAt > now)) return { code: 'session-expired', remedy: 'sign-in' };
  const user = graph.get('user', current.userId);
  const refused = userProblem(user);
  if (user === undefined || refused !== undefined)
    return { code: 'user-disabled', detail: refused ?? 'the account does not exist', remedy: 'contact-administrator' };
  const browser = current.deviceId === undefined ? undefined : graph.get('device', current.deviceId);
  const presented = device === undefined ? browser : graph.get('device', device.id);
  const revoked = [browser, presented].find((candidate) => candidate !== undefined && candidate.status !== 'active');
  if (revoked !== undefined)
    return { code: 'device-revoked', detail: `\`${revoked.name}\``, remedy: 'contact-administrator' };
  return { graph, now, session: current, user, device: presented };
}

function userProblem(user: User | undefined): string | undefined {
  if (user === undefined) return 'the account does not exist';
  if (user.status === 'active') return undefined;
  return user.status === 'invited' ? 'the second factor is not enrolled yet' : 'the account is disabled';
}

interface Case {
  readonly situation: Situation;
  readonly question: CedarQuestion;
  /** Seconds the replica may be stale. */
  readonly limit: number;
}

function judge(input: DecisionBasis, { situation, question, limit }: Case): Decision {
  const { policies, graph, replicaAgeMs } = input;
  if (!graph.isWhole) {
    const detail = 'a change is missing from what this process knows';
    return refuse(input, { code: 'replica-stale', detail, remedy: 'contact-administrator' });
  }
  if (replicaAgeMs !== undefined && !(replicaAgeMs <= limit * 1000)) {
    const detail = `${Math.round(replicaAgeMs / 1000)} s without news; at most ${limit} s are allowed`;
    return refuse(input, { code: 'replica-stale', detail, remedy: 'contact-administrator' });
  }
  if (policies === undefined) return noPolicies(input, question);
  const verdict = ask(policies, question);
  const { response } = verdict;
  if (verdict.outcome === 'permit') {
    const reasons = response.reason.map((policyId): Reason => ({ code: 'permit', policyId }));
    return settle(
      input,
      { effect: 'permit', reasons, remedies: [] },
      { question, response, determining: response.reason },
    );
  }
  const determining = response.decision === 'deny' ? response.reason : verdict.erredForbids;
  return settle(
    input,
    { effect: 'forbid', ...denialOf(policies, verdict, { situation, question }) },
    { question, response, determining },
  );
}

function noPolicies(input: DecisionBasis, question: CedarQuestion): Decision {
  const reasons: Reason[] = [{ code: 'no-policies', remedy: 'contact-administrator' }];
  return settle(input, { effect: 'forbid', reasons, remedies: ['contact-administrator'] }, { question });
}

/** What the policies say to a question, by the product's rules. */
export interface Verdict {
  readonly outcome: 'permit' | 'no-permit' | 'forbidden' | 'policy-error' | 'internal';
  readonly response: CedarResponse;
  /** Ids of forbids that could not be evaluated. */
  readonly erredForbids: readonly string[];
  /** False when, guardrails aside, no policy grants this. */
  readonly isGranted: boolean;
}

/** Asks the policies, without a person's situation; replay asks the same way. */
export function ask(policies: ActivePolicies, question: CedarQuestion): Verdict {
  const ruleset: Ruleset = question.action.id === 'access' ? policies.inside.access : policies.inside.manage;
  const entities = entityStore(question.entities);
  if (!entities.ok) {
    const message = entities.error[0]?.message ?? 'unreadable entities';
    const response: CedarResponse = { decision: 'deny', reason: [], errors: [{ policyId: '', message }] };
    return { response, erredForbids: [], isGranted: true, outcome: 'internal' };
  }
  const answer = authorize(ruleset.all, entities.value, question);
  // Cedar reports a set; people and tests want the order of the policies.
  const response = { ...answer, reason: inOrder(policies, answer.reason) };
  const erredForbids = response.errors.flatMap(({ policyId }) =>
    policies.inside.meanings.get(policyId)?.effect === 'permit' || policyId === '' ? [] : [policyId],
  );
  const verdict = { response, erredForbids, isGranted: true };
  if (response.errors.some(({ policyId }) => policyId === '')) return { ...verdict, outcome: 'internal' };
  // Cedar skips a forbid that errs, which would let through what it was written to stop.
  if (erredForbids.length > 0) return { ...verdict, outcome: 'policy-error' };
  if (response.decision === 'allow') return { ...verdict, outcome: 'permit' };
  if (response.reason.length === 0) return { ...verdict, outcome: 'no-permit', isGranted: false };
  const granted = authorize(ruleset.permits, entities.value, question);
  return { ...verdict, outcome: 'forbidden', isGranted: granted.decision === 'allow' };
}

function inOrder(policies: ActivePolicies, ids: string[]): string[] {
  if (ids.length < 2) return ids;
  const found = new Set(ids);
  return [...policies.inside.meanings.keys()].filter((id) => found.has(id));
}

function denialOf(
  policies: ActivePolicies,
  { outcome, response, erredForbids, isGranted }: Verdict,
  facts: { readonly situation: Situation; readonly question: CedarQuestion },
): Denial {
  const forbids = response.decision === 'deny' ? explainForbids(policies, response.reason, facts) : undefined;
  if (outcome === 'internal')
    return only({ code: 'internal', detail: response.errors[0]?.message ?? '', remedy: 'contact-administrator' });
  if (outcome === 'policy-error') {
    const reasons = erredForbids.map(
      (policyId): Reason => ({ code: 'policy-error', policyId, remedy: 'contact-administrator' }),
    );
    return { reasons: [...reasons, ...(forbids?.reasons ?? [])], remedies: ['contact-administrator'] };
  }
  const missing = { code: 'no-permit', remedy: 'request-access' } as const;
  if (forbids === undefined || outcome === 'no-permit') return only(missing);
  // Stepping up or fixing a device would be for nothing while nobody has granted access.
  if (!isGranted) {
    const isOpen = forbids.remedies.length > 0;
    return { reasons: [missing, ...forbids.reasons], remedies: isOpen ? ['request-access'] : [] };
  }
  return forbids;
}

function only(reason: Reason & { readonly remedy: Remedy }): Denial {
  return { reasons: [reason], remedies: [reason.remedy] };
}

/** A deny that no policy had a part in. */
function refuse(input: DecisionBasis, reason: Reason & { readonly code: ReasonCode }): Decision {
  return settle(
    input,
    { effect: 'forbid', reasons: [reason], remedies: reason.remedy === undefined ? [] : [reason.remedy] },
    undefined,
  );
}

function settle(
  input: DecisionBasis,
  outcome: Denial & { readonly effect: 'permit' | 'forbid' },
  basis:
    | { readonly question: CedarQuestion; readonly response?: CedarResponse; readonly determining?: readonly string[] }
    | undefined,
): Decision {
  const decision: Decision = {
    effect: outcome.effect,
    reasons: Object.freeze(outcome.reasons.map((reason) => Object.freeze({ ...reason }))),
    policies: Object.freeze([...(basis?.determining ?? [])]),
    remedies: Object.freeze([...outcome.remedies]),
    ...(outcome.stepUp === undefined ? {} : { stepUp: Object.freeze({ ...outcome.stepUp }) }),
    errors: Object.freeze(basis?.response?.errors ?? []),
    graphSeq: input.graph.seq,
    policyVersion: input.policies?.version ?? 0,
  };
  proofs.set(Object.freeze(decision), { question: basis?.question, isByPolicy: basis !== undefined });
  return decision;
}
