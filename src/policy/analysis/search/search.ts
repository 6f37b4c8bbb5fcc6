import type { App, TrustGraph, User } from '#model';
import { decideAccess, decideManage } from '../../decide.ts';
import { graphQuestion } from '../../graph-question.ts';
import type { ActivePolicies } from '../../load.ts';
import { accessFacts, type Facts, manageFacts } from '../../mapping.ts';
import { ASSUMED_ADDRESS, assumedDevice, assumedSession } from '../assumed.ts';
import { type OpenAnswer, OpenPolicies } from './open-policies.ts';

/** What somebody does to an app or to Cordon. Who connects to whom is a question of segmentation. */
export type Doing = { readonly action: 'access'; readonly app: App } | { readonly action: 'view' | 'manage' };

/** What every search is about. */
export interface SearchBasis {
  readonly policies: ActivePolicies;
  readonly graph: TrustGraph;
  readonly now: number;
  /** What is known of the request; the rest stays open. */
  readonly known: KnownRequest;
}

/** Facts of a request that a search may be told. */
export interface KnownRequest {
  readonly method?: string;
  readonly path?: string;
  readonly address?: string;
  /** Milliseconds since the epoch. */
  readonly at?: number;
}

/** The answer for one person and one thing. */
export interface Found extends OpenAnswer {
  readonly user: User;
  readonly doing: Doing;
  /** Sessions with which it may be done now; only in a search for now. */
  readonly sessions?: number;
}

/**
 * Everybody who could do something with the best session and device (see `ASSUMPTIONS`), in the order of their ids, after `after`. Yields
 * undefined for everybody else, so that whoever reads on can pause. Exact: everybody is asked about.
 */
export function* whoCan(basis: SearchBasis, doing: Doing, after = ''): Generator<Found | undefined> {
  const ask = asker(basis, doing.action);
  for (const user of peopleAfter(basis.graph, after)) yield ask(user, doing);
}

/** Everything that a person could do: every app, and Cordon itself, in the order of `thingName`, after `after`. */
export function* whatCan(basis: SearchBasis, user: User, after = ''): Generator<Found | undefined> {
  const asks = new Map<string, (user: User, doing: Doing) => Found | undefined>();
  for (const doing of thingsAfter(basis.graph, after)) {
    const ask = asks.get(doing.action) ?? asker(basis, doing.action);
    asks.set(doing.action, ask);
    yield ask(user, doing);
  }
}

/** A name for something that can be done, different for each: `access wiki`, `manage`. */
export function thingName(doing: Doing): string {
  return doing.action === 'access' ? `access ${doing.app.id}` : doing.action;
}

/** Everything that can be done, in the order of the names, from after `after` on. */
function thingsAfter(graph: TrustGraph, after: string): Doing[] {
  const apps = Array.from(graph.all('app'), (app): Doing => ({ action: 'access', app }));
  const things: Doing[] = [...apps, { action: 'view' }, { action: 'manage' }];
  return things.filter((doing) => thingName(doing) > after).sort((a, b) => (thingName(a) < thingName(b) ? -1 : 1));
}

/**
 * Everybody who can do something now, with a session that exists, from where that session was made. What is not known of the request is
 * taken to be `GET /`. Decided exactly as for a request.
 */
export function* whoCanNow(basis: SearchBasis, doing: Doing, after = ''): Generator<Found | undefined> {
  const sessions = sessionsByUser(basis);
  for (const user of peopleAfter(basis.graph, after)) yield canNow(basis, user, { doing, sessions });
}

/** The same for everything that one person can do. */
export function* whatCanNow(basis: SearchBasis, user: User, after = ''): Generator<Found | undefined> {
  const sessions = sessionsByUser(basis);
  for (const doing of thingsAfter(basis.graph, after)) yield canNow(basis, user, { doing, sessions });
}

type Sessions = ReadonlyMap<string, readonly Parameters<typeof decideManage>[0]['session'][]>;

function sessionsByUser({ graph, now }: SearchBasis): Sessions {
  const found = new Map<string, NonNullable<Parameters<typeof decideManage>[0]['session']>[]>();
  for (const session of graph.all('session')) {
    if (!(session.expiresAt > now)) continue;
    const known = found.get(session.userId);
    if (known === undefined) found.set(session.userId, [session]);
    else known.push(session);
  }
  return found;
}

function canNow(
  { policies, graph, now, known }: SearchBasis,
  user: User,
  { doing, sessions }: { readonly doing: Doing; readonly sessions: Sessions },
): Found | undefined {
  const { method = 'GET', path = '/', at = now } = known;
  const determining = new Set<string>();
  let count = 0;
  for (const session of sessions.get(user.id) ?? []) {
    if (session === undefined) continue;
    const address = known.address ?? session.address;
    const basis = { policies, graph, now: at };
    const decision =
      doing.action === 'access'
        ? decideAccess({
            ...basis,
            request: { session, app: doing.app, method, path, host: doing.app.host, address, secure: true },
          })
        : decideManage({ ...basis, session, action: doing.action, address });
    if (decision.effect !== 'permit') continue;
    count += 1;
    for (const id of decision.policies) determining.add(id);
  }
  if (count === 0) return undefined;
  return { user, doing, answer: 'yes', policies: [...determining], dependsOn: [], sessions: count };
}

/** Asks about one person after the other; `undefined` for whoever cannot. */
function asker(basis: SearchBasis, action: Doing['action']): (user: User, doing: Doing) => Found | undefined {
  const { policies, known } = basis;
  const all = action === 'access' ? policies.inside.access : policies.inside.manage;
  const asked = new OpenPolicies(all, openFacts(known, action));
  return (user, doing) => {
    if (user.status !== 'active') return undefined;
    const found = asked.ask(graphQuestion(factsOf(basis, user, doing)));
    return found.answer === 'no' ? undefined : { ...found, user, doing };
  };
}

/** What nobody said, and what only a real device has. */
function openFacts(known: KnownRequest, action: Doing['action']): string[] {
  const open = ['device.id'];
  if (known.address === undefined) open.push('ip');
  if (known.at === undefined) open.push('now');
  if (action === 'access' && known.method === undefined) open.push('method');
  if (action === 'access' && known.path === undefined) open.push('path');
  return open;
}

function factsOf({ graph, now, known }: SearchBasis, user: User, doing: Doing): Facts {
  const { method = 'GET', path = '/', address = ASSUMED_ADDRESS, at = now } = known;
  const situation = { graph, now: at, user, session: assumedSession(user, at), device: assumedDevice(user, at) };
  const facts =
    doing.action === 'access'
      ? accessFacts(situation, doing.app, { method, path, host: doing.app.host, address, secure: true })
      : manageFacts(situation, doing.action, address);
  return { ...facts, risk: { user: 0, device: 0 } };
}

/** Ids are sorted as texts: that is a tenth of the time that comparing people takes. */
function* peopleAfter(graph: TrustGraph, after: string): Generator<User> {
  const ids = Array.from(graph.all('user'), ({ id }) => id).filter((id) => id > after);
  for (const id of ids.sort()) {
    const user = graph.get('user', id);
    if (user !== undefined) yield user;
  }
}
