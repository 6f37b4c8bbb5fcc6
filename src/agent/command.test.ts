import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { outputOf, runCommand } from './command.ts';
import { thisHost } from './host.ts';

describe('running a command', () => {
  it('gives what it printed and its exit code', async () => {
    assert.deepEqual(await runCommand('echo', ['a b', '$HOME', ';', 'ls']), {
      outcome: 'exited',
      code: 0,
      stdout: 'a b $HOME ; ls\n',
      stderr: '',
    });
    const failed = await runCommand('ls', ['/nowhere-at-all']);
    assert.ok(failed.outcome === 'exited' && failed.code === 2 && /No such file/.test(failed.stderr));
  });

  it('gives it a fixed environment and an empty input: nothing of the caller decides what root runs', async () => {
    process.env['CORDON_TEST_SECRET'] = 'x';
    const printed = await runCommand('env', []);
    delete process.env['CORDON_TEST_SECRET'];
    assert.ok(printed.outcome === 'exited');
    assert.deepEqual(printed.stdout.trim().split('\n').sort(), ['LC_ALL=C', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin']);
    assert.deepEqual(outputOf('cat', await runCommand('cat', [])), { text: '' });
  });

  const failures: readonly [string, () => ReturnType<typeof runCommand>, RegExp][] = [
    ['is not installed', async () => await runCommand('no-such-command-here', []), /`x` is not installed/],
    ['does not end', async () => await runCommand('sleep', ['60'], { timeoutMs: 50 }), /did not end within 0\.05 s/],
    ['prints too much', async () => await runCommand('yes', [], { maxBytes: 1000 }), /printed more than 1000 bytes/],
    [
      'is no longer wanted',
      async () => await runCommand('sleep', ['60'], { signal: AbortSignal.timeout(50) }),
      /`x` failed: The operation was aborted/,
    ],
    ['fails', async () => await runCommand('false', []), /`x` failed with exit code 1: /],
  ];
  for (const [what, attempt, reason] of failures) {
    it(`says in one line that it ${what}`, async () => {
      const begun = performance.now();
      const printed = outputOf('x', await attempt());
      assert.ok('unknown' in printed && reason.test(printed.unknown), JSON.stringify(printed));
      assert.ok(performance.now() - begun < 5000);
    });
  }

  it('bounds and straightens the reason, which may be anything a command printed', () => {
    const long = outputOf('x', { outcome: 'exited', code: 1, stdout: '', stderr: `first ${'y'.repeat(2000)}\nsecond` });
    assert.ok('unknown' in long && long.unknown.length <= 500 && !long.unknown.includes('second'));
  });
});

describe('this host', () => {
  it('has addresses that others can reach: no loopback, no link-local, each once', () => {
    const addresses = thisHost().addresses();
    assert.ok(
      addresses.every((one) => !/^(?:127\.|169\.254\.|::1$|fe[89ab])/i.test(one)),
      addresses.join(' '),
    );
    assert.equal(new Set(addresses).size, addresses.length);
  });

  it('reads nothing where there is nothing', async () => {
    const host = thisHost('/nowhere-at-all');
    assert.deepEqual(
      [await host.read('a'), await host.list('a'), await host.linkName('a'), await host.stat('a')],
      [undefined, [], undefined, undefined],
    );
  });
});
