import { ifSeen, type PostureCheck } from './check.ts';

/** An index older than this does not know this week's updates, so that nothing pending proves nothing. */
const INDEX_MAX_AGE_SECONDS = 7 * 86_400;

const REFRESH = { apt: 'apt-get update', dnf: 'dnf makecache' };
const INSTALL = { apt: 'apt-get update && apt-get upgrade', dnf: 'dnf upgrade --security' };

/** Passes when a fresh package index lists no security update that is not installed and in force. */
export const securityUpdates: PostureCheck = {
  id: 'security-updates',
  title: 'Security updates are installed',
  required: true,
  passes: 'a package index of the last 7 days lists no pending security update, and no restart is due',
  judge: (facts) =>
    ifSeen(facts.securityUpdates, ({ manager, pending, packages, indexAgeSeconds, rebootRequired }) => {
      if (pending > 0) {
        const names = packages.slice(0, 5).join(', ');
        const more = pending > 5 ? ` and ${pending - 5} more` : '';
        return { outcome: 'fail', detail: `${pending} pending: ${names}${more}`, fix: `run \`${INSTALL[manager]}\`` };
      }
      if (rebootRequired) {
        return { outcome: 'fail', detail: 'installed updates wait for a restart', fix: 'restart the host' };
      }
      if (indexAgeSeconds === undefined || indexAgeSeconds > INDEX_MAX_AGE_SECONDS) {
        const age =
          indexAgeSeconds === undefined ? 'of unknown age' : `${Math.floor(indexAgeSeconds / 86_400)} days old`;
        return {
          outcome: 'unknown',
          detail: `nothing is pending, but the package index is ${age}`,
          fix: `run \`${REFRESH[manager]}\``,
        };
      }
      return { outcome: 'pass', detail: 'nothing is pending' };
    }),
};
