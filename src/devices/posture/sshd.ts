import type { SshServer } from '#wire';
import { ifSeen, type PostureCheck } from './check.ts';

/** Passes when the SSH server, if there is one, takes keys only and no password for anyone. */
export const sshd: PostureCheck = {
  id: 'sshd',
  title: 'SSH takes keys, not passwords',
  required: true,
  passes:
    'PermitRootLogin is not yes, PasswordAuthentication and KbdInteractiveAuthentication are no; not applicable without an SSH server',
  judge: (facts) =>
    ifSeen(facts.sshServer, (server) => {
      if (!server.installed) return { outcome: 'not-applicable', detail: 'no SSH server is installed' };
      const wrong = problemsOf(server);
      if (wrong.length === 0) return { outcome: 'pass', detail: 'root and passwords are refused' };
      return {
        outcome: 'fail',
        detail: wrong.map(([setting, value]) => `${setting} is ${value}`).join(', '),
        fix: `set ${wrong.map(([setting]) => `\`${setting} no\``).join(' and ')} in /etc/ssh/sshd_config and reload sshd`,
      };
    }),
};

/** Settings that are not what they must be. A value we do not know is not taken for a safe one. */
function problemsOf(server: SshServer): readonly (readonly [string, string])[] {
  const rootRefused: readonly string[] = ['no', 'prohibit-password', 'without-password', 'forced-commands-only'];
  const off: readonly string[] = ['no'];
  return [
    ['PermitRootLogin', server.permitRootLogin, rootRefused] as const,
    ['PasswordAuthentication', server.passwordAuthentication, off] as const,
    // With PAM this is the password prompt under another name.
    ['KbdInteractiveAuthentication', server.keyboardInteractive, off] as const,
  ]
    .filter(([, value, allowed]) => !allowed.includes(value))
    .map(([setting, value]) => [setting, value] as const);
}
