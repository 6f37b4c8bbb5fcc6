// What people and machines get wrong: each gives one clear message with what to do, exit code 2, and loses nothing.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { ACCOUNT } from './account.ts';
import { type Ended, type Installation, installation } from './cordon.ts';

const LISTEN = 'listen: { http: "127.0.0.1:0", tls: "127.0.0.1:0" }\n';
const POLICY = '@id("staff")\npermit (principal in Group::"staff", action == Action::"access", resource);\n';
const made: Installation[] = [];

function fresh(): Installation {
  const cordon = installation();
  made.push(cordon);
  cordon.write('cordon.yaml', LISTEN);
  cordon.write('policies/staff.cedar', POLICY);
  return cordon;
}

/** One message: what happened, then what to do; nothing of the inside of the program. */
function assertClear({ code, stdout, stderr }: Ended, expected: RegExp): void {
  assert.equal(code, 2, `${stdout}${stderr}`);
  assert.match(stderr, /^error: /m);
  assert.match(stderr, expected);
  assert.match(stderr, /^\s*hint: /m);
  assert.doesNotMatch(stderr, /\n\s+at .*\(|node:internal|undefined/);
}

after(async () => {
  await Promise.all(made.map(async (cordon) => await cordon.remove()));
});

describe('ctrl-C', { timeout: 60_000 }, () => {
  it('stops in order although npm passes on what the terminal has sent already', async () => {
    const running = await fresh().up('-c', 'cordon.yaml');
    const first = running.stop('SIGINT');
    await wait(20);
    await Promise.all([first, running.stop('SIGINT')]);
    assert.match(running.output(), /\nCordon has stopped; everything is kept\n$/);
  });
});

describe('a start', { timeout: 120_000 }, () => {
  const documents: readonly [string, string, RegExp][] = [
    ['YAML that does not parse', `${LISTEN}apps: [\n`, /cordon\.yaml:\d+:\d+/],
    ['an unknown key', `${LISTEN}colour: red\n`, /cordon\.yaml:2:1: .*`colour`/],
    ['a wrong type', `${LISTEN}apps: { wiki: { upstream: 7 } }\n`, /cordon\.yaml:2:\d+: .*apps\.wiki\.upstream/],
    ['plain HTTP for everybody', 'listen: { http: "0.0.0.0:8080" }\n', /loopback/],
    ['a file that is not there', '', /missing\.yaml/],
  ];
  for (const [what, text, expected] of documents) {
    it(`with ${what} says where and what to do`, async () => {
      const cordon = fresh();
      if (text !== '') cordon.write('cordon.yaml', text);
      assertClear(await cordon.run('up', '-c', text === '' ? 'missing.yaml' : 'cordon.yaml'), expected);
    });
  }

  it('with a policy that does not validate names file, line and column', async () => {
    const cordon = fresh();
    cordon.write(
      'policies/wrong.cedar',
      'permit (principal, action == Action::"access", resource)\nwhen { principal.shoe == 43 };',
    );
    assertClear(await cordon.run('up', '-c', 'cordon.yaml'), /wrong\.cedar:2:\d+: .*shoe/);
  });

  it('with a port that is in use names it', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const cordon = fresh();
    cordon.write('cordon.yaml', `listen: { http: "127.0.0.1:${port}", tls: "off" }\n`);
    assertClear(await cordon.run('up', '-c', 'cordon.yaml'), new RegExp(`127\\.0\\.0\\.1:${port}`));
    other.close();
  });

  it('in a directory that cannot be written names it', async () => {
    const cordon = fresh();
    cordon.write('file', '');
    cordon.write('cordon.yaml', `${LISTEN}data: file/data\n`);
    assertClear(await cordon.run('up', '-c', 'cordon.yaml'), /file\/data/);
  });

  it('with a corrupt database says so and leaves it as it is', async () => {
    const cordon = fresh();
    await (await cordon.up('-c', 'cordon.yaml')).stop();
    const file = join(cordon.folder, 'data/cordon.db');
    writeFileSync(file, Buffer.alloc(readFileSync(file).length, 'x'));
    const digest = (): string => createHash('sha256').update(readFileSync(file)).digest('hex');
    const before = digest();
    assertClear(await cordon.run('up', '-c', 'cordon.yaml'), /database .*damaged/);
    assert.equal(digest(), before);
  });

  it('beside another on the same data says so, and the first goes on', async () => {
    const cordon = fresh();
    await cordon.up('-c', 'cordon.yaml');
    assertClear(await cordon.run('up', '-c', 'cordon.yaml'), /another Cordon|in use/i);
    assert.equal((await cordon.run('status')).code, 0);
  });
});

describe('an import', { timeout: 60_000 }, () => {
  it('names the broken file with its position, and takes the rest', async () => {
    const cordon = fresh();
    await cordon.up('-c', 'cordon.yaml');
    for (const [file, content] of Object.entries(ACCOUNT)) cordon.write(`account/${file}`, JSON.stringify(content));
    cordon.write('account/eu-central-1/s3-list-buckets.json', '{ "Buckets": [ }');
    const { code, stdout, stderr } = await cordon.run('discover', 'aws', '--from', 'account');
    assert.equal(code, 0, stderr);
    assert.match(stderr + stdout, /s3-list-buckets\.json:1:\d+/);
    const { items } = await cordon.json<{ items: readonly { kind: string }[] }>('assets', 'list');
    assert.equal(items.filter(({ kind }) => kind === 'compute.instance').length, 2);
  });

  it('from a folder that is not there, or holds nothing of an account, says so', async () => {
    const cordon = fresh();
    await cordon.up('-c', 'cordon.yaml');
    assertClear(await cordon.run('discover', 'aws', '--from', 'nowhere'), /nowhere/);
    cordon.write('empty/readme.txt', 'nothing');
    assertClear(await cordon.run('discover', 'aws', '--from', 'empty'), /empty/);
  });
});

describe('a command', { timeout: 60_000 }, () => {
  it('without a running Cordon says how to start one', async () => {
    assertClear(await fresh().run('assets', 'list'), /no Cordon answers|cordon up/i);
  });

  it('that does not exist names the nearest', async () => {
    assertClear(await fresh().run('asets'), /assets/);
  });

  it('applies nothing of a document whose policies do not validate', async () => {
    const cordon = fresh();
    await cordon.up('-c', 'cordon.yaml');
    const before = await cordon.json<{ graphSeq: number }>('status');
    cordon.write('other.yaml', `${LISTEN}policies: other\napps: { wiki: { upstream: "http://127.0.0.1:9" } }\n`);
    cordon.write('other/a.cedar', 'permit (');
    assertClear(await cordon.run('apply', '-c', 'other.yaml', '--socket', 'data/control.sock'), /a\.cedar:1:\d+/);
    assert.equal((await cordon.json<{ graphSeq: number }>('status')).graphSeq, before.graphSeq);
  });
});
