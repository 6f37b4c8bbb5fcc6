import type { CommandRow } from '../command.ts';

/** What happened, and the proof of it. */
export const RECORDS: readonly CommandRow[] = [
  {
    name: 'events list',
    summary: 'Lists the newest events, or those with a correlation id.',
    details: ['Exits 1 when no event has the correlation id.'],
    options: [
      { name: 'correlation', value: 'ID', doc: 'Only events with the correlation id that a page or an error showed.' },
      { name: 'class', value: 'UID', doc: 'Only events of this OCSF class, for example `3002` (authentication).' },
      { name: 'limit', value: 'N', doc: 'At most this many. Default: 100; at most 1000.' },
    ],
    asksServer: true,
    isDefault: true,
    examples: ['cordon events', 'cordon events --correlation cor_01h8', 'cordon events list --class 3002 --limit 20'],
    load: async () => (await import('../commands/events.ts')).list,
  },
  {
    name: 'events query',
    summary: 'Asks the whole journal with one SELECT over `events`.',
    details: ['`docs/reference/journal.md` lists the columns.'],
    parameters: ['SQL'],
    asksServer: true,
    examples: ["cordon events query 'select status_code, count(*) n from events group by all order by n desc'"],
    load: async () => (await import('../commands/events.ts')).query,
  },
  {
    name: 'events tail',
    summary: 'Shows events as they happen, until told to stop.',
    details: ['With `--json` each event is one line.'],
    options: [{ name: 'class', value: 'UID', doc: 'Only events of this OCSF class.' }],
    asksServer: true,
    examples: ['cordon events tail'],
    load: async () => (await import('../commands/events-tail.ts')).tail,
  },
  {
    name: 'alerts list',
    summary: 'Lists open alerts.',
    options: [{ name: 'all', doc: 'List closed ones too.' }],
    asksServer: true,
    isDefault: true,
    examples: ['cordon alerts', 'cordon alerts list --all'],
    load: async () => (await import('../commands/alerts.ts')).list,
  },
  {
    name: 'alerts close',
    summary: 'Closes an alert.',
    parameters: ['ID'],
    options: [{ name: 'reason', value: 'TEXT', isRequired: true, doc: 'What came of it; it is recorded.' }],
    asksServer: true,
    examples: ["cordon alerts close alr_01h8 --reason 'a forgotten password'"],
    load: async () => (await import('../commands/alerts.ts')).close,
  },
  {
    name: 'audit verify',
    summary: 'Proves that the journal was not changed, or names the first line that was.',
    details: [
      'Exits 1 when the chain is broken. Asks the running server; reads the files itself when none answers or `--journal` is given.',
      'Keep the head it prints elsewhere: it proves later that nothing up to there was rewritten.',
    ],
    options: [{ name: 'journal', value: 'DIR', doc: 'Directory of the journal to read.' }],
    asksServer: true,
    examples: ['cordon audit verify', 'cordon audit verify --journal /mnt/backup/journal'],
    load: async () => (await import('../commands/audit.ts')).verify,
  },
];
