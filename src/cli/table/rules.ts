import type { CommandRow, OptionRow } from '../command.ts';

const reason: OptionRow = { name: 'reason', value: 'TEXT', isRequired: true, doc: 'Why; it is recorded.' };

/** Policies, and who may connect to whom. */
export const RULES: readonly CommandRow[] = [
  {
    name: 'policy check',
    summary: 'Checks Cedar policies without a server.',
    details: ['Names every problem with file, line and column. Exits 2 when there is one.'],
    parameters: ['[DIR|FILE…]'],
    examples: ['cordon policy check', 'cordon policy check policies/access.cedar'],
    load: async () => (await import('../commands/policy-check.ts')).check,
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
      { name: 'policies', value: 'DIR', isRequired: true, doc: 'Directory of the edited `*.cedar` files.' },
      { name: 'since', value: 'DURATION', doc: 'How far back, for example `24h`. Default: `7d`.' },
    ],
    asksServer: true,
    examples: ['cordon policy replay --policies policies --since 30d'],
    load: async () => (await import('../commands/policy.ts')).replay,
  },
  {
    name: 'policy activate',
    summary: 'Puts a directory of policies in force.',
    details: ['A configuration file that names a policy directory puts its own in force again when it is next loaded.'],
    parameters: ['DIR'],
    options: [{ name: 'message', short: 'm', value: 'TEXT', isRequired: true, doc: 'Why; stored with the version.' }],
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
