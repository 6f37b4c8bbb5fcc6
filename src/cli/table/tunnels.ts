import type { CommandRow, OptionRow } from '../command.ts';

const version: OptionRow = {
  name: 'api-version',
  value: 'VERSION',
  doc: 'Of kubectl’s credential plugins: `v1` (default), or `v1beta1` before kubectl 1.22.',
};

/** Reaching apps that are not made for browsers. */
export const TUNNELS: readonly CommandRow[] = [
  {
    name: 'connect',
    summary: 'Forwards a local port, or standard input and output, to a TCP app.',
    details: [
      'Each connection is decided when it opens and again on every change; a denial cuts it off with the reason.',
      'Writes the address to standard output and runs until told to stop; with `--json`, one event per line. With `--stdio` it',
      'exits 1 when the connection was refused or cut off.',
    ],
    parameters: ['APP'],
    options: [
      {
        name: 'listen',
        value: 'ADDRESS:PORT',
        doc: 'Where to listen, on loopback only. Default: any free port of `127.0.0.1`.',
      },
      { name: 'stdio', doc: 'One connection on standard input and output, for the `ProxyCommand` of ssh.' },
    ],
    examples: ['cordon connect db --listen 127.0.0.1:5432', 'cordon connect bastion --stdio'],
    load: async () => (await import('../commands/connect.ts')).connect,
  },
  {
    name: 'ssh',
    summary: 'Runs ssh to a host behind an app, with a certificate for this session.',
    details: [
      'Makes a key that lives as long as the command and has it certified for a few minutes. `LOGIN@` before the app chooses one',
      'of its login names; without it, it is the first. Arguments for ssh follow behind `--`.',
      'Exits 1 when no certificate is given, else as ssh does.',
    ],
    parameters: ['APP', '[ARGUMENT…]'],
    examples: ['cordon ssh bastion', 'cordon ssh ops@bastion -- -v uptime'],
    load: async () => (await import('../commands/ssh.ts')).ssh,
  },
  {
    name: 'ssh-certificate',
    summary: 'Has a key of yours certified for the hosts behind an app.',
    details: ['Writes `KEY-cert.pub` beside the key, where ssh finds it.'],
    parameters: ['APP'],
    options: [{ name: 'key', value: 'FILE', isRequired: true, doc: 'The key, or its `.pub` file.' }],
    examples: ['cordon ssh-certificate bastion --key ~/.ssh/id_ed25519'],
    load: async () => (await import('../commands/ssh.ts')).certificate,
  },
  {
    name: 'ssh-ca',
    summary: 'Shows the key that hosts for SSH have to trust.',
    details: ['Put it into the file that `TrustedUserCAKeys` of their sshd names.'],
    asksServer: true,
    examples: ['cordon ssh-ca'],
    load: async () => (await import('../commands/ssh-ca.ts')).authority,
  },
  {
    name: 'kubeconfig',
    summary: 'Prints a configuration for kubectl that reaches a Kubernetes app.',
    parameters: ['APP'],
    options: [version],
    examples: ['cordon kubeconfig cluster'],
    load: async () => (await import('../commands/kubernetes.ts')).kubeconfig,
  },
  {
    name: 'kube-credential',
    summary: 'Gives kubectl a token for a Kubernetes app; the configuration of `cordon kubeconfig` calls it.',
    parameters: ['APP'],
    options: [version],
    examples: ['cordon kube-credential cluster'],
    load: async () => (await import('../commands/kubernetes.ts')).credential,
  },
];
