/** A command that asks the server, with what it shows, sends and exits with. */
export interface CommandCase {
  readonly argv: readonly string[];
  readonly code?: number;
  /** What stands on stdout for a person; each in the text. */
  readonly shows: readonly (string | RegExp)[];
  readonly notes?: readonly (string | RegExp)[];
  /** The route that did it, with what it was sent. */
  readonly asks: string;
  readonly sends?: object;
  /** Fields of the JSON document. */
  readonly fields: readonly string[];
}

/** A policy that lets everybody in. */
export function permit(): string {
  return '@id("staff")\npermit (principal, action == Action::"access", resource == App::"verify") when { principal in Group::"staff" };\n';
}

/** The commands about policies. */
export const POLICY_CASES: readonly CommandCase[] = [
  {
    argv: ['policy', 'list'],
    shows: [/permit +access +access\.cedar#staff +Staff may/],
    notes: ['version 3, activated 2026-03-04 05:06:07Z by local:0: first'],
    asks: 'policies',
    fields: ['policies', 'version'],
  },
  {
    argv: ['policy', 'activate', 'rules', '-m', 'wiki for support'],
    shows: ['version 4 of the policies is in force'],
    asks: 'activatePolicies',
    sends: { body: { texts: { 'access.cedar': permit() }, message: 'wiki for support' } },
    fields: ['version', 'warnings'],
  },
  {
    argv: ['policy', 'check', 'rules', '--against'],
    shows: [/^ok: 1 policy in 1 file\n$/],
    notes: ['warning: rules/access.cedar:1:22: there is no `Group::"stuff"` (policy-entity-unknown)'],
    asks: 'checkPolicies',
    sends: { body: { texts: { 'rules/access.cedar': permit() } } },
    fields: ['files', 'ok', 'policies', 'warnings'],
  },
  {
    argv: ['policy', 'history'],
    shows: [/3 +2026-03-04 05:06:07Z +local:0 +first +in force/, /2 +2026-03-04 05:05:07Z +user:u1 +before\n/],
    asks: 'policyHistory',
    fields: ['items', 'total'],
  },
  {
    argv: ['policy', 'rollback', '2', '-m', 'the last good one'],
    shows: ['the policies of version 2 are in force again, as version 4'],
    asks: 'rollbackPolicies',
    sends: { body: { version: 2, message: 'the last good one' } },
    fields: ['from', 'version'],
  },
  {
    argv: ['policy', 'explain', 'ada@example.org', 'billing', '--method', 'POST'],
    code: 1,
    shows: [
      'forbid ada@example.org on billing (no-permit)',
      'by the session of 5 min ago from 192.0.2.1, urn:cordon:aal2',
      'nearest permit: permit access.cedar#staff (access.cedar:3): Staff may',
      /held {3}principal in Group::"staff"\n +principal is User::"u1" in Group::"staff"/,
      /failed when \{ context\.session\.phishingResistant \}\n +context\.session\.phishingResistant is false/,
      '2 more permits',
      'would be permitted: sign in with a passkey',
    ],
    asks: 'explainPolicies',
    sends: { body: { user: 'ada@example.org', app: 'billing', method: 'POST' } },
    fields: ['change', 'effect', 'policies'],
  },
  {
    argv: ['policy', 'who-can', 'access', 'billing', '--path', '/a'],
    shows: [/ada@example\.org +depends +access\.cedar#staff +context\.ip/],
    notes: ['assumed: over TLS'],
    asks: 'whoCan',
    sends: { query: { action: 'access', resource: 'billing', path: '/a', when: 'could', limit: 10_000 } },
    fields: ['assumptions', 'items'],
  },
  {
    argv: ['policy', 'what-can', 'u1', '--now'],
    shows: [/manage +cordon +yes, with 2 sessions +builtin\.admins/],
    asks: 'whatCan',
    sends: { query: { user: 'u1', when: 'now', limit: 10_000 } },
    fields: ['assumptions', 'items'],
  },
  {
    argv: ['policy', 'replay', '--bundle', '2'],
    shows: ['20 recorded requests decided again'],
    notes: ['4 requests could not be decided again'],
    asks: 'replayPolicies',
    sends: { body: { version: 2, sinceHours: 168 } },
    fields: ['gains', 'losses', 'replayed'],
  },
  {
    argv: ['policy', 'replay', '--bundle', 'rules', '--since', '1d12h'],
    shows: [
      '20 recorded requests decided again, 17 with the same answer',
      /would gain access\n.*\nalan@example\.org +billing +1 +no permit +access\.cedar#all/,
      /would lose access\n.*\nada@example\.org +billing +2 +access\.cedar#staff +no permit/,
    ],
    notes: ['4 requests could not be decided again: recorded by another version'],
    asks: 'replayPolicies',
    sends: { body: { texts: { 'access.cedar': permit() }, sinceHours: 36 } },
    fields: ['gains', 'losses', 'replayed'],
  },
];
