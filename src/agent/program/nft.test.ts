import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'node:test';
import type { Json } from '#base';
import type { RunCommand } from '../command.ts';
import { openState, type StateDirectory } from '../state.ts';
import { type Scripted, fakeHost } from '../testdata/fake-host.ts';
import { closedProgram } from '../testdata/programs.ts';
import { nftables } from './nft.ts';

const { document } = closedProgram('v1');
const LIST = 'nft -j list table inet cordon';

describe('nftables', () => {
  let state: StateDirectory;
  let fed: { args: string; text: string }[];
  const run: RunCommand = async (_, args) => {
    fed.push({ args: args.slice(0, -1).join(' '), text: readFileSync(args.at(-1) ?? '', 'utf8') });
    return await Promise.resolve({ outcome: 'exited', code: 0, stdout: '', stderr: '' });
  };
  const listing = async (answer: Scripted): ReturnType<ReturnType<typeof nftables>['list']> =>
    await nftables(fakeHost({ commands: { [LIST]: answer } }).run, state).list();
  const digestOf = async (objects: readonly Json[]): Promise<string> => {
    const listed = await listing(JSON.stringify({ nftables: objects }));
    assert.ok(listed !== undefined && 'digest' in listed);
    return listed.digest;
  };

  beforeEach(async () => {
    state = await openState(mkdtempSync(join(tmpdir(), 'cordon-nft-')), {
      create: false,
      uid: process.getuid?.() ?? 0,
    });
    fed = [];
  });

  it('is handed the document in a file, as JSON and nothing but what was checked', async () => {
    const nft = nftables(run, state);
    assert.equal(await nft.check(document), undefined);
    assert.equal(await nft.apply({ ...document, ...{ extra: 'flush ruleset' } }), undefined);
    assert.deepEqual(
      fed.map(({ args }) => args),
      ['-c -j -f', '-j -f'],
    );
    for (const { text } of fed) assert.deepEqual(JSON.parse(text), { nftables: document.nftables });
  });

  it('is handed the document from memory when the disk is full, and leaves nothing there', {
    skip: process.getuid?.() === 0 && existsSync('/run') ? false : 'needs root to write to /run',
  }, async () => {
    let path = '';
    const full = { ...state, write: async () => await Promise.reject(new Error('disk full')) };
    const watching: RunCommand = async (command, args) => {
      path = args.at(-1) ?? '';
      return await run(command, args);
    };
    assert.equal(await nftables(watching, full).apply(document), undefined);
    assert.deepEqual(JSON.parse(fed[0]?.text ?? ''), { nftables: document.nftables });
    assert.match(path, /^\/run\/cordon-agent-[0-9a-f]{16}\.json$/);
    assert.equal(existsSync(path), false);
  });

  it('says in one line what it refuses', async () => {
    const refusing = fakeHost({
      commands: { nft: { code: 1, stderr: 'internal:0:0-0: Error: No such chain\n^^^\n' } },
    });
    assert.match(
      (await nftables(refusing.run, state).apply(document)) ?? '',
      /exit code 1: internal:0:0-0: Error: No such chain$/,
    );
    assert.match((await nftables(fakeHost().run, state).check(document)) ?? '', /not installed/);
  });

  it('tells a table that is not there from one that cannot be listed', async () => {
    assert.equal(await listing({ code: 1, stderr: 'Error: No such file or directory\n' }), undefined);
    for (const answer of [{ code: 1, stderr: 'Operation not permitted' }, 'garbage', '[]', '{"nftables":1}'] as const) {
      const listed = await listing(answer);
      assert.ok(listed !== undefined && 'error' in listed, JSON.stringify(listed));
    }
  });

  it('takes two listings for the same table when only handles, counters and what traffic filled differ', async () => {
    const listed = (o: {
      handle?: number;
      packets?: number;
      denied?: Json[];
      element?: string;
      verdict?: string;
    }): Json[] => [
      { metainfo: { version: String(o.handle) } },
      { table: { family: 'inet', name: 'cordon', handle: o.handle ?? 1 } },
      { set: { name: 'denied_in4', timeout: 900, handle: o.handle ?? 1, elem: o.denied ?? [] } },
      { set: { name: 'in_tcp_0_v4', elem: [o.element ?? '10.0.0.1'] } },
      {
        rule: {
          chain: 'input',
          handle: o.handle ?? 1,
          expr: [{ counter: { packets: o.packets ?? 0 } }, { [o.verdict ?? 'drop']: null }],
        },
      },
    ];
    const same = await digestOf(listed({}));
    assert.equal(await digestOf(listed({ handle: 7, packets: 9, denied: ['10.0.0.9'] })), same);
    assert.notEqual(await digestOf(listed({ element: '10.0.0.2' })), same, 'an address somebody added');
    assert.notEqual(await digestOf(listed({ verdict: 'accept' })), same);
    assert.notEqual(await digestOf(listed({}).slice(0, -1)), same);
  });
});
