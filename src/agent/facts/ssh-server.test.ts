import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fakeHost, type Scripted } from '../testdata/fake-host.ts';
import { sshServer } from './ssh-server.ts';
import { timeSync } from './time-sync.ts';

const DUMP = `port 22
addressfamily any
permitrootlogin without-password
pubkeyauthentication yes
passwordauthentication no
kbdinteractiveauthentication no
subsystem sftp /usr/lib/openssh/sftp-server
`;

describe('the SSH server', () => {
  it('is what it says itself, once the files it reads are put together', async () => {
    const host = fakeHost({ commands: { 'sshd -T': DUMP } });
    assert.deepEqual(await sshServer.observe(host, 0), {
      value: {
        installed: true,
        permitRootLogin: 'without-password',
        passwordAuthentication: 'no',
        keyboardInteractive: 'no',
      },
    });
  });

  it('is read under the older name of keyboard-interactive too', async () => {
    const old = DUMP.replace('kbdinteractiveauthentication no', 'challengeresponseauthentication yes');
    const fact = await sshServer.observe(fakeHost({ commands: { 'sshd -T': old } }), 0);
    assert.equal('value' in fact && fact.value.keyboardInteractive, 'yes');
  });

  it('is not installed when there is neither a program nor a configuration', async () => {
    const fact = await sshServer.observe(fakeHost(), 0);
    assert.equal('value' in fact && fact.value.installed, false);
  });

  const unseen: readonly [string, Record<string, string>, Record<string, Scripted>, RegExp][] = [
    ['a configuration without the program', { 'etc/ssh/sshd_config': '' }, {}, /no `sshd`/],
    ['no root', {}, { sshd: { code: 1, stderr: 'sshd: no hostkeys available -- exiting.\n' } }, /no hostkeys/],
    [
      'a broken configuration',
      {},
      { sshd: { code: 255, stderr: '/etc/ssh/sshd_config: line 3: Bad configuration option\n' } },
      /line 3/,
    ],
    ['garbage', {}, { sshd: 'hello\n' }, /does not print/],
    ['one setting missing', {}, { sshd: DUMP.replace('passwordauthentication no\n', '') }, /does not print/],
    ['a server that hangs', {}, { sshd: { outcome: 'failed', reason: 'did not end within 5 s' } }, /did not end/],
  ];
  for (const [what, files, commands, why] of unseen) {
    it(`is unknown with ${what}`, async () => {
      const fact = await sshServer.observe(fakeHost({ files, commands }), 0);
      assert.ok('unknown' in fact && why.test(fact.unknown), JSON.stringify(fact));
    });
  }

  it('is looked at again when a file of its configuration appears, changes or goes', async () => {
    const host = fakeHost({ files: { 'etc/ssh/sshd_config': 'PasswordAuthentication no\n' } });
    const stamps = new Set<string>();
    const stamp = async (): Promise<void> => void stamps.add((await sshServer.stamp?.(host)) ?? '');
    await stamp();
    await stamp();
    assert.equal(stamps.size, 1);
    host.file('etc/ssh/sshd_config', 'PasswordAuthentication yes\n');
    await stamp();
    host.file('etc/ssh/sshd_config.d/50-cloud.conf', 'PasswordAuthentication yes\n');
    await stamp();
    host.remove('etc/ssh/sshd_config.d/50-cloud.conf');
    await stamp();
    assert.equal(stamps.size, 4);
  });
});

describe('the clock', () => {
  const TIMEDATECTL = 'timedatectl show --property=NTPSynchronized --value';
  const tracking = (leap: string): string => `Reference ID    : C0A80001\nLeap status     : ${leap}\n`;
  const cases: readonly [string, Record<string, string>, Record<string, Scripted>, object][] = [
    ['the kernel says so', {}, { [TIMEDATECTL]: 'yes\n' }, { synchronized: true, source: 'kernel' }],
    [
      'the kernel says so, and timesyncd did it',
      { 'run/systemd/timesync/synchronized': '' },
      { [TIMEDATECTL]: 'yes\n' },
      { synchronized: true, source: 'systemd-timesyncd' },
    ],
    [
      'the kernel denies it',
      { 'run/chrony/chronyd.pid': '1' },
      { [TIMEDATECTL]: 'no\n' },
      { synchronized: false, source: 'chrony' },
    ],
    [
      'chrony follows a source, without systemd',
      {},
      { 'chronyc -n tracking': tracking('Normal') },
      { synchronized: true, source: 'chrony' },
    ],
    [
      'chrony has lost its sources',
      {},
      { 'chronyc -n tracking': tracking('Not synchronised') },
      { synchronized: false, source: 'chrony' },
    ],
    [
      'timesyncd left its mark, and its bus is closed',
      { 'run/systemd/timesync/synchronized': '' },
      { [TIMEDATECTL]: { code: 1, stderr: 'Failed to connect to bus' } },
      { synchronized: true, source: 'systemd-timesyncd' },
    ],
  ];
  for (const [what, files, commands, expected] of cases) {
    it(`is told when ${what}`, async () => {
      assert.deepEqual(await timeSync.observe(fakeHost({ files, commands }), 0), { value: expected });
    });
  }

  it('is unknown when nothing tells, and when what tells prints something else', async () => {
    const silent: readonly Record<string, Scripted>[] = [
      {},
      { [TIMEDATECTL]: 'maybe\n' },
      { 'chronyc -n tracking': 'hello\n' },
    ];
    for (const commands of silent) {
      assert.ok('unknown' in (await timeSync.observe(fakeHost({ commands }), 0)));
    }
  });
});
