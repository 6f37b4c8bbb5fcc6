import type { CONTROL_ROUTES } from '#contract';
import type { Link } from '#identity';
import { riskLevel, riskScore, type User } from '#model';
import { must } from '../failure.ts';
import type { Answer, Handlers } from '../register.ts';
import type { ApiServices } from '../services.ts';

type Routes = Handlers<typeof CONTROL_ROUTES>;
type UserView = Answer<(typeof CONTROL_ROUTES)['users']>['items'][number];

/** Administration of people and what is held against them. Identity and monitor record every change. */
export function peopleRoutes(
  services: ApiServices,
): Pick<
  Routes,
  | 'users'
  | 'invite'
  | 'disableUser'
  | 'enableUser'
  | 'setUserGroups'
  | 'resetUser'
  | 'removeUser'
  | 'clearRisk'
  | 'groups'
> {
  const { accounts, invitations } = services.identity;
  return {
    users: async () => {
      const sessions = sessionCounts(services);
      const items: UserView[] = [];
      for (const user of services.graph.all('user')) items.push(await userView(services, user, sessions));
      return { items, total: items.length };
    },
    invite: async ({ body, caller }) =>
      invitationView(services, must(await invitations.invite({ ...body, by: caller.actor }))),
    disableUser: async ({ params, caller }) => {
      must(await accounts.disable({ userId: params.id, by: caller.actor }));
      return { ok: true };
    },
    enableUser: async ({ params, caller }) => {
      must(await accounts.enable({ userId: params.id, by: caller.actor }));
      return { ok: true };
    },
    setUserGroups: async ({ params, body, caller }) => {
      must(await accounts.setGroups({ userId: params.id, groups: body.groups, by: caller.actor }));
      return { ok: true };
    },
    resetUser: async ({ params, caller }) =>
      invitationView(services, must(await accounts.resetFactors({ userId: params.id, by: caller.actor }))),
    removeUser: async ({ params, caller }) => {
      must(await accounts.remove({ userId: params.id, by: caller.actor }));
      return { ok: true };
    },
    clearRisk: async ({ params, caller }) => {
      must(await services.monitor.clearRisk({ subjectId: params.id, by: caller.actor }));
      return { ok: true };
    },
    groups: async () => await Promise.resolve(groupList(services)),
  };
}

function groupList({ graph }: ApiServices): Answer<(typeof CONTROL_ROUTES)['groups']> {
  const members = new Map<string, number>();
  for (const user of graph.all('user')) {
    for (const id of graph.groupsOf(user.id)) members.set(id, (members.get(id) ?? 0) + 1);
  }
  const items = [...graph.all('group')].map(({ id, name, parents }) => ({
    id,
    name,
    parents: [...parents],
    members: members.get(id) ?? 0,
  }));
  return { items, total: items.length };
}

function sessionCounts({ graph, clock }: ApiServices): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { userId, expiresAt } of graph.all('session')) {
    if (expiresAt > clock.now()) counts.set(userId, (counts.get(userId) ?? 0) + 1);
  }
  return counts;
}

async function userView(
  { graph, identity, clock }: ApiServices,
  user: User,
  sessions: ReadonlyMap<string, number>,
): Promise<UserView> {
  const { id, email, name, status, groups, createdAt } = user;
  const factors = await identity.factors.summary(id);
  const risk = graph.get('risk', `user:${id}`);
  const score = riskScore(risk, clock.now());
  return {
    id,
    email,
    name,
    status,
    groups: [...groups],
    factors: {
      password: factors.password,
      totp: factors.totp,
      passkeys: factors.passkeys.length,
      recoveryCodesLeft: factors.recoveryCodesLeft,
    },
    risk: { score, level: riskLevel(score), reasons: (risk?.contributions ?? []).map(({ reason }) => reason) },
    sessions: sessions.get(id) ?? 0,
    createdAt,
  };
}

/** The token stands in the fragment, so that it reaches no server log and no `Referer`. */
function invitationView(
  { originOf, hosts }: ApiServices,
  { userId, token, expiresAt }: Link,
): { userId: string; url: string; expiresAt: number } {
  return { userId, url: `${originOf(hosts.identity)}/enrol#${token}`, expiresAt };
}
