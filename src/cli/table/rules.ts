import { type CommandRow, type OptionRow, SERVER_OPTIONS } from '../command.ts';

const reason: OptionRow = { name: 'reason', value: 'TEXT', isRequired: true, doc: 'Why; it is recorded.' };

const message: OptionRow = {
  name: 'message',
  short: 'm',
  value: 'TEXT',
  isRequired: true,
  doc: 'Why; stored with the version.',
};
const requestOptions: readonly OptionRow[] = [
  { name: 'method', value: 'METHOD', doc: 'Method of the request.' },
  { name: 'path', value: 'PATH', doc: 'Path of the request.' },
  { name: 'address', value: 'IP', doc: 'Address that the request comes from.' },
];
const searchOptions: readonly OptionRow[] = [
  { name: 'now', doc: 'Only with sessions that exist, as they are.' },
  ...requestOptions,
  { name: 'limit', value: 'N', doc: 'At most this many answers. Default: all.' },
];

/** Policies, and who may connect to whom. */
export const RULES: readonly CommandRow[] = [
  {
    name: 'policy check',
    summary: 'Checks Cedar policies without a server.',
    details: [
      'Names every problem with file, line and column, and exits 2 when there is one.',
      'Warns of what is most likely not meant: duplicate, shadowed, never matching and over-broad policies.',
    ],
    parameters: ['[DIR|FILE…]'],
    options: [
      { name: 'against', doc: 'Ask the running server, which knows the groups, apps and people that policies name.' },
      ...SERVER_OPTIONS,
    ],
    examples: ['cordon policy check', 'cordon policy check policies/access.cedar', 'cordon policy check --against'],
    load: async () => (await import('../commands/policy-check.ts')).check,
  },
  {
    name: 'policy test',
    summary: 'Runs the tests beside policies without a server, and says what they do not cover.',
    details: ['Reads `*.cedartest.yaml`. Exits 1 when an answer is not the expected one.'],
    parameters: ['[DIR|FILE…]'],
    examples: ['cordon policy test', 'cordon policy test policies --json'],
    load: async () => (await import('../commands/policy-test.ts')).test,
  },
  {
    name: 'policy explain',
    summary: 'Says why a person may or may not open an app, clause by clause, and what would change it.',
    details: [
      'Asks about the newest session of the person; of somebody who is not signed in, the best one that could be.',
      'Exits 0 when it is permitted, 1 when it is denied.',
    ],
    parameters: ['USER', 'APP'],
    options: requestOptions,
    asksServer: true,
    examples: [
      'cordon policy explain ada@example.org wiki',
      'cordon policy explain ada@example.org wiki --method POST',
    ],
    load: async () => (await import('../commands/policy-explain.ts')).explain,
  },
  {
    name: 'policy who-can',
    summary: 'Lists everybody who can open an app, or view or manage Cordon.',
    details: [
      'Takes the best session and device for granted, and says on which facts of a request the answer depends.',
      'Exits 1 when it is nobody.',
    ],
    parameters: ['ACTION', '[APP]'],
    options: searchOptions,
    asksServer: true,
    examples: ['cordon policy who-can access wiki', 'cordon policy who-can manage --now'],
    load: async () => (await import('../commands/policy-search.ts')).whoCan,
  },
  {
    name: 'policy what-can',
    summary: 'Lists everything that a person can do.',
    details: ['As `who-can`, for one person. Exits 1 when it is nothing.'],
    parameters: ['USER'],
    options: searchOptions,
    asksServer: true,
    examples: ['cordon policy what-can ada@example.org'],
    load: async () => (await import('../commands/policy-search.ts')).whatCan,
  },
  {
    name: 'policy history',
    summary: 'Lists every version of the policies, with author and message.',
    asksServer: true,
    examples: ['cordon policy history'],
    load: async () => (await import('../commands/policy-history.ts')).history,
  },
  {
    name: 'policy rollback',
    summary: 'Puts an earlier version of the policies in force again, as a new version.',
    details: [
      'Without a version: the newest earlier one that says something else. Its own tests are run first.',
      'A configuration file that names a policy directory puts its own in force again when it is next loaded.',
    ],
    parameters: ['[VERSION]'],
    options: [message],
    asksServer: true,
    examples: ["cordon policy rollback -m 'support was locked out'", "cordon policy rollback 7 -m 'the last good one'"],
    load: async () => (await import('../commands/policy-history.ts')).rollback,
  },
  {
    name: 'policy list',
    summary: 'Lists the policies in force, the built-in guardrails included.',
    asksServer: true,
    examples: ['cordon policy list'],
    load: async () => (await import('../commands/policy.ts')).list,
  },
  {
    name: 'policy replay',
    summary: 'Decides the recorded requests again with edited policies: who would gain and lose what.',
    options: [
      {
        name: 'bundle',
        value: 'DIR|VERSION',
        isRequired: true,
        doc: 'Directory of the edited `*.cedar` files, or the number of an earlier version.',
      },
      { name: 'since', value: 'DURATION', doc: 'How far back, for example `24h`. Default: `7d`.' },
    ],
    asksServer: true,
    examples: ['cordon policy replay --bundle policies --since 30d', 'cordon policy replay --bundle 7'],
    load: async () => (await import('../commands/policy.ts')).replay,
  },
  {
    name: 'policy activate',
    summary: 'Puts a directory of policies in force.',
    details: [
      'Runs their own tests first, and activates nothing when one fails.',
      'A configuration file that names a policy directory puts its own in force again when it is next loaded.',
    ],
    parameters: ['DIR'],
    options: [message],
    asksServer: true,
    examples: ["cordon policy activate policies -m 'wiki for support'"],
    load: async () => (await import('../commands/policy.ts')).activate,
  },
  {
    name: 'segments map',
    summary: 'Lists workloads with their segments, addresses and quarantine.',
    asksServer: true,
    isDefault: true,
    examples: ['cordon segments map'],
    load: async () => (await import('../commands/segments.ts')).map,
  },
  {
    name: 'segments plan',
    summary: 'Lists who may connect to whom, with the policy behind each pair.',
    options: [{ name: 'all', doc: 'Show what a forbid denies, too.' }],
    asksServer: true,
    examples: ['cordon segments plan'],
    load: async () => (await import('../commands/segments.ts')).plan,
  },
  {
    name: 'segments trace',
    summary: 'Answers whether one workload may connect to another.',
    details: ['Exits 0 when it may, 1 when it is denied.'],
    parameters: ['FROM', 'TO', 'PORT[/PROTOCOL]'],
    asksServer: true,
    examples: ['cordon segments trace web-1 billing-db 5432', 'cordon segments trace web-1 resolver 53/udp'],
    load: async () => (await import('../commands/segments.ts')).trace,
  },
  {
    name: 'segments reach',
    summary: 'Shows who reaches whom today, by the security groups of a saved AWS account.',
    details: ['Needs no server. `possible` means that something the files do not show decides.'],
    options: [
      { name: 'aws', value: 'DIR', isRequired: true, doc: 'Directory of the saved answers.' },
      { name: 'internet', doc: 'Only what the internet reaches.' },
      { name: 'limit', value: 'N', doc: 'At most this many pairs. Default: all.' },
    ],
    examples: ['cordon segments reach --aws saved/production --internet'],
    load: async () => (await import('../commands/segments-reach.ts')).reach,
  },
  {
    name: 'segments quarantine',
    summary: 'Cuts a workload off from every other, at once.',
    parameters: ['ID'],
    options: [reason],
    asksServer: true,
    examples: ["cordon segments quarantine web-1 --reason 'scans its neighbours'"],
    load: async () => (await import('../commands/segments.ts')).quarantine,
  },
  {
    name: 'segments release',
    summary: 'Ends the quarantine of a workload.',
    parameters: ['ID'],
    options: [reason],
    asksServer: true,
    examples: ["cordon segments release web-1 --reason 'reinstalled'"],
    load: async () => (await import('../commands/segments.ts')).release,
  },
];
