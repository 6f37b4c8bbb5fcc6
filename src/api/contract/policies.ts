import { z } from 'zod';
import { list, reason, texts } from './fields.ts';
import { bundleView, checkView, explanationView, policiesView, replayView, searchView } from './views.ts';

const version = z.number().int().min(1);
/** What is known of a request; a search takes the rest for open. */
const knownRequest = {
  method: z.string().min(1).max(50).optional(),
  path: z.string().startsWith('/').max(8192).optional(),
  address: z.union([z.ipv4(), z.ipv6()]).optional(),
};
const search = {
  ...knownRequest,
  at: z.coerce.number().int().min(0).optional(),
  /** `could`: with the best session and device; `now`: with a session that exists. */
  when: z.enum(['could', 'now']).default('could'),
  after: z.string().max(2048).optional(),
  limit: z.coerce.number().int().min(1).max(10_000).default(1000),
};

/** The part of the control API that is about policies. */
export const POLICY_ROUTES = {
  policies: {
    method: 'GET',
    path: '/api/policies',
    access: 'view',
    what: 'The policy bundle in force and the built-in policies.',
    response: policiesView,
  },
  checkPolicies: {
    method: 'POST',
    path: '/api/policies/check',
    access: 'view',
    what: 'Validates policies, runs their own tests, and says what is most likely not meant.',
    body: z.object({ texts }),
    response: checkView,
  },
  policyHistory: {
    method: 'GET',
    path: '/api/policies/history',
    access: 'view',
    what: 'Every version of the policies, the newest first.',
    response: list(bundleView),
  },
  explainPolicies: {
    method: 'POST',
    path: '/api/policies/explain',
    access: 'view',
    what: 'Why a person may or may not open an app, clause by clause, and the smallest change that would allow it.',
    body: z.object({
      /** Id or e-mail address. */
      user: z.string().min(1).max(2048),
      app: z.string().min(1).max(2048),
      ...knownRequest,
    }),
    response: explanationView,
  },
  whoCan: {
    method: 'GET',
    path: '/api/policies/who-can',
    access: 'view',
    what: 'Everybody who can do something: open an app, view or manage Cordon.',
    query: z.object({
      action: z.enum(['access', 'view', 'manage']),
      resource: z.string().max(2048).optional(),
      ...search,
    }),
    response: searchView,
  },
  whatCan: {
    method: 'GET',
    path: '/api/policies/what-can',
    access: 'view',
    what: 'Everything that one person can do.',
    query: z.object({ user: z.string().min(1).max(2048), ...search }),
    response: searchView,
  },
  replayPolicies: {
    method: 'POST',
    path: '/api/policies/replay',
    access: 'view',
    what: 'Decides journalled requests again by edited policies, or by an earlier version; the newest 20,000 at most.',
    body: z.object({
      texts: texts.optional(),
      version: version.optional(),
      sinceHours: z
        .number()
        .positive()
        .max(24 * 365)
        .default(24 * 7),
    }),
    response: replayView,
  },
  activatePolicies: {
    method: 'POST',
    path: '/api/policies',
    access: 'manage',
    what: 'Activates policies as a new bundle, when they pass their own tests.',
    body: z.object({ texts, message: reason }),
    response: z.object({ version: z.number() }),
  },
  rollbackPolicies: {
    method: 'POST',
    path: '/api/policies/rollback',
    access: 'manage',
    what: 'Activates an earlier version again, as a new one. Without a version: what was in force before.',
    body: z.object({ version: version.optional(), message: reason }),
    response: z.object({ version: z.number(), from: z.number() }),
  },
} as const;
