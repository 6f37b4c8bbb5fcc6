import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Observed, SecurityUpdates } from '#wire';
import { type FakeHost, fakeHost, type Scripted } from '../testdata/fake-host.ts';
import { securityUpdates } from './security-updates.ts';

const NOW = Date.UTC(2026, 10, 24);
const HOUR = 3_600_000;
const output = (name: string): string => readFileSync(new URL(`../testdata/${name}`, import.meta.url), 'utf8');

function debian(apt: Scripted | undefined, o: { lists?: readonly string[]; age?: number } = {}): FakeHost {
  const host = fakeHost(apt === undefined ? {} : { commands: { 'apt-get': apt } });
  host.file('var/lib/dpkg/status');
  const lists = o.lists ?? [
    'deb.debian.org_debian_dists_bookworm_InRelease',
    'security.debian.org_debian-security_dists_bookworm-security_InRelease',
  ];
  for (const name of lists) host.file(`var/lib/apt/lists/${name}`);
  host.file('var/lib/apt/lists/partial/x');
  const at = NOW - (o.age ?? HOUR);
  for (const path of ['lists/partial', 'lists']) host.touch(`var/lib/apt/${path}`, at);
  return host;
}

function redHat(commands: Record<string, Scripted>, o: { cache?: string } = {}): FakeHost {
  const host = fakeHost({ commands });
  host.file('var/lib/rpm/rpmdb.sqlite');
  if (o.cache !== undefined) host.file(`${o.cache}/baseos-0123/repodata/repomd.xml`, '<repomd/>', NOW - 2 * HOUR);
  return host;
}

async function seen(host: FakeHost): Promise<SecurityUpdates> {
  const fact = await securityUpdates.observe(host, NOW);
  assert.ok('value' in fact, JSON.stringify(fact));
  return fact.value;
}

async function reason(host: FakeHost): Promise<string> {
  const fact: Observed<SecurityUpdates> = await securityUpdates.observe(host, NOW);
  assert.ok('unknown' in fact, JSON.stringify(fact));
  return fact.unknown;
}

describe('security updates of apt', () => {
  it('counts what Debian would install from its security archive, and nothing else', async () => {
    assert.deepEqual(await seen(debian(output('apt/debian-12.txt'))), {
      manager: 'apt',
      pending: 7,
      packages: ['jq', 'libexpat1', 'libgcrypt20', 'liblzma-dev', 'liblzma5', 'libssl-dev', 'tzdata'],
      indexAgeSeconds: 3600,
      rebootRequired: false,
    });
  });

  it('counts what Ubuntu would install from a security pocket, a new kernel and ESM among it', async () => {
    const found = await seen(debian(output('apt/ubuntu-24.04.txt')));
    assert.deepEqual(found.packages, ['bind9-libs', 'libssl3t64', 'linux-image-6.8.0-71-generic', 'openssl']);
  });

  it('asks without changing anything: simulated, without a lock, held and phased packages included', async () => {
    const host = debian('');
    await seen(host);
    assert.equal(host.ran.length, 1);
    const [line = ''] = host.ran;
    assert.match(line, /^apt-get -s /);
    assert.match(line, /--ignore-hold dist-upgrade$/);
    assert.match(line, /Always-Include-Phased-Updates=true/);
  });

  it('names at most fifty packages, and counts them all', async () => {
    const lines = Array.from({ length: 80 }, (_, i) => `Inst p${i} [1] (2 Debian-Security:12/stable-security [all])`);
    const found = await seen(debian(lines.join('\n')));
    assert.equal(found.pending, 80);
    assert.equal(found.packages.length, 50);
  });

  it('tells the age of the index by its newest sign of an update', async () => {
    const host = debian('', { age: 72 * HOUR });
    assert.equal((await seen(host)).indexAgeSeconds, 72 * 3600);
    host.file('var/lib/apt/periodic/update-success-stamp', '', NOW - HOUR);
    assert.equal((await seen(host)).indexAgeSeconds, 3600);
  });

  it('calls an index of the future new, not of a negative age', async () => {
    assert.equal((await seen(debian('', { age: -HOUR }))).indexAgeSeconds, 0);
  });

  it('sees that a restart is due', async () => {
    const host = debian('');
    host.file('run/reboot-required', '*** System restart required ***\n');
    assert.equal((await seen(host)).rebootRequired, true);
  });

  it('is unknown without an index, or without one of a security source: nothing pending would prove nothing', async () => {
    assert.match(await reason(debian('', { lists: [] })), /apt-get update/);
    assert.match(
      await reason(debian('', { lists: ['deb.debian.org_debian_dists_sid_InRelease'] })),
      /no security source/,
    );
  });

  it('is unknown when apt is missing, fails, hangs or prints too much', async () => {
    assert.match(await reason(debian(undefined)), /`apt-get` is not installed/);
    assert.match(
      await reason(debian({ code: 100, stderr: 'E: Unmet dependencies.\nE: more' })),
      /exit code 100: E: Unmet/,
    );
    assert.match(await reason(debian({ outcome: 'failed', reason: 'did not end within 120 s' })), /did not end/);
  });
});

describe('security updates of dnf', () => {
  const commands = (updates: Scripted, restart: Scripted = ''): Record<string, Scripted> => ({
    'dnf -q -C updateinfo list --security': updates,
    'dnf -q -C needs-restarting -r': restart,
  });

  it('counts each package of an advisory once, as dnf 4 lists them', async () => {
    const host = redHat(commands(output('dnf/rocky-9.txt')), { cache: 'var/cache/dnf' });
    assert.deepEqual(await seen(host), {
      manager: 'dnf',
      pending: 4,
      packages: ['expat', 'openssl', 'openssl-libs', 'python3-urllib3'],
      indexAgeSeconds: 7200,
      rebootRequired: false,
    });
  });

  it('reads the table of dnf 5', async () => {
    const host = redHat(commands(output('dnf/fedora-42.txt')), { cache: 'var/cache/libdnf5' });
    assert.deepEqual((await seen(host)).packages, ['expat', 'vim-data', 'vim-minimal']);
  });

  it('asks the cache only: the agent downloads nothing', async () => {
    const host = redHat(commands(''), { cache: 'var/cache/dnf' });
    await seen(host);
    assert.ok(host.ran.every((line) => line.includes(' -C ')));
  });

  it('sees that a restart is due by the exit code and what is said with it', async () => {
    const due = { code: 1, stdout: 'Reboot is required to fully utilize these updates.\n' };
    assert.equal((await seen(redHat(commands('', due), { cache: 'var/cache/dnf' }))).rebootRequired, true);
    const missing = { code: 1, stderr: 'No such command: needs-restarting.' };
    assert.match(await reason(redHat(commands('', missing), { cache: 'var/cache/dnf' })), /dnf-utils/);
  });

  it('is unknown without an index, when dnf fails, and when it prints something else', async () => {
    assert.match(await reason(redHat(commands(''))), /dnf makecache/);
    const failing = commands({ code: 1, stderr: 'Error: Cache-only enabled but no cache for `baseos`' });
    assert.match(await reason(redHat(failing, { cache: 'var/cache/dnf' })), /Cache-only/);
    const garbage = commands('Traceback (most recent call last):\n');
    assert.match(await reason(redHat(garbage, { cache: 'var/cache/dnf' })), /no list of advisories/);
    assert.match(await reason(redHat({}, { cache: 'var/cache/dnf' })), /`dnf` is not installed/);
  });
});

describe('security updates', () => {
  it('are unknown on a host with another package manager', async () => {
    assert.match(await reason(fakeHost()), /neither apt nor dnf/);
  });

  it('are looked at again when packages or the index change', async () => {
    const host = debian('');
    const stamp = async (): Promise<string> => (await securityUpdates.stamp?.(host)) ?? '';
    const before = await stamp();
    assert.equal(await stamp(), before);
    host.file('var/lib/dpkg/status', 'Package: new\n');
    const after = await stamp();
    assert.notEqual(after, before);
    host.file('run/reboot-required');
    assert.notEqual(await stamp(), after);
  });

  it('never throw and never name a package of more than one word, whatever the package manager prints', async () => {
    const lines = fc.array(
      fc.oneof(
        fc.string(),
        fc.string().map((text) => `Inst ${text} (1 Debian-Security:12 [x])`),
      ),
    );
    const host = debian('');
    await fc.assert(
      fc.asyncProperty(lines, async (printed) => {
        host.commands.set('apt-get', printed.join('\n'));
        const found = await seen(host);
        assert.ok(found.packages.every((name) => /^\S{1,128}$/.test(name)));
      }),
    );
  });
});
