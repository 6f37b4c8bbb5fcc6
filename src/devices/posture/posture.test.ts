import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { PostureOutcome } from '#model';
import type { Facts, Observed } from '#wire';
import { judgeFacts, POSTURE_CHECKS } from './catalogue.ts';
import { RELEASES } from './releases.ts';

const now = Date.parse('2026-11-23T12:00:00Z');
const good: Facts = {
  hostname: 'web-1',
  os: { value: { id: 'debian', idLike: [], versionId: '12', prettyName: 'Debian GNU/Linux 12', kernel: '6.1.0' } },
  virtualization: { value: { kind: 'none', product: '' } },
  securityUpdates: { value: { manager: 'apt', pending: 0, packages: [], indexAgeSeconds: 60, rebootRequired: false } },
  mounts: {
    value: [
      { mountpoint: '/', device: 'dm-0', encrypted: true },
      { mountpoint: '/boot', device: 'sda1', encrypted: false },
    ],
  },
  inputChains: { value: [{ family: 'inet', table: 'cordon', chain: 'input', policy: 'drop', terminalDrop: false }] },
  sshServer: {
    value: { installed: true, permitRootLogin: 'no', passwordAuthentication: 'no', keyboardInteractive: 'no' },
  },
  timeSync: { value: { synchronized: true, source: 'chrony' } },
};
const os = (id: string, versionId: string): Partial<Facts> => ({
  os: { value: { id, idLike: [], versionId, prettyName: `${id} ${versionId}`, kernel: '6' } },
});
const updates = (value: object): Partial<Facts> => ({
  securityUpdates: {
    value: { manager: 'apt', pending: 0, packages: [], indexAgeSeconds: 60, rebootRequired: false, ...value },
  },
});
const ssh = (value: object): Partial<Facts> => ({
  sshServer: {
    value: {
      installed: true,
      permitRootLogin: 'no',
      passwordAuthentication: 'no',
      keyboardInteractive: 'no',
      ...value,
    },
  },
});
const plainRoot = {
  mounts: { value: [{ mountpoint: '/', device: 'vda1', encrypted: false }] },
} satisfies Partial<Facts>;
const virtual = (kind: 'none' | 'vm' | 'container'): Partial<Facts> => ({
  virtualization: { value: { kind, product: 'kvm' } },
});
const chain = (family: string, policy: 'drop' | 'accept', terminalDrop = false) => ({
  family,
  table: 't',
  chain: 'c',
  policy,
  terminalDrop,
});
const chains = (...value: ReturnType<typeof chain>[]): Partial<Facts> => ({ inputChains: { value } });
const unseen: Observed<never> = { unknown: 'no tool' };

const CASES: readonly [string, string, Partial<Facts>, PostureOutcome][] = [
  ['os-version', 'a supported Debian', os('debian', '12'), 'pass'],
  ['os-version', 'a RHEL minor release by its major', os('rhel', '9.4'), 'pass'],
  ['os-version', 'Amazon Linux 2023', os('amzn', '2023'), 'pass'],
  ['os-version', 'an Ubuntu past its end', os('ubuntu', '20.04'), 'fail'],
  ['os-version', 'a Debian past LTS', os('debian', '11'), 'fail'],
  ['os-version', 'a release without version', os('debian', ''), 'unknown'],
  ['os-version', 'a distribution not in the table', os('gentoo', '2'), 'unknown'],
  ['os-version', 'no os-release', { os: unseen }, 'unknown'],
  ['security-updates', 'nothing pending', {}, 'pass'],
  ['security-updates', 'one pending', updates({ pending: 1, packages: ['openssl'] }), 'fail'],
  ['security-updates', 'a restart due', updates({ rebootRequired: true }), 'fail'],
  ['security-updates', 'an index of 8 days', updates({ indexAgeSeconds: 8 * 86_400 }), 'unknown'],
  ['security-updates', 'one pending in an old index', updates({ pending: 1, indexAgeSeconds: 8 * 86_400 }), 'fail'],
  ['security-updates', 'no package manager', { securityUpdates: unseen }, 'unknown'],
  ['disk-encryption', 'an encrypted root and a plain /boot', {}, 'pass'],
  ['disk-encryption', 'a plain root on hardware', plainRoot, 'fail'],
  ['disk-encryption', 'a plain root in a virtual machine', { ...plainRoot, ...virtual('vm') }, 'not-applicable'],
  ['disk-encryption', 'a plain root in a container', { ...plainRoot, ...virtual('container') }, 'not-applicable'],
  ['disk-encryption', 'a plain root on who knows what', { ...plainRoot, virtualization: unseen }, 'unknown'],
  ['disk-encryption', 'no disks', { mounts: { value: [] } }, 'unknown'],
  ['disk-encryption', 'no lsblk', { mounts: unseen }, 'unknown'],
  ['firewall', 'inet policy drop', {}, 'pass'],
  ['firewall', 'a last rule that drops', chains(chain('inet', 'accept', true)), 'pass'],
  ['firewall', 'ip and ip6 closed', chains(chain('ip', 'drop'), chain('ip6', 'drop')), 'pass'],
  ['firewall', 'IPv6 left open', chains(chain('ip', 'drop')), 'fail'],
  ['firewall', 'accept by default', chains(chain('inet', 'accept')), 'fail'],
  ['firewall', 'no chain', chains(), 'fail'],
  ['firewall', 'no nft', { inputChains: unseen }, 'unknown'],
  ['sshd', 'keys only', {}, 'pass'],
  ['sshd', 'root with a key', ssh({ permitRootLogin: 'prohibit-password' }), 'pass'],
  ['sshd', 'root with a password', ssh({ permitRootLogin: 'yes' }), 'fail'],
  ['sshd', 'passwords', ssh({ passwordAuthentication: 'yes' }), 'fail'],
  ['sshd', 'passwords through PAM', ssh({ keyboardInteractive: 'yes' }), 'fail'],
  ['sshd', 'a setting without a value', ssh({ permitRootLogin: '' }), 'fail'],
  ['sshd', 'no server', ssh({ installed: false }), 'not-applicable'],
  ['sshd', 'an unreadable configuration', { sshServer: unseen }, 'unknown'],
  ['time-sync', 'synchronized', {}, 'pass'],
  ['time-sync', 'not synchronized', { timeSync: { value: { synchronized: false, source: 'none' } } }, 'fail'],
  ['time-sync', 'a container', { ...virtual('container'), timeSync: unseen }, 'not-applicable'],
  ['time-sync', 'no timedatectl', { timeSync: unseen }, 'unknown'],
];

describe('posture checks', () => {
  for (const [check, what, change, outcome] of CASES) {
    it(`${check}: ${what} is ${outcome}`, () => {
      const result = judgeFacts({ ...good, ...change }, { collectedAt: now, now }).results.find(
        (r) => r.check === check,
      );
      assert.equal(result?.outcome, outcome, result?.detail);
      assert.notEqual(result?.detail, '');
      if (outcome === 'fail') assert.notEqual(result?.fix ?? '', '', 'a failing check says how to fix it');
    });
  }

  it('has a passing, a failing and an unknown case for every check', () => {
    for (const { id } of POSTURE_CHECKS) {
      for (const outcome of ['pass', 'fail', 'unknown']) {
        assert.ok(
          CASES.some(([check, , , expected]) => check === id && expected === outcome),
          `${id} ${outcome}`,
        );
      }
    }
  });

  it('fails a release on the day after its last', () => {
    for (const { until } of RELEASES) assert.equal(new Date(`${until}T00:00:00Z`).toISOString().slice(0, 10), until);
    const at = (time: string) => judgeFacts(good, { collectedAt: 0, now: Date.parse(time) }).results[0]?.outcome;
    assert.equal(at('2028-06-30T23:00:00Z'), 'pass');
    assert.equal(at('2028-07-01T00:00:00Z'), 'fail');
  });
});

describe('posture verdict', () => {
  const verdicts: readonly [string, Partial<Facts>, string][] = [
    ['all pass', {}, 'healthy'],
    ['one fails', ssh({ permitRootLogin: 'yes' }), 'unhealthy'],
    ['one fails and a required one is unknown', { ...ssh({ permitRootLogin: 'yes' }), os: unseen }, 'unhealthy'],
    ['a required one is unknown', { os: unseen }, 'unknown'],
    ['an optional one is unknown', { timeSync: unseen }, 'healthy'],
    ['one is not applicable', ssh({ installed: false }), 'healthy'],
  ];
  for (const [what, change, verdict] of verdicts) {
    it(`is ${verdict} when ${what}`, () => {
      assert.equal(judgeFacts({ ...good, ...change }, { collectedAt: now, now }).verdict, verdict);
    });
  }
});

describe('posture reference', () => {
  const reference = readFileSync(new URL('../../../docs/reference/posture.md', import.meta.url), 'utf8');

  it('lists every check as the code has it', () => {
    const rows = [...reference.matchAll(/^\| `([a-z-]+)` \| (.+?) \| (yes|no) \| (.+?) \|$/gm)].map((row) =>
      row.slice(1),
    );
    assert.deepEqual(
      rows,
      POSTURE_CHECKS.map(({ id, title, required, passes }) => [id, title, required ? 'yes' : 'no', passes]),
    );
  });

  it('lists every release as the code has it', () => {
    const rows = [...reference.matchAll(/^\| `([a-z]+)` \| ([\d.]+) \| (\d{4}-\d{2}-\d{2}) \|$/gm)].map((row) =>
      row.slice(1),
    );
    assert.deepEqual(
      rows,
      RELEASES.map(({ id, version, until }) => [id, version, until]),
    );
  });
});
