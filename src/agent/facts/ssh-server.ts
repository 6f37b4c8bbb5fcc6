import type { Observed, SshServer } from '#wire';
import { outputOf } from '../command.ts';
import type { Host } from '../host.ts';
import { type FactSource, stampOf, unknown } from './source.ts';

const CONFIG = 'etc/ssh/sshd_config';
const FOLDER = 'etc/ssh/sshd_config.d';

/** The settings the SSH server has for everybody, as `sshd -T` prints them; `Match` blocks are not seen. */
export const sshServer: FactSource<SshServer> = {
  observe: observeServer,
  maxAgeMs: 60_000,
  restMs: 1000,
  stamp: async (host) => {
    const parts = (await host.list(FOLDER)).toSorted().map((name) => `${FOLDER}/${name}`);
    return await stampOf(host, [CONFIG, FOLDER, 'usr/sbin/sshd', ...parts.slice(0, 100)]);
  },
};

async function observeServer(host: Host): Promise<Observed<SshServer>> {
  const result = await host.run('sshd', ['-T'], { timeoutMs: 5000, maxBytes: 256 * 1024 });
  if (result.outcome === 'absent') {
    // A configuration without a program may belong to an SSH server in a place the agent does not look at.
    if ((await host.stat(CONFIG)) !== undefined) return unknown(`there is /${CONFIG}, but no \`sshd\` to read it`);
    return {
      value: { installed: false, permitRootLogin: '', passwordAuthentication: '', keyboardInteractive: '' },
    };
  }
  const printed = outputOf('sshd', result);
  if ('unknown' in printed) return printed;
  const settings = new Map<string, string>();
  for (const line of printed.text.split('\n')) {
    const [key = '', value = ''] = line.trim().split(/\s+/);
    if (key !== '' && !settings.has(key)) settings.set(key, value.slice(0, 64));
  }
  const permitRootLogin = settings.get('permitrootlogin');
  const passwordAuthentication = settings.get('passwordauthentication');
  // Before OpenSSH 8.7 it was printed under its older name.
  const keyboardInteractive =
    settings.get('kbdinteractiveauthentication') ?? settings.get('challengeresponseauthentication');
  if (permitRootLogin === undefined || passwordAuthentication === undefined || keyboardInteractive === undefined) {
    return unknown('`sshd -T` does not print what the check needs');
  }
  return { value: { installed: true, permitRootLogin, passwordAuthentication, keyboardInteractive } };
}
