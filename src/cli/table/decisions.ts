import type { CommandRow } from '../command.ts';

/** Applications that ask Cordon for decisions. */
export const DECISIONS: readonly CommandRow[] = [
  {
    name: 'authzen list',
    summary: 'Lists the applications that may ask for decisions over AuthZEN, and where.',
    asksServer: true,
    isDefault: true,
    examples: ['cordon authzen'],
    load: async () => (await import('../commands/authzen.ts')).list,
  },
  {
    name: 'authzen add',
    summary: 'Lets an application ask for decisions, and makes its key.',
    details: ['The key is shown this once; Cordon keeps only a hash of it.'],
    parameters: ['NAME'],
    options: [
      {
        name: 'model',
        value: 'ID',
        isRepeatable: true,
        isRequired: true,
        doc: 'Model it may ask about: one of `authzen.models`, or `cordon` for Cordon’s own apps.',
      },
      {
        name: 'device',
        value: 'ID',
        doc: 'Enrolled device whose certificate has to come with the key. Default: the key is enough.',
      },
    ],
    asksServer: true,
    examples: [
      'cordon authzen add todo-backend --model todo',
      'cordon authzen add wiki-proxy --model cordon --device web-1',
    ],
    load: async () => (await import('../commands/authzen.ts')).add,
  },
  {
    name: 'authzen remove',
    summary: 'Takes the key of an application away, effective at once.',
    parameters: ['ID'],
    asksServer: true,
    examples: ['cordon authzen remove todo-backend'],
    load: async () => (await import('../commands/authzen.ts')).remove,
  },
];
