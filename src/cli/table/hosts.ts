import type { CommandRow, OptionRow } from '../command.ts';

const state: OptionRow = {
  name: 'state',
  value: 'DIR',
  doc: 'Where the agent keeps its key and what it was told. Default: `/var/lib/cordon-agent`.',
};

/** Devices, and the agent on them. */
export const HOSTS: readonly CommandRow[] = [
  {
    name: 'devices list',
    summary: 'Lists devices with owner, verdict and failing checks.',
    asksServer: true,
    isDefault: true,
    examples: ['cordon devices'],
    load: async () => (await import('../commands/devices.ts')).list,
  },
  {
    name: 'devices token',
    summary: 'Makes a one-time token with which a host enrols.',
    options: [
      { name: 'name', value: 'NAME', doc: 'Name of the host. Default: its host name.' },
      { name: 'owner', value: 'EMAIL', doc: 'Person who uses it.' },
      { name: 'label', value: 'KEY=VALUE', isRepeatable: true, doc: 'Label for segments and policies.' },
    ],
    asksServer: true,
    examples: ['cordon devices token --owner ada@example.org --label env=prod --label role=web'],
    load: async () => (await import('../commands/devices.ts')).token,
  },
  {
    name: 'devices revoke',
    summary: 'Takes the trust in a device away and cuts its connections at once.',
    parameters: ['ID'],
    asksServer: true,
    examples: ['cordon devices revoke web-1'],
    load: async () => (await import('../commands/devices.ts')).revoke,
  },
  {
    name: 'agent enrol',
    summary: 'Enrols this host with a token made by `cordon devices token`.',
    options: [
      { name: 'server', value: 'HOST:PORT', isRequired: true, doc: 'The agents’ address of Cordon.' },
      { name: 'token', value: 'TOKEN', isRequired: true, doc: 'The token; `-` reads it from standard input.' },
      state,
    ],
    examples: ['cordon agent enrol --server agent.example.org:8443 --token - <token.txt'],
    load: async () => (await import('../commands/agent.ts')).enrol,
  },
  {
    name: 'agent run',
    summary: 'Reports the posture of this host until told to stop.',
    details: [
      'With `--enforce`, everything that no policy permits is refused at once, the SSH session you type in included: write where',
      'you come from into `network.management_sources` first.',
    ],
    options: [{ name: 'enforce', doc: 'Apply the firewall program of this host too; needs root.' }, state],
    examples: ['cordon agent run --enforce'],
    load: async () => (await import('../commands/agent.ts')).run,
  },
  {
    name: 'agent posture',
    summary: 'Shows what the agent sees on this host and how it was judged.',
    options: [state],
    examples: ['cordon agent posture'],
    load: async () => (await import('../commands/agent.ts')).posture,
  },
  {
    name: 'agent program',
    summary: 'Shows the firewall program in force on this host.',
    options: [state],
    examples: ['cordon agent program --json'],
    load: async () => (await import('../commands/agent.ts')).program,
  },
];
