import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Json } from '#base';
import { closedProgram } from '../testdata/programs.ts';
import { checkProgram } from './guard.ts';

const { nftables: good } = closedProgram('v').document;
const TABLE = { family: 'inet', table: 'cordon' };
const rule = (...expr: Json[]): Json => ({ add: { rule: { ...TABLE, chain: 'input', expr } } });
const base = (o: object): Json => ({
  add: { chain: { ...TABLE, name: 'x', type: 'filter', hook: 'input', prio: 0, policy: 'drop', ...o } },
});

function refusal(nftables: readonly Json[]): string {
  const checked = checkProgram({ nftables });
  assert.ok(!checked.ok, 'it was let through');
  assert.equal(checked.error.code, 'program-refused');
  return checked.error.message;
}

describe('the guard of host programs', () => {
  it('lets through what replaces the table and refuses by default', () => {
    assert.deepEqual(checkProgram({ nftables: good }), { ok: true, value: { nftables: good } });
  });

  const appended: readonly [string, Json][] = [
    ['flushes the ruleset', { flush: { ruleset: null } }],
    ['flushes its own table', { flush: { table: { family: 'inet', name: 'cordon' } } }],
    ['deletes another table', { delete: { table: { family: 'ip', name: 'nat' } } }],
    ['deletes its own table at the end', { delete: { table: { family: 'inet', name: 'cordon' } } }],
    ['adds another table', { add: { table: { family: 'inet', name: 'other' } } }],
    ['adds a table of another family', { add: { table: { family: 'ip', name: 'cordon' } } }],
    ['adds a chain to another table', { add: { chain: { family: 'inet', table: 'filter', name: 'x' } } }],
    ['adds a chain to a table of another family', { add: { chain: { family: 'ip', table: 'cordon', name: 'x' } } }],
    [
      'adds a rule to another table',
      { add: { rule: { family: 'ip', table: 'filter', chain: 'INPUT', expr: [{ accept: null }] } } },
    ],
    [
      'adds an element to another table',
      { add: { element: { family: 'inet', table: 'other', name: 's', elem: ['10.0.0.1'] } } },
    ],
    ['inserts a rule', { insert: { rule: { ...TABLE, chain: 'input', expr: [{ accept: null }] } } }],
    ['replaces a rule', { replace: { rule: { ...TABLE, chain: 'input', handle: 3, expr: [{ accept: null }] } } }],
    ['deletes a rule', { delete: { rule: { ...TABLE, chain: 'input', handle: 3 } } }],
    ['renames a chain', { rename: { chain: { ...TABLE, name: 'input', newname: 'x' } } }],
    ['lists', { list: { ruleset: null } }],
    ['resets counters', { reset: { counters: null } }],
    ['creates', { create: { chain: { ...TABLE, name: 'x' } } }],
    ['is two commands in one', { add: { chain: { ...TABLE, name: 'x' } }, flush: { ruleset: null } }],
    ['adds two things in one', { add: { chain: { ...TABLE, name: 'x' }, table: { family: 'ip', name: 'nat' } } }],
    ['is an object alone, which nft takes for an addition', { table: { family: 'ip', name: 'nat' } }],
    ['is no object', 'flush ruleset'],
    ['is a list', [{ flush: { ruleset: null } }]],
    ['is null', null],
    ['is empty', {}],
    ['adds nothing', { add: {} }],
    ['adds a map', { add: { map: { ...TABLE, name: 'm' } } }],
    [
      'adds a flow table, which lets packets pass the chains by',
      { add: { flowtable: { ...TABLE, name: 'f', hook: 'ingress', prio: 0, dev: 'eth0' } } },
    ],
    ['adds a helper', { add: { 'ct helper': { ...TABLE, name: 'h' } } }],
    [
      'hides its table in a prototype',
      JSON.parse('{"add":{"rule":{"__proto__":{"family":"inet","table":"cordon"},"chain":"input","expr":[]}}}') as Json,
    ],
    ['adds a chain that accepts by default', base({ policy: 'accept' })],
    [
      'adds a base chain without a policy, which accepts',
      { add: { chain: { ...TABLE, name: 'x', type: 'filter', hook: 'input', prio: 0 } } },
    ],
    ['adds a nat chain', base({ type: 'nat', hook: 'prerouting' })],
    ['adds a route chain', base({ type: 'route', hook: 'output' })],
    ['adds a chain on another hook', base({ hook: 'ingress', dev: 'eth0' })],
    ['adds a rule without an expression', { add: { rule: { ...TABLE, chain: 'input' } } }],
    ['copies packets to somebody', rule({ dup: { addr: '192.0.2.1', dev: 'eth0' } })],
    ['forwards packets to somebody', rule({ fwd: { dev: 'eth0' } })],
    ['translates addresses', rule({ dnat: { addr: '192.0.2.1' } })],
    ['redirects to a port of the host', rule({ redirect: { port: 8080 } })],
    ['hands packets to a program', rule({ queue: { num: 0 } })],
    ['hands packets to a proxy', rule({ tproxy: { port: 50080 } })],
    ['changes packets', rule({ mangle: { key: { meta: { key: 'mark' } }, value: 1 } })],
    ['switches connection tracking off', rule({ notrack: null })],
    ['uses an old extension', rule({ xt: { type: 'target', name: 'DNAT' } })],
    ['offloads connections', rule({ flow: { op: 'add', flowtable: '@f' } })],
    ['leaves for another chain', rule({ jump: { target: 'elsewhere' } })],
    [
      'holds a statement nobody knows',
      rule({ match: { op: '==', left: { meta: { key: 'iif' } }, right: 'lo' } }, { later: null }),
    ],
    ['is two statements in one', rule({ drop: null, accept: null })],
  ];
  for (const [what, command] of appended) {
    it(`refuses a program that ${what}`, () => {
      assert.match(refusal([...good, command]), new RegExp(`^command ${good.length + 1} of the program`));
    });
  }

  const whole: readonly [string, readonly Json[]][] = [
    ['is empty', []],
    ['only adds to what is there', good.slice(2)],
    ['does not take the old table away', [good[0] ?? null, good[2] ?? null, ...good.slice(3)]],
    ['begins with a flush', [{ flush: { ruleset: null } }, ...good]],
    ['begins with what nft prints about itself', [{ metainfo: { json_schema_version: 1 } }, ...good]],
    ['replaces another table first', [{ add: { table: { family: 'inet', name: 'x' } } }, ...good.slice(1)]],
    [
      'names more than a table where it replaces one',
      [{ add: { table: { family: 'inet', name: 'cordon', flags: ['dormant'] } } }, ...good.slice(1)],
    ],
    ['ends with the replacement, and so opens the host', good.slice(0, 3)],
    ['has no chain for what goes out', good.filter((one) => !JSON.stringify(one).includes('"output"'))],
    ['has no chain for what comes in', good.filter((one) => !JSON.stringify(one).includes('"input"'))],
    ['is longer than a host can need', [...good, ...Array<Json>(100_001).fill(rule({ drop: null }))]],
  ];
  for (const [what, nftables] of whole) {
    it(`refuses a program that ${what}`, () => assert.notEqual(refusal(nftables), ''));
  }

  it('lets nothing through whose text names another table or a flush, whatever JSON arrives', () => {
    const command = fc.oneof(
      fc.jsonValue(),
      fc.record({ add: fc.jsonValue() }),
      fc.record({ add: fc.record({ chain: fc.jsonValue(), rule: fc.jsonValue() }, { requiredKeys: [] }) }),
    );
    fc.assert(
      fc.property(fc.array(command, { minLength: 1 }), (more) => {
        const checked = checkProgram({ nftables: [...good, ...(more as Json[])] });
        assert.equal(checked.ok, false);
      }),
    );
  });
});
