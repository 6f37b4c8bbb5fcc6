import type { CommandRow } from '../command.ts';

/** Finding and ranking what there is to protect. */
export const ASSETS: readonly CommandRow[] = [
  {
    name: 'discover aws',
    summary: 'Imports an AWS account from saved output of the AWS CLI.',
    details: [
      'What cannot be read is listed with file and position, and the rest is imported. Exits 2 when nothing could be imported.',
      '`docs/reference/assets.md` lists the layouts and the calls to save.',
    ],
    options: [
      { name: 'from', value: 'DIR', isRequired: true, doc: 'Directory of the saved answers, one folder per region.' },
    ],
    asksServer: true,
    examples: ['cordon discover aws --from saved/production'],
    load: async () => (await import('../commands/discover.ts')).discoverAws,
  },
  {
    name: 'assets list',
    summary: 'Lists assets with kind, tier and the strongest reason.',
    options: [
      { name: 'tier', value: 'T0..T3', doc: 'Only assets of this tier.' },
      { name: 'kind', value: 'KIND', doc: 'Only assets of this kind, for example `database`.' },
      { name: 'search', value: 'TEXT', doc: 'Only assets with this text in name, id or labels.' },
      { name: 'limit', value: 'N', doc: 'At most this many. Default: all.' },
    ],
    asksServer: true,
    isDefault: true,
    examples: ['cordon assets', 'cordon assets list --tier T0 --json'],
    load: async () => (await import('../commands/assets.ts')).list,
  },
  {
    name: 'assets show',
    summary: 'Shows one asset: attributes, labels, relations, apps.',
    parameters: ['ID'],
    asksServer: true,
    examples: ['cordon assets show billing-db'],
    load: async () => (await import('../commands/assets.ts')).show,
  },
  {
    name: 'assets explain',
    summary: 'Shows the ledger behind the tier of an asset.',
    parameters: ['ID'],
    asksServer: true,
    examples: ['cordon assets explain billing-db'],
    load: async () => (await import('../commands/assets.ts')).explain,
  },
  {
    name: 'assets tier',
    summary: 'Sets the tier of an asset by hand, effective at once.',
    parameters: ['ID', 'T0..T3'],
    options: [
      { name: 'reason', value: 'TEXT', isRequired: true, doc: 'Why; the next review reads it.' },
      { name: 'for', value: 'DURATION', doc: 'End after this time, for example `30d`. Default: until cleared.' },
    ],
    asksServer: true,
    examples: ["cordon assets tier billing-db T0 --reason 'holds card numbers'"],
    load: async () => (await import('../commands/assets.ts')).setTier,
  },
  {
    name: 'assets untier',
    summary: 'Takes a tier set by hand away; the computed one counts again.',
    parameters: ['ID'],
    asksServer: true,
    examples: ['cordon assets untier billing-db'],
    load: async () => (await import('../commands/assets.ts')).clearTier,
  },
];
