import { isIP } from 'node:net';
import type { App, Decision, Device, Reason, ReasonCode, Remedy, Session, TrustGraph, User } from '#model';
import { readQuestion } from './authorize.ts';
import { entityStore } from './entity-store.ts';
import type { RunnablePolicy } from './evaluate/policy.ts';
import type { Findings, PolicySet } from './evaluate/policy-set.ts';
import { type Denial, explainForbids, type ExplainedFacts } from './explain.ts';
import { graphQuestion } from './graph-question.ts';
import { demandOf, OTHER_DEMANDS, type StepUp } from './guardrails.ts';
import type { ActivePolicies } from './load.ts';
import {
  accessFacts,
  type Arrival,
  type CedarQuestion,
  type Facts,
  manageFacts,
  questionJson,
  type Situation,
} from './mapping.ts';

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

/** What a proven decision was made from. */
export interface Evidence {
  /** The very object that was asked with. */
  readonly input: AccessInput | ManageInput;
  /** What the policies were asked about. Absent when they had no part in it, so that other policies would not change it. */
  readonly facts: Facts | undefined;
  /** Writes down the question that the policies were asked. */
  readonly question: () => CedarQuestion | undefined;
}

/**
 * A decision of this process. INVARIANT: only `settle` makes one. The evidence is in private fields, which a copy, a spread, a proxy or a
 * parsed decision does not have, so a caller that skips the decision, or a message that pretends to be one, proves nothing. It is frozen:
 * nobody turns a forbid round.
 */
class ProvenDecision implements Decision {
  readonly effect: Decision['effect'];
  readonly reasons: Decision['reasons'];
  readonly policies: Decision['policies'];
  readonly remedies: Decision['remedies'];
  declare readonly stepUp?: StepUp;
  readonly errors: Decision['errors'];
  readonly graphSeq: number;
  readonly policyVersion: number;
  readonly #input: AccessInput | ManageInput;
  readonly #facts: Facts | undefined;

  constructor(outcome: Outcome, input: AccessInput | ManageInput, facts: Facts | undefined) {
    this.effect = outcome.effect;
    this.reasons = outcome.reasons;
    this.policies = outcome.policies;
    this.remedies = outcome.remedies;
    if (outcome.stepUp !== undefined) this.stepUp = outcome.stepUp;
    this.errors = outcome.errors;
    this.graphSeq = input.graph.seq;
    this.policyVersion = input.policies?.version ?? 0;
    this.#input = input;
    this.#facts = facts;
    Object.freeze(this);
  }

  static inputOf(decision: unknown): AccessInput | ManageInput | undefined {
    return typeof decision === 'object' && decision !== null && #input in decision ? decision.#input : undefined;
  }

  static factsOf(decision: unknown): Facts | undefined {
    return typeof decision === 'object' && decision !== null && #facts in decision ? decision.#facts : undefined;
  }
}

/** Shared by all permits that have nothing to say about these. */
const PLAIN = { remedies: Object.freeze<Remedy[]>([]), errors: Object.freeze<Decision['errors'][number][]>([]) };

/** What is known of a decision when it is made. Frozen, and so are its parts, before a decision gets it. */
interface Outcome extends Denial {
  readonly effect: 'permit' | 'forbid';
  readonly policies: readonly string[];
  readonly errors: Decision['errors'];
}

/** The very object that a decision was asked with; undefined when `decideAccess` and `decideManage` of this process did not make it. */
export function inputOf(decision: Decision): AccessInput | ManageInput | undefined {
  return ProvenDecision.inputOf(decision);
}

/** What a proven decision was made from. */
export function evidenceOf(decision: Decision): Evidence | undefined {
  const input = inputOf(decision);
  if (input === undefined) return undefined;
  const facts = ProvenDecision.factsOf(decision);
  return { input, facts, question: () => (facts === undefined ? undefined : questionJson(facts)) };
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
    return judge(input, { situation, facts: accessFacts(situation, app, arrivalOf(request)), limit });
  });
}

/** Decides whether a person may view or change Cordon now. Never throws; everything unknown is a named deny. */
export function decideManage(input: ManageInput): Decision {
  return guarded(input, () => {
    const situation = situationOf(input, input.session, undefined);
    if ('code' in situation) return refuse(input, situation);
    const facts = manageFacts(situation, input.action, addressOf(input.address));
    return judge(input, { situation, facts, limit: OTHER_DEMANDS.manageReplicaStaleAtMost });
  });
}

function guarded(input: AccessInput | ManageInput, decide: () => Decision): Decision {
  try {
    return decide();
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : 'unknown failure';
    return refuse(input, { code: 'internal', detail, remedy: 'contact-administrator' });
  }
}

/** Policies are checked for these types; another type would make a comparison in a forbid quietly false. */
function arrivalOf(request: AccessRequest): Arrival {
  const { method, path, host, secure } = request;
  const isText = typeof method === 'string' && typeof path === 'string' && typeof host === 'string';
  if (!isText || typeof secure !== 'boolean') throw new Error('the request is not what the gateway promises');
  return { method, path, host, secure, address: addressOf(request.address) };
}

/** Addresses as they were last read; a gateway hears from the same ones again and again. */
const addresses = new Map<string, string>();
const MOST_ADDRESSES = 10_000;

/** Cedar's `ip` refuses zones and v4-in-v6; one address must not have two forms that policies could tell apart. */
function addressOf(address: string): string {
  const known = addresses.get(address);
  if (known !== undefined) return known;
  const plain = address.replace(/%.*$/u, '').replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/iu, '');
  if (isIP(plain) === 0) throw new Error(`\`${address}\` is not an address`);
  if (addresses.size >= MOST_ADDRESSES) addresses.clear();
  addresses.set(address, plain);
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
  const revoked = isRevoked(browser) ? browser : isRevoked(presented) ? presented : undefined;
  if (revoked !== undefined)
    return { code: 'device-revoked', detail: `\`${revoked.name}\``, remedy: 'contact-administrator' };
  return { graph, now, session: current, user, device: presented };
}

function isRevoked(device: Device | undefined): boolean {
  return device !== undefined && device.status !== 'active';
}

function userProblem(user: User | undefined): string | undefined {
  if (user === undefined) return 'the account does not exist';
  if (user.status === 'active') return undefined;
  return user.status === 'invited' ? 'the second factor is not enrolled yet' : 'the account is disabled';
}

interface Case {
  readonly situation: Situation;
  readonly facts: Facts;
  /** Seconds the replica may be stale. */
  readonly limit: number;
}

function judge(input: AccessInput | ManageInput, { situation, facts, limit }: Case): Decision {
  const { policies, graph, replicaAgeMs } = input;
  if (!graph.isWhole) {
    const detail = 'a change is missing from what this process knows';
    return refuse(input, { code: 'replica-stale', detail, remedy: 'contact-administrator' });
  }
  if (replicaAgeMs !== undefined && !(replicaAgeMs <= limit * 1000)) {
    const detail = `${Math.round(replicaAgeMs / 1000)} s without news; at most ${limit} s are allowed`;
    return refuse(input, { code: 'replica-stale', detail, remedy: 'contact-administrator' });
  }
  if (policies === undefined) return noPolicies(input, facts);
  const findings = rulesetOf(policies, facts.action).ask(graphQuestion(facts));
  if (findings.errors.length === 0 && findings.forbids.length === 0 && findings.permits.length > 0)
    return new ProvenDecision(permitBy(findings.permits), input, facts);
  const verdict = verdictOf(findings);
  const { determining, errors } = verdict;
  if (verdict.outcome === 'permit') return settle(input, { ...permitOf(determining), errors }, facts);
  const denial = denialOf(policies, verdict, { situation, risk: facts.risk });
  return settle(input, { ...denial, effect: 'forbid', policies: determining, errors }, facts);
}

/** What a permit by one policy alone says; most are, and all by the same policy are equal. */
const permits = new WeakMap<RunnablePolicy, Outcome>();

function permitBy(policies: readonly RunnablePolicy[]): Outcome {
  const [first] = policies;
  if (first === undefined || policies.length > 1) return permitOf(policies.map(({ id }) => id));
  const known = permits.get(first);
  if (known !== undefined) return known;
  const made = permitOf([first.id]);
  permits.set(first, made);
  return made;
}

function permitOf(determining: readonly string[]): Outcome {
  const reasons = determining.map((policyId): Reason => Object.freeze({ code: 'permit', policyId }));
  return { effect: 'permit', reasons: Object.freeze(reasons), policies: Object.freeze([...determining]), ...PLAIN };
}

function noPolicies(input: AccessInput | ManageInput, facts: Facts): Decision {
  const reasons: Reason[] = [{ code: 'no-policies', remedy: 'contact-administrator' }];
  const remedies: Remedy[] = ['contact-administrator'];
  return settle(input, { effect: 'forbid', reasons, remedies, policies: [], errors: [] }, facts);
}

/** What the policies say to a question, by the product's rules. */
export interface Verdict {
  readonly outcome: 'permit' | 'no-permit' | 'forbidden' | 'policy-error' | 'internal';
  /** Ids of the policies that decided it. */
  readonly determining: readonly string[];
  /** Ids of the forbids that hold, and of those that could not be evaluated. */
  readonly forbids: readonly string[];
  readonly erredForbids: readonly string[];
  readonly errors: Decision['errors'];
  /** False when, guardrails aside, no policy grants this. */
  readonly isGranted: boolean;
}

/** Asks the policies a question that was written down. */
export function ask(policies: ActivePolicies, question: CedarQuestion): Verdict {
  const entities = entityStore(question.entities);
  const read = entities.ok ? readQuestion(entities.value, undefined, question) : entities.error[0]?.message;
  if (typeof read === 'object') return verdictOf(rulesetOf(policies, question.action.id).ask(read));
  const errors = [{ policyId: '', message: read ?? 'unreadable entities' }];
  return { outcome: 'internal', determining: [], forbids: [], erredForbids: [], errors, isGranted: false };
}

function rulesetOf({ inside }: ActivePolicies, action: string): PolicySet {
  return (action === 'access' ? inside.access : inside.manage).set;
}

function verdictOf(findings: Findings): Verdict {
  const permits = findings.permits.map(({ id }) => id);
  const forbids = findings.forbids.map(({ id }) => id);
  const erredForbids = findings.errors.flatMap(({ policy }) => (policy.effect === 'permit' ? [] : [policy.id]));
  const errors = findings.errors.map(({ policy, failure }) => ({ policyId: policy.id, message: failure.message }));
  const rest = { forbids, erredForbids, errors, isGranted: permits.length > 0 };
  // Cedar skips a forbid that errs, which would let through what it was written to stop.
  if (erredForbids.length > 0)
    return { ...rest, outcome: 'policy-error', determining: forbids.length > 0 ? forbids : erredForbids };
  if (forbids.length > 0) return { ...rest, outcome: 'forbidden', determining: forbids };
  return { ...rest, outcome: permits.length > 0 ? 'permit' : 'no-permit', determining: permits };
}

function denialOf(
  policies: ActivePolicies,
  { outcome, forbids, erredForbids, isGranted }: Verdict,
  facts: ExplainedFacts,
): Denial {
  const denial = forbids.length > 0 ? explainForbids(policies, forbids, facts) : undefined;
  if (outcome === 'policy-error') {
    const reasons = erredForbids.map(
      (policyId): Reason => ({ code: 'policy-error', policyId, remedy: 'contact-administrator' }),
    );
    return { reasons: [...reasons, ...(denial?.reasons ?? [])], remedies: ['contact-administrator'] };
  }
  const missing = { code: 'no-permit', remedy: 'request-access' } as const;
  if (denial === undefined) return only(missing);
  // Stepping up or fixing a device would be for nothing while nobody has granted access.
  if (!isGranted) {
    const isOpen = denial.remedies.length > 0;
    return { reasons: [missing, ...denial.reasons], remedies: isOpen ? ['request-access'] : [] };
  }
  return denial;
}

function only(reason: Reason & { readonly remedy: Remedy }): Denial {
  return { reasons: [reason], remedies: [reason.remedy] };
}

/** A deny that no policy had a part in. */
function refuse(input: AccessInput | ManageInput, reason: Reason & { readonly code: ReasonCode }): Decision {
  const remedies = reason.remedy === undefined ? [] : [reason.remedy];
  return settle(input, { effect: 'forbid', reasons: [reason], remedies, policies: [], errors: [] }, undefined);
}

function settle(input: AccessInput | ManageInput, outcome: Outcome, facts: Facts | undefined): Decision {
  const { effect, reasons, policies, remedies, errors, stepUp } = outcome;
  const frozen: Outcome = {
    effect,
    reasons: Object.freeze(reasons.map((reason) => Object.freeze({ ...reason }))),
    policies: Object.freeze([...policies]),
    remedies: Object.freeze([...remedies]),
    errors: Object.freeze([...errors]),
    ...(stepUp === undefined ? {} : { stepUp: Object.freeze({ ...stepUp }) }),
  };
  return new ProvenDecision(frozen, input, facts);
}
