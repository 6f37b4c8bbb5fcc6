import type { Posture, PostureResult } from '#model';

/** How well a device is, in the words of the demo. */
export type Health = 'well' | 'outdated' | 'open' | 'clock-unknown' | 'server' | 'server-outdated' | 'server-unread';

type Judged = Pick<PostureResult, 'outcome' | 'detail' | 'fix'>;

/** The checks of `docs/reference/posture.md`, in its order. */
const TITLES = {
  'os-version': 'Operating system is supported',
  'security-updates': 'Security updates are installed',
  'disk-encryption': 'Disks are encrypted',
  firewall: 'Firewall refuses by default',
  sshd: 'SSH takes keys, not passwords',
  'time-sync': 'Clock is synchronized',
} as const;

type Check = keyof typeof TITLES;
type Judgements = Readonly<Record<Check, Judged>>;

const WELL: Judgements = {
  'os-version': { outcome: 'pass', detail: 'Debian GNU/Linux 13 (trixie), security updates until 2030-06-30' },
  'security-updates': { outcome: 'pass', detail: 'nothing is pending' },
  'disk-encryption': { outcome: 'pass', detail: '3 of 3 mounts are encrypted' },
  firewall: { outcome: 'pass', detail: 'input is refused by default in inet filter input' },
  sshd: { outcome: 'not-applicable', detail: 'no SSH server is installed' },
  'time-sync': { outcome: 'pass', detail: 'synchronized (systemd-timesyncd)' },
};

const SERVER: Judgements = {
  ...WELL,
  'disk-encryption': {
    outcome: 'not-applicable',
    detail: "a virtual machine (KVM) cannot see how its storage is encrypted; check the provider's volume",
  },
  firewall: { outcome: 'pass', detail: 'input is refused by default in inet cordon input' },
  sshd: { outcome: 'pass', detail: 'root and passwords are refused' },
};

const PENDING: Judged = {
  outcome: 'fail',
  detail: '3 pending: libssl3t64, openssl, linux-image-amd64',
  fix: 'run `apt-get update && apt-get upgrade`',
};

/** What each health differs in. */
const JUDGEMENTS: Readonly<Record<Health, Judgements>> = {
  well: WELL,
  outdated: { ...WELL, 'security-updates': PENDING },
  open: {
    ...WELL,
    'disk-encryption': {
      outcome: 'fail',
      detail: 'not encrypted: /home (/dev/nvme0n1p3)',
      fix: 'move the data to a LUKS volume, or reinstall with disk encryption',
    },
    firewall: {
      outcome: 'fail',
      detail: 'there is no input chain',
      fix: 'run `cordon agent run` with segments in force, or enable ufw or firewalld',
    },
  },
  'clock-unknown': {
    ...WELL,
    'time-sync': {
      outcome: 'unknown',
      detail: 'the agent could not see it',
      fix: 'run the agent as root on a supported Linux distribution and see its log',
    },
  },
  server: SERVER,
  'server-outdated': { ...SERVER, 'security-updates': PENDING },
  'server-unread': {
    ...SERVER,
    'security-updates': {
      outcome: 'unknown',
      detail: 'nothing is pending, but the package index is 19 days old',
      fix: 'run `apt-get update`',
    },
  },
};

/** The clock is the only check that may stay unknown on a healthy device. */
const OPTIONAL: readonly string[] = ['time-sync'];

/** A judged report, as the devices area keeps it. */
export function postureOf(health: Health, collectedAt: number): Posture {
  const results = Object.entries(JUDGEMENTS[health]).map(
    ([check, judged]): PostureResult => ({ check, title: TITLES[check as Check], ...judged }),
  );
  const isOpen = results.some(({ check, outcome }) => outcome === 'unknown' && !OPTIONAL.includes(check));
  const verdict = results.some(({ outcome }) => outcome === 'fail') ? 'unhealthy' : isOpen ? 'unknown' : 'healthy';
  return { collectedAt, results, verdict };
}
