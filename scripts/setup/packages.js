// The Debian packages of the system tests and benchmarks: the only list of them.
import { existsSync } from 'node:fs';

/**
 * @typedef {object} SystemPackage
 * @property {string} name of the Debian package
 * @property {string} program that it brings; the package counts as there when this is, wherever it came from. A library is named by its path
 * @property {string} reason
 */

const FOLDERS = ['/usr/bin', '/usr/sbin', '/bin', '/sbin', '/usr/local/bin', '/usr/local/sbin'];

/** @type {readonly SystemPackage[]} */
export const PACKAGES = [
  { name: 'caddy', program: 'caddy', reason: 'an authority that speaks ACME, and forward-auth as Caddy asks for it' },
  { name: 'chromium', program: 'chromium', reason: 'the story in a real browser, with a virtual authenticator' },
  { name: 'conntrack', program: 'conntrack', reason: 'cutting established connections when a program changes' },
  { name: 'curl', program: 'curl', reason: 'requests from inside network namespaces, with client certificates' },
  { name: 'haproxy', program: 'haproxy', reason: 'forward-auth as HAProxy asks for it, by an action in Lua' },
  { name: 'iproute2', program: 'ip', reason: 'network namespaces and links between hosts of a test' },
  { name: 'jq', program: 'jq', reason: 'the commands of the documentation, run as they are written' },
  { name: 'kubernetes-client', program: 'kubectl', reason: 'a Kubernetes API through the gateway, as people use it' },
  { name: 'nftables', program: 'nft', reason: 'host programs on the real packet filter' },
  { name: 'nginx', program: 'nginx', reason: 'forward-auth as nginx asks for it; baseline of the gateway benchmark' },
  { name: 'openssh-client', program: 'ssh', reason: 'SSH certificates and tunnels, with the client of everybody' },
  { name: 'openssh-server', program: 'sshd', reason: 'a host that trusts the SSH authority' },
  { name: 'openssl', program: 'openssl', reason: 'reading our certificates with software that is not ours' },
  { name: 'postgresql', program: 'psql', reason: 'a database behind a tunnel' },
  {
    name: 'python3-cryptography',
    program: '/usr/lib/python3/dist-packages/cryptography',
    reason: 'the guide to assertions, with signatures of elliptic curves in Python',
  },
  { name: 'python3-jwt', program: '/usr/lib/python3/dist-packages/jwt', reason: 'the guide to assertions, in Python' },
  { name: 'util-linux', program: 'prlimit', reason: 'a full disk, by a limit on file size' },
  { name: 'wrk', program: 'wrk', reason: 'load for the gateway benchmark' },
];

/** @returns {SystemPackage[]} */
export function missingPackages() {
  const isThere = (/** @type {string} */ program) =>
    program.startsWith('/') ? existsSync(program) : FOLDERS.some((folder) => existsSync(`${folder}/${program}`));
  return PACKAGES.filter(({ program }) => !isThere(program));
}
