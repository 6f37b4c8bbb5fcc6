import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { InputChain } from '#wire';
import { type FakeHost, fakeHost } from '../testdata/fake-host.ts';
import { inputChains } from './input-chains.ts';

const ruleset = (name: string): string =>
  readFileSync(new URL(`../testdata/nft/${name}.json`, import.meta.url), 'utf8');
const withRuleset = (text: string): FakeHost => fakeHost({ commands: { 'nft -j -s -t list ruleset': text } });

async function seen(host: FakeHost): Promise<readonly InputChain[]> {
  const fact = await inputChains.observe(host, 0);
  assert.ok('value' in fact, JSON.stringify(fact));
  return fact.value;
}

async function reason(host: FakeHost): Promise<string> {
  const fact = await inputChains.observe(host, 0);
  assert.ok('unknown' in fact, JSON.stringify(fact));
  return fact.unknown;
}

describe('input chains', () => {
  it('sees that firewalld ends in an unconditional reject', async () => {
    assert.deepEqual(await seen(withRuleset(ruleset('firewalld'))), [
      { family: 'inet', table: 'firewalld', chain: 'filter_INPUT', policy: 'accept', terminalDrop: true },
    ]);
  });

  it('sees that ufw drops by policy, for each family', async () => {
    assert.deepEqual(await seen(withRuleset(ruleset('ufw'))), [
      { family: 'ip', table: 'filter', chain: 'INPUT', policy: 'drop', terminalDrop: false },
      { family: 'ip6', table: 'filter', chain: 'INPUT', policy: 'drop', terminalDrop: false },
    ]);
  });

  it('takes neither nat nor forward chains for a filter, and no drop behind a match or a limit for the end', async () => {
    const found = await seen(withRuleset(ruleset('mixed')));
    assert.deepEqual(
      found.map(({ chain, terminalDrop }) => [chain, terminalDrop]),
      [
        ['shut', true],
        ['in', false],
        ['last', false],
        ['shadowed', false],
      ],
    );
    assert.ok(found.every(({ policy }) => policy === 'accept'));
  });

  it('sees that there is none', async () => {
    assert.deepEqual(await seen(withRuleset('{"nftables": [{"metainfo": {"version": "1.0.6"}}]}')), []);
  });

  it('sees filters of the old iptables, which nft does not show', async () => {
    const host = withRuleset('{"nftables": []}');
    host.file('proc/net/ip_tables_names', 'nat\nfilter\n');
    host.file('proc/net/ip6_tables_names', 'filter\n');
    host.commands.set('iptables-legacy -S INPUT', '-P INPUT DROP\n-A INPUT -i lo -j ACCEPT\n');
    host.commands.set(
      'ip6tables-legacy -S INPUT',
      '-P INPUT ACCEPT\n-A INPUT -i lo -j ACCEPT\n-A INPUT -j REJECT --reject-with icmp6-port-unreachable\n',
    );
    assert.deepEqual(await seen(host), [
      { family: 'ip', table: 'filter', chain: 'INPUT', policy: 'drop', terminalDrop: false },
      { family: 'ip6', table: 'filter', chain: 'INPUT', policy: 'accept', terminalDrop: true },
    ]);
    host.commands.delete('iptables-legacy -S INPUT');
    assert.match(await reason(host), /old iptables.*not installed/);
    host.commands.set('iptables-legacy -S INPUT', 'garbage');
    assert.match(await reason(host), /no chain/);
  });

  it('is unknown when nft is missing, may not look, or prints something else: never an empty list', async () => {
    assert.match(await reason(fakeHost()), /`nft` is not installed/);
    const denied = { code: 1, stderr: 'Operation not permitted (you must be root)\n' };
    assert.match(await reason(fakeHost({ commands: { nft: denied } })), /must be root/);
    for (const text of ['', 'table inet x', '[]', '{}', '{"nftables": {}}']) {
      assert.match(await reason(withRuleset(text)), /not its JSON/);
    }
    const long = { outcome: 'failed', reason: 'printed more than 33554432 bytes' } as const;
    assert.match(await reason(fakeHost({ commands: { nft: long } })), /printed more than/);
  });

  it('lists chains that refuse first, and no more than a report may hold', async () => {
    const chain = (i: number, policy: string): object => ({
      chain: { family: 'inet', table: 't', name: `c${i}`, type: 'filter', hook: 'input', prio: 0, policy },
    });
    const many = [...Array.from({ length: 300 }, (_, i) => chain(i, 'accept')), chain(300, 'drop')];
    const found = await seen(withRuleset(JSON.stringify({ nftables: many })));
    assert.ok(found.length > 200 && found.length <= 256);
    assert.deepEqual([found[0]?.chain, found[0]?.policy], ['c300', 'drop']);
  });

  it('calls no chain closed that does not say so, whatever the JSON holds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue()), fc.jsonValue(), async (objects, expr) => {
        const chain = { family: 'inet', table: 't', name: 'c', type: 'filter', hook: 'input', policy: expr };
        const rule = { family: 'inet', table: 't', chain: 'c', expr };
        const host = withRuleset(JSON.stringify({ nftables: [...objects, { chain }, { rule }] }));
        const found = (await seen(host)).filter(({ chain: name }) => name === 'c');
        assert.ok(found.every(({ policy, terminalDrop }) => policy === 'accept' && !terminalDrop));
      }),
    );
  });
});
