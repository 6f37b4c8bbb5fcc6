import type { CommandRow } from '../command.ts';

/** Reaching apps from this computer. */
export const ACCESS: readonly CommandRow[] = [
  {
    name: 'login',
    summary: 'Says which Cordon the commands of this computer talk to, as you.',
    details: [
      'Kept in `~/.config/cordon`, which only you can read. Without `--url` it checks what is kept.',
      'You sign in later, in a browser, when a command needs a token.',
    ],
    options: [
      { name: 'url', value: 'URL', doc: 'Address of the identity host, for example `https://id.example.org`.' },
      {
        name: 'ca',
        value: 'FILE',
        doc: 'The only authorities that may certify it, as PEM. Default: those of the system.',
      },
      { name: 'device', value: 'DIR', doc: 'State directory of the agent, to show the certificate of this device.' },
      { name: 'certificate', value: 'FILE', doc: 'Copy of that certificate, where you cannot read the directory.' },
      { name: 'key', value: 'FILE', doc: 'Copy of its key, which only you may read.' },
    ],
    examples: [
      'cordon login --url https://id.example.org',
      'cordon login --url https://id.example.org --ca authority.pem',
    ],
    load: async () => (await import('../commands/access.ts')).login,
  },
  {
    name: 'logout',
    summary: 'Removes the tokens and keys that this computer keeps for you.',
    examples: ['cordon logout'],
    load: async () => (await import('../commands/access.ts')).logout,
  },
  {
    name: 'token',
    summary: 'Prints a token for an app, or the fields that authenticate one request.',
    details: [
      'Asks you in a browser when none is kept. A token is bound to a key of this computer unless `--bearer` is given;',
      'with `--for` the fields of one request are printed, as `curl -H @FILE` takes them.',
    ],
    parameters: ['APP'],
    options: [
      { name: 'bearer', doc: 'A token that works for whoever holds it, for an hour.' },
      { name: 'for', value: 'URL', doc: 'Address of the request to print the fields of.' },
      { name: 'method', value: 'METHOD', doc: 'Method of that request. Default: `GET`.' },
      { name: 'fresh', doc: 'Ask again, even when a token is kept.' },
      { name: 'no-browser', doc: 'Print the address for a browser elsewhere, and read the code from standard input.' },
    ],
    examples: ['cordon token wiki --for https://wiki.example.org/api', 'cordon token wiki --bearer'],
    load: async () => (await import('../commands/access.ts')).token,
  },
];
