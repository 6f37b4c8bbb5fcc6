import { setImmediate } from 'node:timers/promises';
import type { CONTROL_ROUTES } from '#contract';
import type { App, TrustGraph, User } from '#model';
import type { ActivePolicies } from '#policy';
import {
  type AccessExplanation,
  ASSUMPTIONS,
  type Doing,
  explainAccess,
  type ExplainedPolicy,
  type Found,
  type SearchBasis,
  thingName,
  whatCan,
  whatCanNow,
  whoCan,
  whoCanNow,
} from '#policy-analysis';
import { ApiFailure, notFound } from '../failure.ts';
import type { Answer, Handlers } from '../register.ts';
import type { ApiServices } from '../services.ts';

type Routes = Handlers<typeof CONTROL_ROUTES>;
type SearchAnswer = Answer<(typeof CONTROL_ROUTES)['whoCan']>;

/** People who are asked about before requests get their turn again. */
const AT_A_TIME = 200;

/** Why somebody may do something, who can, and what somebody can. */
export function policySearchRoutes(services: ApiServices): Pick<Routes, 'explainPolicies' | 'whoCan' | 'whatCan'> {
  return {
    explainPolicies: async ({ body }) => {
      const { graph, clock } = services;
      const [policies, user, app] = [active(services), userOf(graph, body.user), appOf(graph, body.app)];
      const { method = 'GET', path = '/', address } = body;
      const input = { policies, graph, now: clock.now(), user, app, method, path };
      const explanation = explainAccess(address === undefined ? input : { ...input, address });
      return await Promise.resolve(explanationView(explanation, user, app));
    },
    whoCan: async ({ query }) => {
      const doing = doingOf(services.graph, query);
      const basis = basisOf(services, query);
      const search = query.when === 'now' ? whoCanNow : whoCan;
      return await pageOf(search(basis, doing, query.after), query, (found) => found.user.id);
    },
    whatCan: async ({ query }) => {
      const user = userOf(services.graph, query.user);
      const basis = basisOf(services, query);
      const search = query.when === 'now' ? whatCanNow : whatCan;
      return await pageOf(search(basis, user, query.after), query, (found) => thingName(found.doing));
    },
  };
}

function active({ policies }: ApiServices): ActivePolicies {
  const found = policies();
  if (found !== undefined) return found;
  throw new ApiFailure(409, 'no-policies', 'no policies are in force, so everything is denied', {
    hint: 'activate some with `cordon apply`',
  });
}

/** By id or by e-mail address. */
function userOf(graph: TrustGraph, name: string): User {
  const user = graph.get('user', name) ?? [...graph.all('user')].find(({ email }) => email === name);
  if (user === undefined) throw notFound('user', name);
  return user;
}

function appOf(graph: TrustGraph, id: string): App {
  const app = graph.get('app', id);
  if (app === undefined) throw notFound('app', id);
  return app;
}

interface Query {
  readonly method?: string | undefined;
  readonly path?: string | undefined;
  readonly address?: string | undefined;
  readonly at?: number | undefined;
  readonly when: 'could' | 'now';
  readonly limit: number;
}

function basisOf(services: ApiServices, { method, path, address, at }: Query): SearchBasis {
  const known = {
    ...(method === undefined ? {} : { method }),
    ...(path === undefined ? {} : { path }),
    ...(address === undefined ? {} : { address }),
    ...(at === undefined ? {} : { at }),
  };
  return { policies: active(services), graph: services.graph, now: services.clock.now(), known };
}

function doingOf(
  graph: TrustGraph,
  { action, resource }: { readonly action: Doing['action']; readonly resource?: string | undefined },
): Doing {
  if (action !== 'access') return { action };
  if (resource === undefined)
    throw new ApiFailure(400, 'request-invalid', '`access` needs a `resource`: the id of an app');
  return { action, app: appOf(graph, resource) };
}

/** Reads a search up to a page full, and says where the next one begins. */
async function pageOf(
  search: Iterable<Found | undefined>,
  { when, limit }: Query,
  tokenOf: (found: Found) => string,
): Promise<SearchAnswer> {
  const items: SearchAnswer['items'] = [];
  const assumptions = when === 'now' ? [] : [...ASSUMPTIONS];
  let last: Found | undefined;
  let asked = 0;
  for (const found of search) {
    asked += 1;
    if (asked % AT_A_TIME === 0) await setImmediate();
    if (found === undefined) continue;
    // One more than a page shows that there is another page.
    if (items.length === limit) return { assumptions, items, ...(last === undefined ? {} : { next: tokenOf(last) }) };
    items.push(foundView(found));
    last = found;
  }
  return { assumptions, items };
}

function foundView({ user, doing, answer, policies, dependsOn, sessions }: Found): SearchAnswer['items'][number] {
  return {
    userId: user.id,
    email: user.email,
    action: doing.action,
    resource: doing.action === 'access' ? doing.app.id : 'cordon',
    answer: answer === 'yes' ? 'yes' : 'depends',
    policies: [...policies],
    dependsOn: [...dependsOn],
    ...(sessions === undefined ? {} : { sessions }),
  };
}

function explanationView(
  { outcome, decision, session, assumptions, policies, furtherPermits, change }: AccessExplanation,
  user: User,
  app: App,
): Answer<(typeof CONTROL_ROUTES)['explainPolicies']> {
  return {
    effect: outcome === 'permit' ? 'permit' : 'forbid',
    user: user.email,
    app: app.id,
    reasons: (decision?.reasons ?? []).map(({ code, detail }) => ({
      code,
      ...(detail === undefined ? {} : { detail }),
    })),
    ...(session === undefined
      ? {}
      : {
          session: {
            id: session.id,
            acr: session.acr,
            authenticatedAt: session.authenticatedAt,
            address: session.address,
          },
        }),
    assumptions: [...assumptions],
    policies: policies.map(policyView),
    furtherPermits,
    change: (change?.steps ?? []).map(({ words }) => words),
  };
}

function policyView({
  source,
  clauses,
  ...policy
}: ExplainedPolicy): Answer<(typeof CONTROL_ROUTES)['explainPolicies']>['policies'][number] {
  return {
    ...policy,
    file: source.file ?? '',
    line: source.line ?? 0,
    clauses: clauses.map(({ facts, ...clause }) => ({ ...clause, facts: facts.map((fact) => ({ ...fact })) })),
  };
}
