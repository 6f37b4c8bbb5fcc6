import {
  type AnyEntity,
  type App,
  type Asset,
  type Device,
  type Risk,
  type Session,
  TrustGraph,
  type User,
} from '#model';
import type { AccessInput, ManageInput } from '../../decide.ts';
import type { ActivePolicies } from '../../load.ts';
import type { CedarQuestion } from '../../mapping.ts';
import type { PolicyTestFile, TestCircumstances } from './test-file.ts';

const DAY = 86_400_000;
/** A half-life so long that a score is what the test says. */
const NO_DECAY = 36_500 * DAY;

interface Asked {
  readonly file: PolicyTestFile;
  readonly who: string;
  readonly given: TestCircumstances;
  readonly policies: ActivePolicies;
}

/** The decision that a test about an app asks for: a world with this person, session, device and app, and nothing else. */
export function accessInput(asked: Asked, appId: string): AccessInput {
  const { file, given, policies } = asked;
  const { session, entities } = personEntities(asked);
  const app = appOf(file, appId);
  const asset = assetOf(file, appId, given.at);
  entities.push({ kind: 'app', id: app.id, body: app });
  if (asset !== undefined) entities.push({ kind: 'asset', id: asset.id, body: asset });
  const { method, path, address, tls, at } = given;
  const request = { session, app, method, path, host: app.host, address, secure: tls };
  return { policies, graph: graphOf(entities), now: at, request };
}

/** The decision that a test about Cordon itself asks for. */
export function manageInput(asked: Asked, action: 'view' | 'manage'): ManageInput {
  const { session, entities } = personEntities(asked);
  const { at, address } = asked.given;
  return { policies: asked.policies, graph: graphOf(entities), now: at, session, action, address };
}

/** The question that a test about a connection asks. */
export function connectQuestion(
  { workloads }: PolicyTestFile,
  { from, to, protocol, port }: { from: string; to: string; protocol: string; port: number },
): CedarQuestion {
  const entities = [...new Set([from, to])].map((id) => ({
    uid: { type: 'Workload', id },
    attrs: { name: id },
    parents: (workloads[id]?.segments ?? []).map((segment) => ({ type: 'Segment', id: segment })),
    tags: workloads[id]?.labels ?? {},
  }));
  return {
    principal: { type: 'Workload', id: from },
    action: { type: 'Action', id: 'connect' },
    resource: { type: 'Workload', id: to },
    context: { protocol, port },
    entities,
  };
}

function graphOf(entities: readonly AnyEntity[]): TrustGraph {
  const graph = new TrustGraph();
  graph.load({ seq: 1, entities });
  return graph;
}

function personEntities({ file, who, given }: Asked): { session: Session; entities: AnyEntity[] } {
  const person = file.people[who];
  if (person === undefined) throw new Error(`the person \`${who}\` is not declared`);
  const { at } = given;
  const user: User = { id: who, ...person, createdAt: 0 };
  const device = deviceOf(who, given);
  const session: Session = {
    id: 'session',
    userId: who,
    tokenHash: 'token',
    acr: given.session,
    amr: given.methods,
    authenticatedAt: at - given.signedInAgo,
    createdAt: at - given.signedInAgo,
    expiresAt: at + DAY,
    ...(device === undefined ? {} : { deviceId: device.id }),
    address: given.address,
    userAgent: 'test',
  };
  const entities: AnyEntity[] = Object.entries(file.groups).map(([id, parents]) => ({
    kind: 'group',
    id,
    body: { id, name: id, parents },
  }));
  entities.push({ kind: 'user', id: who, body: user }, { kind: 'session', id: session.id, body: session });
  if (device !== undefined) entities.push({ kind: 'device', id: device.id, body: device });
  entities.push(...risk('user', who, given.userRisk, at));
  if (device !== undefined) entities.push(...risk('device', device.id, given.deviceRisk, at));
  return { session, entities };
}

function deviceOf(who: string, { device: kind, failing, checkedAgo, at }: TestCircumstances): Device | undefined {
  if (kind === 'none') return undefined;
  const isManaged = kind === 'managed' || kind === 'healthy' || kind === 'unhealthy';
  const results = failing.map((check) => ({ check, title: check, outcome: 'fail' as const, detail: 'test' }));
  const verdict = kind === 'managed' ? 'unknown' : kind === 'healthy' ? 'healthy' : 'unhealthy';
  return {
    id: 'device',
    name: 'device',
    form: isManaged ? 'agent' : 'browser',
    ownerId: kind === 'foreign' ? `not-${who}` : who,
    managed: isManaged,
    status: 'active',
    enrolledAt: 0,
    ...(isManaged ? { posture: { collectedAt: at - checkedAgo, verdict, results } } : {}),
  };
}

function risk(kind: 'user' | 'device', id: string, score: number, at: number): AnyEntity[] {
  if (score === 0) return [];
  const contribution = { ruleId: 'test', score, at, halfLifeMs: NO_DECAY, reason: 'test', eventId: 'test' };
  const body: Risk = { id: `${kind}:${id}`, subjectKind: kind, subjectId: id, contributions: [contribution] };
  return [{ kind: 'risk', id: body.id, body }];
}

function appOf({ apps }: PolicyTestFile, id: string): App {
  const declared = apps[id];
  if (declared === undefined) throw new Error(`the app \`${id}\` is not declared`);
  const { tier, device, host, asset } = declared;
  const assetId = asset === undefined ? {} : { assetId: `${id}-asset` };
  return { id, name: id, host, tier, device, allowedOrigins: [], ...assetId };
}

function assetOf({ apps }: PolicyTestFile, id: string, at: number): Asset | undefined {
  const asset = apps[id]?.asset;
  if (asset === undefined) return undefined;
  const { kind, account, region, labels, tier } = asset;
  return {
    id: `${id}-asset`,
    kind,
    name: `${id}-asset`,
    provider: 'cordon',
    account,
    region,
    labels,
    attributes: {},
    relations: [],
    source: 'test',
    observedAt: at,
    computedTier: tier,
    impact: 0,
    confidence: 1,
    ledger: [],
  };
}
