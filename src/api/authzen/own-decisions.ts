import { isIP } from 'node:net';
import { canonicalTarget } from '#gateway';
import type { App, Decision, Device, Session, TrustGraph, User } from '#model';
import { type AccessInput, decideAccess, decideManage, decisionRecord, type ManageInput } from '#policy';
import type { ApiServices } from '../services.ts';
import type { DecisionModel } from './decision-model.ts';
import type { Evaluation, JsonObject } from './request.ts';
import { deny, type Verdict, type VerdictReason } from './verdict.ts';

type Services = Pick<ApiServices, 'graph' | 'policies' | 'clock'>;

/** Permits of these tiers, and those to change Cordon, are given only when they are on disk. As in the gateway. */
const MUST_RECORD_UP_TO_TIER = 1;
const ACTIONS = ['access', 'manage', 'view'] as const;
/** The one resource of type `cordon`. */
const CORDON = 'cordon';

/**
 * Answers about Cordon's own apps, by the same function as the gateway. The subject is a person in one session, because the session says
 * how and when they signed in: without `properties.session` nobody is signed in. What the identity assertion holds is what is sent here.
 */
export function ownDecisions(services: Services): DecisionModel {
  const { graph } = services;
  const users = remembered(graph, () => sortedIds(graph, 'user'));
  const apps = remembered(graph, () => sortedIds(graph, 'app'));
  const sessions = remembered(graph, () => sessionIdsByUser(graph));
  return {
    evaluate: (question) => evaluate(services, question),
    idsOf: (sought, type) => {
      if (sought === 'subject') return type === 'user' ? users() : undefined;
      if (type === CORDON) return [CORDON];
      return type === 'app' ? apps() : undefined;
    },
    actions: ACTIONS,
    // Somebody is found who may in one of their sessions; it is named, so that the result is a subject that is permitted.
    formsOf: (sought, found) =>
      sought === 'resource'
        ? [found]
        : (sessions().get(found.id) ?? []).map((session) => ({
            ...found,
            properties: { ...found.properties, session },
          })),
  };
}

/** What follows from the graph, computed again only when the graph has changed. */
function remembered<T>(graph: TrustGraph, compute: () => T): () => T {
  let known: { readonly seq: number; readonly value: T } | undefined;
  return () => {
    if (known?.seq !== graph.seq) known = { seq: graph.seq, value: compute() };
    return known.value;
  };
}

function sortedIds(graph: TrustGraph, kind: 'user' | 'app'): string[] {
  return Array.from<{ id: string }, string>(graph.all(kind), ({ id }) => id).sort();
}

function sessionIdsByUser(graph: TrustGraph): ReadonlyMap<string, string[]> {
  const byUser = new Map<string, string[]>();
  for (const { id, userId } of graph.all('session')) {
    const ids = byUser.get(userId);
    if (ids === undefined) byUser.set(userId, [id]);
    else ids.push(id);
  }
  return byUser;
}

function evaluate(services: Services, { subject, action, resource, context }: Evaluation): Verdict {
  const { graph } = services;
  if (subject.type !== 'user') return deny('type-unknown', 'subjects are of type `user`');
  if (!ACTIONS.some((name) => name === action.name)) {
    return deny('action-unknown', `actions are ${ACTIONS.map((name) => `\`${name}\``).join(', ')}`);
  }
  const user = graph.get('user', subject.id);
  if (user === undefined) return deny('account-unknown');
  const who = whoIs(graph, user, subject.properties ?? {});
  if ('isPermit' in who) return who;
  const arrival = arrivalOf(context ?? {}, who.session);
  if (typeof arrival === 'string') return deny('attributes-invalid', arrival);
  const asked = { services, who, arrival, action: action.name };
  if (resource.type === CORDON) return manage(asked, resource.id);
  return resource.type === 'app' ? access(asked, resource.id) : deny('type-unknown', 'resources are `app` or `cordon`');
}

interface Who {
  readonly user: User;
  readonly session: Session | undefined;
  readonly device: Device | undefined;
}

/** A session of somebody else, or one that is not there, is as good as one that was ended. */
function whoIs(graph: TrustGraph, user: User, properties: JsonObject): Who | Verdict {
  const { session: sessionId, device: deviceId } = properties;
  if (sessionId !== undefined && typeof sessionId !== 'string') return mustBeText('subject.properties.session');
  if (deviceId !== undefined && typeof deviceId !== 'string') return mustBeText('subject.properties.device');
  const session = sessionId === undefined ? undefined : graph.get('session', sessionId);
  if (sessionId !== undefined && session?.userId !== user.id) return deny('session-revoked');
  const device = deviceId === undefined ? undefined : graph.get('device', deviceId);
  if (deviceId !== undefined && device === undefined) return deny('device-unknown');
  return { user, session, device };
}

function mustBeText(path: string): Verdict {
  return deny('attributes-invalid', `\`${path}\` must be a string`);
}

interface Arrival {
  readonly method: string;
  readonly path: string;
  readonly address: string;
  readonly secure: boolean;
}

/** How the request arrived at the one who asks. Not said: a GET of the root, from where the session was begun, not secure. */
function arrivalOf(context: JsonObject, session: Session | undefined): Arrival | string {
  const { method = 'GET', path = '/', ip = session?.address ?? '127.0.0.1', secure = false } = context;
  if (typeof method !== 'string') return '`context.method` must be a string';
  if (typeof path !== 'string' || !path.startsWith('/')) return '`context.path` must be a path that begins with `/`';
  // Another spelling of a path that is forbidden must not be permitted.
  const target = canonicalTarget(path);
  if (!target.ok) return `\`context.path\`: ${target.error}`;
  if (typeof ip !== 'string' || isIP(ip) === 0) return '`context.ip` must be an address';
  if (typeof secure !== 'boolean') return '`context.secure` must be true or false';
  return { method, path: target.value.path, address: ip, secure };
}

interface Asked {
  readonly services: Services;
  readonly who: Who;
  readonly arrival: Arrival;
  readonly action: string;
}

function access({ services, who, arrival, action }: Asked, id: string): Verdict {
  const { graph, clock } = services;
  if (action !== 'access') return deny('action-unknown', `\`${action}\` is about \`cordon\``);
  const app: App | undefined = graph.get('app', id);
  if (app === undefined) return deny('app-unknown');
  const { session, device } = who;
  const now = clock.now();
  const input: AccessInput = {
    ...{ policies: services.policies(), graph, now },
    request: {
      ...arrival,
      ...{ app, host: app.host },
      ...(session === undefined ? {} : { session }),
      ...(device === undefined ? {} : { device }),
    },
  };
  return verdictOf(who.user, input, {
    decision: decideAccess(input),
    isMust: graph.tierOf(app, now) <= MUST_RECORD_UP_TO_TIER,
  });
}

function manage({ services, who, arrival, action }: Asked, id: string): Verdict {
  if (action !== 'view' && action !== 'manage') return deny('action-unknown', `\`${action}\` is about apps`);
  if (id !== CORDON) return deny('app-unknown');
  const { session } = who;
  const input: ManageInput = {
    ...{ policies: services.policies(), graph: services.graph, now: services.clock.now() },
    ...{ action, address: arrival.address },
    ...(session === undefined ? {} : { session }),
  };
  return verdictOf(who.user, input, { decision: decideManage(input), isMust: true });
}

/** Codes and policies, and not what was found: a client learns what is missing, not somebody's devices and risk. */
function verdictOf(
  user: User,
  input: AccessInput | ManageInput,
  { decision, isMust }: { readonly decision: Decision; readonly isMust: boolean },
): Verdict {
  const isPermit = decision.effect === 'permit';
  const reasons = isPermit
    ? []
    : decision.reasons.map(
        ({ code, policyId }): VerdictReason => ({ code, policies: policyId === undefined ? [] : [policyId] }),
      );
  return {
    isPermit,
    reasons,
    stepUp: decision.stepUp,
    record: { user, cordon: decisionRecord(input, decision), isMust },
  };
}
