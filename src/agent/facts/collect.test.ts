import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { parseMessage, WIRE_LIMITS } from '#wire';
import { type FakeHost, fakeHost } from '../testdata/fake-host.ts';
import { factCollector, factsDigest } from './collect.ts';

const NFT = 'nft -j -s -t list ruleset';
const closed = JSON.stringify({
  nftables: [
    { chain: { family: 'inet', table: 't', name: 'c', type: 'filter', hook: 'input', prio: 0, policy: 'drop' } },
  ],
});
const ran = (host: FakeHost, command: string): number => host.ran.filter((line) => line.startsWith(command)).length;

function debian(): FakeHost {
  const host = fakeHost({ commands: { 'apt-get': '', [NFT]: closed, 'sshd -T': 'permitrootlogin no\n' } });
  host.file('var/lib/dpkg/status', 'a');
  host.file('var/lib/apt/lists/security_dists_bookworm-security_InRelease');
  return host;
}

describe('collecting facts', () => {
  it('gives a whole that the wire takes, on a host where nothing can be seen too', async () => {
    for (const host of [debian(), fakeHost()]) {
      const facts = await factCollector(host).collect(1_000_000);
      const claims = { sub: 'dev_1', iat: 1, jti: 'x'.repeat(22), sequence: 1, collectedAt: 1, facts };
      const parsed = parseMessage('postureClaims', JSON.stringify(claims));
      assert.ok(parsed.ok, JSON.stringify(parsed));
    }
    const nothing = await factCollector(fakeHost()).collect(0);
    const { hostname: _, sshServer: __, ...rest } = nothing;
    assert.ok(
      Object.values(rest).every((fact) => 'unknown' in fact),
      JSON.stringify(rest),
    );
  });

  it('leaves out what takes seconds when it has to be quick', async () => {
    const host = debian();
    const facts = await factCollector(host, { isQuick: true }).collect(0);
    assert.deepEqual(facts.securityUpdates, { unknown: 'the agent has not looked yet' });
    assert.ok('value' in facts.inputChains);
    assert.equal(ran(host, 'apt-get'), 0);
  });

  it('fits into an enrolment, however much there is to see', async () => {
    const long = (i: number): string => `${'x'.repeat(400)}${i}`;
    const host = debian();
    const packages = Array.from(
      { length: 200 },
      (_, i) => `Inst p${'x'.repeat(120)}${i} [1] (2 Debian-Security:12/s [all])`,
    );
    host.commands.set('apt-get', packages.join('\n'));
    const chains = Array.from({ length: 300 }, (_, i) => ({
      chain: {
        family: 'inet',
        table: long(i),
        name: long(i),
        type: 'filter',
        hook: 'input',
        prio: 0,
        policy: 'accept',
      },
    }));
    host.commands.set(NFT, JSON.stringify({ nftables: chains }));
    const mounts = Array.from({ length: 300 }, (_, i) => `1 1 8:${i} / /${long(i)} rw - ext4 /dev/${long(i)} rw`);
    host.file('proc/self/mountinfo', mounts.join('\n'));
    const facts = await factCollector(host).collect(Date.now());
    assert.ok('value' in facts.mounts && facts.mounts.value.length > 10);
    assert.ok(Buffer.byteLength(JSON.stringify(facts)) < WIRE_LIMITS.enrolBytes - 8192);
  });

  it('looks at cheap facts each time and at dear ones when something changed', async () => {
    const host = debian();
    const collector = factCollector(host);
    for (let now = 0; now <= 20_000; now += 2000) await collector.collect(now);
    assert.equal(ran(host, 'nft'), 11);
    assert.equal(ran(host, 'apt-get'), 1);
    assert.equal(ran(host, 'sshd'), 1);
    host.file('etc/ssh/sshd_config', 'PasswordAuthentication yes\n');
    await collector.collect(22_000);
    assert.equal(ran(host, 'sshd'), 2);
  });

  it('lets the package manager rest, however often packages change', async () => {
    const host = debian();
    const collector = factCollector(host);
    for (let now = 0; now <= 60_000; now += 2000) {
      host.file('var/lib/dpkg/status', 'a'.repeat(now));
      await collector.collect(now);
      await wait(1);
    }
    assert.ok(ran(host, 'apt-get') <= 3, `${ran(host, 'apt-get')} times`);
    assert.ok(ran(host, 'apt-get') >= 2);
  });

  it('tells what it saw last while a slow look goes on', async () => {
    const host = debian();
    const { run } = host;
    let release: (() => void) | undefined;
    const slow: FakeHost = {
      ...host,
      run: async (command, args, limits) => {
        const isSecond = command === 'apt-get' && ran(host, 'apt-get') > 0;
        if (isSecond) await new Promise<void>((resolve) => (release = resolve));
        return await run(command, args, limits);
      },
    };
    const collector = factCollector(slow);
    await collector.collect(0);
    host.commands.set('apt-get', 'Inst openssl [1] (2 Debian-Security:12/stable-security [amd64])');
    const meanwhile = await collector.collect(20 * 60_000);
    assert.equal('value' in meanwhile.securityUpdates && meanwhile.securityUpdates.value.pending, 0);
    release?.();
    await wait(5);
    const after = await collector.collect(20 * 60_000 + 2000);
    assert.equal('value' in after.securityUpdates && after.securityUpdates.value.pending, 1);
  });

  it('does not trust its memory when the clock was set back', async () => {
    const host = debian();
    const collector = factCollector(host);
    await collector.collect(10_000_000);
    await collector.collect(5_000_000);
    await wait(5);
    assert.equal(ran(host, 'apt-get'), 2);
  });

  it('tells the other facts when looking at one fails', async () => {
    const host: FakeHost = {
      ...debian(),
      run: async () => await Promise.reject(new Error('no more processes')),
    };
    const facts = await factCollector(host).collect(0);
    assert.ok('unknown' in facts.inputChains && /no more processes/.test(facts.inputChains.unknown));
    assert.ok('unknown' in facts.os);
  });
});

describe('the digest of facts', () => {
  it('changes with what a check may judge, and not with the age of the index', async () => {
    const host = debian();
    const first = await factCollector(host).collect(Date.now());
    const later = await factCollector(host).collect(Date.now() + 900_000);
    assert.notDeepEqual(first, later);
    assert.equal(factsDigest(first), factsDigest(later));
    host.commands.set(NFT, '{"nftables": []}');
    assert.notEqual(factsDigest(await factCollector(host).collect(0)), factsDigest(first));
    host.commands.set(NFT, closed);
    host.file('run/reboot-required');
    assert.notEqual(factsDigest(await factCollector(host).collect(0)), factsDigest(first));
  });
});
