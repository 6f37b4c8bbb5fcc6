import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Json, type ManualClock, manualClock } from '#base';
import type { HostProgram } from '#wire';
import { openState, type StateDirectory } from '../state.ts';
import { closedProgram } from '../testdata/programs.ts';
import { Enforcer } from './enforcer.ts';
import type { Nft } from './nft.ts';

/** A packet filter that holds one table. Its version is the last document that was applied. */
class FakeNft implements Nft {
  table: HostProgram['document'] | undefined;
  readonly applied: HostProgram['document'][] = [];
  refusal: string | undefined;
  objects: Json[] = [];
  async check(): Promise<string | undefined> {
    return await Promise.resolve(this.refusal);
  }
  async apply(document: HostProgram['document']): Promise<string | undefined> {
    if (this.refusal !== undefined) return await Promise.resolve(this.refusal);
    this.applied.push(document);
    this.table = document.nftables.length > 2 ? document : undefined;
    return undefined;
  }
  async list(): ReturnType<Nft['list']> {
    if (this.table === undefined) return await Promise.resolve(undefined);
    const objects = this.table.nftables.slice(3).flatMap((one) => Object.values(one as object) as Json[]);
    return { digest: JSON.stringify(this.table), objects: [...objects, ...this.objects] };
  }
}

const [v1, v2, v3] = [
  closedProgram('v1', { allow: [1] }),
  closedProgram('v2', { allow: [2] }),
  closedProgram('v3', { allow: [3] }),
];

function versionOf(document: HostProgram['document'] | undefined): string | undefined {
  if (document === undefined) return undefined;
  const text = JSON.stringify(document);
  return [v1, v2, v3].find((one) => JSON.stringify(one.document) === text)?.version ?? 'another';
}

describe('enforcing a program', () => {
  let clock: ManualClock;
  let nft: FakeNft;
  let state: StateDirectory;
  let events: string[];
  let isReachable: (version: string | undefined) => boolean;

  const agent = (): Enforcer =>
    new Enforcer({
      nft,
      state,
      clock,
      log: (event) => events.push(event),
      reach: async () => await Promise.resolve(isReachable(versionOf(nft.table))),
      addresses: () => ['10.0.0.7'],
      trialMs: 1000,
    });
  const file = (name: string): string => join(state.path, name);

  beforeEach(async () => {
    clock = manualClock(1_700_000_000_000);
    nft = new FakeNft();
    events = [];
    isReachable = () => true;
    state = await openState(mkdtempSync(join(tmpdir(), 'cordon-enforcer-')), {
      create: false,
      uid: process.getuid?.() ?? 0,
    });
  });

  it('applies a program, keeps it, and says which checks it passed', async () => {
    const enforcer = agent();
    assert.equal(enforcer.have, undefined);
    await enforcer.apply(v1);
    assert.equal(versionOf(nft.table), 'v1');
    assert.equal(enforcer.have, 'v1');
    const { status } = enforcer;
    assert.deepEqual([status?.applied, status?.attempted, status?.ok], ['v1', 'v1', true]);
    assert.deepEqual(
      status?.checks.map(({ name, ok }) => [name, ok]),
      ['document', 'dry-run', 'server-before', 'apply', 'read-back', 'server-after'].map((name) => [name, true]),
    );
    assert.equal(existsSync(file('trial.json')), false);
  });

  it('does nothing when the program is in force already', async () => {
    const enforcer = agent();
    await enforcer.apply(v1);
    await enforcer.apply({ ...v1 });
    assert.equal(nft.applied.length, 1);
  });

  it('goes back to the previous program when the server cannot be reached with the new one', async () => {
    const enforcer = agent();
    await enforcer.apply(v1);
    isReachable = (version) => version !== 'v2';
    await enforcer.apply(v2);
    assert.equal(versionOf(nft.table), 'v1');
    const { status } = enforcer;
    assert.deepEqual([status?.applied, status?.attempted, status?.ok], ['v1', 'v2', false]);
    assert.match(status?.error ?? '', /server could not be reached for 1 s/);
    assert.deepEqual(status?.checks.at(-1), { name: 'rollback', ok: true, detail: 'back to v1' });
    assert.ok(events.includes('program-rolled-back'));
    const restarted = agent();
    await restarted.start();
    assert.equal(restarted.have, 'v1');
  });

  it('takes a first program back, for before it there was none', async () => {
    const enforcer = agent();
    isReachable = (version) => version === undefined;
    await enforcer.apply(v1);
    assert.equal(nft.table, undefined);
    assert.equal(enforcer.status?.applied, undefined);
    assert.equal(existsSync(file('program.json')), false);
  });

  it('tries a program only while the server can be reached, or the trial would prove nothing', async () => {
    const enforcer = agent();
    await enforcer.apply(v1);
    isReachable = () => false;
    await enforcer.apply(v2);
    assert.equal(versionOf(nft.table), 'v1');
    assert.equal(nft.applied.length, 1);
    assert.match(enforcer.status?.error ?? '', /trial would prove nothing/);
  });

  it('never touches the packet filter for a document the guard refuses', async () => {
    const enforcer = agent();
    await enforcer.apply(v1);
    await enforcer.apply({
      version: 'bad',
      document: { nftables: [...v2.document.nftables, { flush: { ruleset: null } }] },
    });
    assert.equal(nft.applied.length, 1);
    assert.deepEqual([enforcer.status?.applied, enforcer.status?.ok], ['v1', false]);
  });

  it('keeps the program in force when the kernel refuses the next one', async () => {
    const enforcer = agent();
    await enforcer.apply(v1);
    nft.refusal = 'no such chain';
    await enforcer.apply(v2);
    assert.equal(enforcer.status?.error, 'no such chain');
    assert.deepEqual([enforcer.status?.applied, versionOf(nft.table)], ['v1', 'v1']);
  });

  it('waits longer each time before it tries a refused program again, and takes another one at once', async () => {
    const enforcer = agent();
    isReachable = (version) => version !== 'v2';
    await enforcer.apply(v1);
    await enforcer.apply(v2);
    assert.equal(enforcer.have, 'v2', 'it need not be sent again meanwhile');
    const tries = nft.applied.length;
    await enforcer.apply(v2);
    clock.advance(20_000);
    await enforcer.apply(v2);
    assert.equal(nft.applied.length, tries);
    await enforcer.apply(v3);
    assert.equal(versionOf(nft.table), 'v3');
    assert.equal(enforcer.have, 'v3');
    await enforcer.apply(v2);
    clock.advance(90_001); // a minute, and at most half of it more
    const before = nft.applied.length;
    await enforcer.apply(v2);
    assert.ok(nft.applied.length > before);
  });

  it('forgets a refused program when the server goes back to the one in force', async () => {
    const enforcer = agent();
    isReachable = (version) => version !== 'v2';
    await enforcer.apply(v1);
    await enforcer.apply(v2);
    await enforcer.apply(v1);
    assert.equal(enforcer.have, 'v1');
  });

  it('puts the last verified program in force when it starts, before it hears from anybody', async () => {
    await agent().apply(v1);
    nft.table = undefined; // the host was restarted
    isReachable = () => false;
    const enforcer = agent();
    await enforcer.start();
    assert.equal(versionOf(nft.table), 'v1');
    assert.deepEqual([enforcer.status?.applied, enforcer.status?.ok], ['v1', true]);
  });

  it('starts with the previous program after a crash in the middle of a trial', async () => {
    await agent().apply(v1);
    nft.table = v2.document;
    writeFileSync(file('trial.json'), '{}');
    await agent().start();
    assert.equal(versionOf(nft.table), 'v1');
    assert.equal(existsSync(file('trial.json')), false);
  });

  it('takes back a first program that was being tried when the agent crashed', async () => {
    nft.table = v1.document;
    writeFileSync(file('trial.json'), '{}');
    await agent().start();
    assert.equal(nft.table, undefined);
    assert.ok(events.includes('program-rolled-back'));
  });

  it('leaves the table of an agent without a stored program alone: it never opens what it did not close', async () => {
    nft.table = v1.document;
    await agent().start();
    assert.equal(versionOf(nft.table), 'v1');
    assert.equal(nft.applied.length, 0);
  });

  const damages: readonly [string, (text: string) => string][] = [
    ['one letter of a rule', (text) => text.replace('"drop"', '"accept"')],
    ['the version', (text) => text.replace('"v1"', '"v9"')],
    ['its end', (text) => text.slice(0, -20)],
    ['everything', () => ''],
    [
      'the whole, with a checksum of its own, to something the guard refuses',
      () => '{"version":"v1","document":{"nftables":[]},"appliedAt":1,"sha256":"2d6c3b7c"}',
    ],
  ];
  for (const [what, damage] of damages) {
    it(`does not apply a stored program in which somebody changed ${what}, and leaves the firewall as it is`, async () => {
      await agent().apply(v1);
      const stored = readFileSync(file('program.json'), 'utf8');
      const changed = damage(stored);
      assert.notEqual(changed, stored);
      writeFileSync(file('program.json'), changed);
      const enforcer = agent();
      await enforcer.start();
      assert.equal(nft.applied.length, 1);
      assert.equal(versionOf(nft.table), 'v1');
      assert.equal(enforcer.have, undefined, 'so that the server sends it again');
      assert.ok(events.includes('program-damaged'));
    });
  }

  it('puts the table back when it was flushed or changed, and tells the server why', async () => {
    const enforcer = agent();
    await enforcer.apply(v1);
    await enforcer.watch();
    assert.equal(nft.applied.length, 1, 'nothing to do');
    nft.table = undefined;
    await enforcer.watch();
    assert.equal(versionOf(nft.table), 'v1');
    assert.deepEqual(enforcer.status?.checks, [{ name: 'restored', ok: true, detail: 'the table was removed' }]);
    nft.table = { nftables: v1.document.nftables.slice(0, -1) };
    await enforcer.watch();
    assert.equal(versionOf(nft.table), 'v1');
    assert.equal(enforcer.status?.checks[0]?.detail, 'the table was changed');
  });

  it('does not let a program that is put back meet one that is being tried', async () => {
    const enforcer = agent();
    await enforcer.apply(v1);
    nft.table = undefined;
    const { apply } = nft;
    nft.apply = async (document) => {
      await wait(5);
      return await apply.call(nft, document);
    };
    const watching = enforcer.watch();
    await Promise.all([watching, enforcer.apply(v2), enforcer.watch()]);
    await enforcer.watch();
    assert.equal(versionOf(nft.table), 'v2');
    assert.equal(enforcer.status?.applied, 'v2');
    assert.deepEqual(
      nft.applied.map(versionOf),
      ['v1', 'v1', 'v2'],
      'put back first, then replaced, and then there is nothing to do',
    );
  });

  it('says that no program is in force while it cannot be put back, and tries on', async () => {
    const enforcer = agent();
    await enforcer.apply(v1);
    nft.table = undefined;
    nft.refusal = 'out of memory';
    await enforcer.watch();
    await enforcer.watch();
    assert.deepEqual(
      [enforcer.status?.applied, enforcer.status?.ok, enforcer.status?.error],
      [undefined, false, 'out of memory'],
    );
    assert.equal(events.filter((event) => event === 'program-not-in-force').length, 1, 'told once');
    nft.refusal = undefined;
    await enforcer.watch();
    assert.deepEqual([enforcer.status?.applied, enforcer.status?.ok], ['v1', true]);
  });

  it('says so when the packet filter cannot be looked at, and when it can again', async () => {
    const enforcer = agent();
    await enforcer.apply(v1);
    const { list } = nft;
    nft.list = async () => await Promise.resolve({ error: '`nft` did not end within 30 s' });
    await enforcer.watch();
    assert.deepEqual([enforcer.status?.ok, enforcer.status?.error], [false, '`nft` did not end within 30 s']);
    nft.list = list;
    await enforcer.watch();
    assert.deepEqual([enforcer.status?.applied, enforcer.status?.ok], ['v1', true]);
    assert.equal(nft.applied.length, 1);
  });

  it('counts what was refused, also what came while no agent ran', async () => {
    const denied = (packets: number): Json => ({
      set: {
        name: 'denied_in4',
        timeout: 900,
        elem: [{ elem: { val: { concat: ['10.0.0.9', 22, 'tcp'] }, expires: 899, counter: { packets } } }],
      },
    });
    const enforcer = agent();
    await enforcer.apply(v1);
    nft.objects = [denied(2)];
    await enforcer.watch();
    assert.equal(enforcer.flows.next()[0]?.packets, 2);
    nft.objects = [denied(5)];
    const restarted = agent();
    await restarted.start();
    assert.equal(restarted.flows.next()[0]?.packets, 5);
  });

  it('enforces a program also when the disk takes nothing, and says that it was not kept', async () => {
    await agent().apply(v1);
    state = { ...state, write: async () => await Promise.reject(new Error('disk full')) };
    const enforcer = agent();
    await enforcer.start();
    await enforcer.apply(v2);
    assert.equal(versionOf(nft.table), 'v2');
    assert.deepEqual([enforcer.status?.applied, enforcer.status?.ok], ['v2', true]);
    assert.deepEqual(enforcer.status?.checks.at(-1), { name: 'kept', ok: false, detail: 'disk full' });
    isReachable = (version) => version !== 'v3';
    await enforcer.apply(v3);
    assert.equal(versionOf(nft.table), 'v2', 'it goes back to what was in force, not to what is on the disk');
  });
});
