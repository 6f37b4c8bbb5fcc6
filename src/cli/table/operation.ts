import type { CommandRow, OptionRow } from '../command.ts';

const file: OptionRow = {
  name: 'config',
  short: 'c',
  value: 'FILE',
  doc: 'The configuration. Default: `cordon.yaml` in the working directory.',
};

/** Starting, configuring and looking after Cordon. */
export const OPERATION: readonly CommandRow[] = [
  {
    name: 'up',
    summary: 'Starts everything in one process and runs until told to stop.',
    details: [
      'Without a configuration file Cordon starts on embedded defaults. While there is no administrator, it prints a',
      'one-time link for the first one. A changed configuration is loaded while it runs; one that does not load changes nothing.',
    ],
    options: [
      { ...file, doc: 'The configuration. Default: `cordon.yaml`, if there, else the embedded defaults.' },
      { name: 'data', value: 'DIR', doc: 'Start on the embedded defaults with this data directory. Default: `data`.' },
      { name: 'demo', doc: 'Start with a synthetic estate, by default in the data directory `data-demo`.' },
    ],
    examples: ['cordon up', 'cordon up -c cordon.yaml', 'cordon up --demo'],
    load: async () => (await import('../commands/up.ts')).up,
  },
  {
    name: 'ca',
    summary: 'Prints the certificate of Cordon’s own authority.',
    details: [
      'Whoever reaches Cordon over TLS without another certificate has to trust it: `cordon login --ca FILE`, browsers, curl.',
    ],
    asksServer: true,
    examples: ['cordon ca', 'cordon ca --json'],
    load: async () => (await import('../commands/ca.ts')).authority,
  },
  {
    name: 'check',
    summary: 'Checks the configuration and its policies without a server.',
    details: ['Names every problem with file, line and column. Exits 2 when there is one.'],
    options: [file],
    examples: ['cordon check -c cordon.yaml'],
    load: async () => (await import('../commands/configuration.ts')).check,
  },
  {
    name: 'diff',
    summary: 'Shows what applying the configuration would change.',
    details: ['Exits 0 when nothing would change, 1 when something would.'],
    options: [file],
    asksServer: true,
    examples: ['cordon diff -c cordon.yaml'],
    load: async () => (await import('../commands/configuration.ts')).diff,
  },
  {
    name: 'apply',
    summary: 'Applies the configuration and its policies to the running server.',
    details: ['All or nothing: a configuration or policy with a problem changes nothing.'],
    options: [
      file,
      { name: 'message', short: 'm', value: 'TEXT', doc: 'Why; stored with the new version of the policies.' },
    ],
    asksServer: true,
    examples: ["cordon apply -m 'let support open the wiki'"],
    load: async () => (await import('../commands/configuration.ts')).apply,
  },
  {
    name: 'status',
    summary: 'Shows the state of the installation on one screen.',
    asksServer: true,
    examples: ['cordon status'],
    load: async () => (await import('../commands/status.ts')).status,
  },
  {
    name: 'apps',
    summary: 'Lists the published apps with their addresses and tiers.',
    asksServer: true,
    examples: ['cordon apps'],
    load: async () => (await import('../commands/status.ts')).apps,
  },
  {
    name: 'probe',
    summary: 'Asks every app at once as somebody who may not see it, and says who answered.',
    details: [
      'Cordon does the same by itself, as often as `probe.every` says. Exits 1 when something else than Cordon answered.',
    ],
    asksServer: true,
    examples: ['cordon probe'],
    load: async () => (await import('../commands/probe.ts')).probe,
  },
  {
    name: 'doctor',
    summary: 'Looks for what keeps Cordon from working, with the fix for each.',
    details: ['Exits 1 when a check failed; warnings do not count.'],
    asksServer: true,
    examples: ['cordon doctor'],
    load: async () => (await import('../commands/doctor.ts')).doctor,
  },
  {
    name: 'version',
    summary: 'Shows the versions of Cordon and Node.',
    examples: ['cordon version --json'],
    load: async () => (await import('../commands/version.ts')).version,
  },
  {
    name: 'help',
    summary: 'Shows all commands, or the help of one.',
    parameters: ['[COMMAND…]'],
    examples: ['cordon help', 'cordon help devices token'],
    load: async () => (await import('../commands/show-help.ts')).help,
  },
];
