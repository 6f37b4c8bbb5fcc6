import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { CordonError, manualClock, type Problem, type Result } from '#base';
import { openJournal } from '#journal';
import { TrustGraph } from '#model';
import { openStore } from '#store';
import { fileSource } from './configuration-source.ts';
import { openSettings, readForStart, type Settings, type SettingsOptions } from './settings.ts';

const POLICY = 'permit (principal, action == Action::"access", resource == App::"verify");\n';
const DOCUMENT = 'apps:\n  verify: { builtin: verify }\n';

interface Bench {
  readonly file: string;
  readonly options: SettingsOptions;
  readonly told: Result<number, readonly Problem[]>[];
  readonly changes: number[];
  open(): Promise<Settings>;
  write(text: string, policy?: string): void;
  eventCount(): number;
}

async function bench(t: TestContext): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-settings-'));
  const file = join(folder, 'cordon.yaml');
  const write = (text: string, policy = POLICY): void => {
    mkdirSync(join(folder, 'policies'), { recursive: true });
    writeFileSync(file, text);
    writeFileSync(join(folder, 'policies', 'access.cedar'), policy);
  };
  write(DOCUMENT);
  const clock = manualClock(Date.now());
  const store = await openStore({ path: ':memory:', clock });
  const journal = await openJournal({ directory: join(folder, 'journal'), clock });
  const graph = new TrustGraph();
  graph.load(await store.snapshot());
  store.onChanges((changes) => {
    for (const change of changes) graph.apply(change);
  });
  t.after(async () => {
    await journal.close();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const told: Bench['told'] = [];
  const changes: number[] = [];
  const options: SettingsOptions = {
    source: fileSource(file),
    store,
    graph,
    journal,
    clock,
    onChange: async ({ apps }) => {
      changes.push(apps.length);
    },
    onReload: (result) => told.push(result),
  };
  return {
    file,
    options,
    told,
    changes,
    write,
    open: async () => await openSettings(options, readForStart(options.source)),
    eventCount: () => journal.recent(100).filter(({ message }) => message.startsWith('configuration applied')).length,
  };
}

describe('the configuration at a start', () => {
  it('is applied and recorded', async (t) => {
    const { open, options, eventCount } = await bench(t);
    await open();
    assert.equal(options.graph.get('app', 'verify')?.host, 'verify.localhost');
    assert.equal(options.graph.get('policyActivation', 'active')?.version, 1);
    assert.equal(eventCount(), 1);
  });

  it('is not applied again while it is the same, so that what was activated meanwhile stays in force', async (t) => {
    const { open, options } = await bench(t);
    await open();
    await options.store.transact('user:usr_1', async (tx) => {
      await tx.put('policyBundle', { id: 'policy-2', version: 2, texts: {}, author: 'a', message: 'm', createdAt: 1 });
      await tx.put('policyActivation', { id: 'active', bundleId: 'policy-2', version: 2, by: 'a', at: 1 });
    });
    await open();
    assert.equal(options.graph.get('policyActivation', 'active')?.version, 2);
  });

  it('that is not valid ends the start with every problem', async (t) => {
    const { open, write } = await bench(t);
    write('apps:\n  verify: { builtin: verify, colour: red }\nshape: round\n');
    await assert.rejects(open(), (error: unknown) => {
      assert.ok(error instanceof CordonError);
      assert.equal(error.code, 'configuration-invalid');
      assert.deepEqual(
        error.problems.map(({ code, source }) => [code, source?.line]),
        [
          ['configuration-unknown-key', 2],
          ['configuration-unknown-key', 3],
        ],
      );
      return true;
    });
  });

  it('follows the files of the models that applications are decided by', async (t) => {
    const { open, file, write, told } = await bench(t);
    const folder = join(file, '../shop');
    mkdirSync(folder);
    const policy = join(folder, 'all.cedar');
    writeFileSync(
      join(folder, 'shop.cedarschema'),
      'entity Buyer; action buy appliesTo { principal: Buyer, resource: Buyer };',
    );
    writeFileSync(policy, 'permit (principal, action, resource);');
    write(
      `${DOCUMENT}authzen: { models: { shop: { schema: shop/shop.cedarschema, policies: shop, types: {}, actions: {} } } }`,
    );
    const settings = await open();
    const buyer = { type: 'Buyer', id: 'ann' };
    const question = { principal: buyer, action: { type: 'Action', id: 'buy' }, resource: buyer, context: {} };
    const decide = (): string | undefined => settings.current().authzen[0]?.model.decide(question).code;
    await settings.follow();
    assert.deepEqual([decide(), told.length], ['permit', 0]);
    writeFileSync(policy, 'forbid (principal, action, resource) when { true };');
    await settings.follow();
    assert.deepEqual([decide(), told.length], ['forbidden', 1]);
    writeFileSync(policy, 'permit (principal');
    await settings.follow();
    assert.deepEqual([decide(), told.at(-1)?.ok], ['forbidden', false], 'the last good one stays');
    await settings.adopt({ ...settings.current(), authzen: [] });
    assert.equal(decide(), undefined, 'a document that was sent is taken up too');
  });

  it('with policies that do not validate ends the start and changes nothing', async (t) => {
    const { open, write, options } = await bench(t);
    write(DOCUMENT, 'permit (principal, action == Action::"access", resource) when { principal.shoe == 43 };');
    await assert.rejects(open(), { code: 'configuration-invalid' });
    assert.equal(options.graph.seq, 0);
  });
});

describe('a configuration that changes while Cordon runs', () => {
  it('is taken up, recorded and told', async (t) => {
    const { open, write, options, told, changes, eventCount } = await bench(t);
    const settings = await open();
    await settings.follow();
    assert.deepEqual(told, [], 'nothing has changed yet');
    write(`${DOCUMENT}  wiki: { upstream: "http://127.0.0.1:9000" }\n`);
    await settings.follow();
    assert.equal(options.graph.get('app', 'wiki')?.upstream, 'http://127.0.0.1:9000');
    assert.deepEqual(told, [{ ok: true, value: 1 }]);
    assert.deepEqual(changes, [2]);
    assert.equal(eventCount(), 2);
  });

  it('is taken up when only a test of the policies changed, unless it fails', async (t) => {
    const { open, file, told, options } = await bench(t);
    const settings = await open();
    const test = (expect: string): void =>
      writeFileSync(
        join(dirname(file), 'policies', 'access.cedartest.yaml'),
        `people: { ada: {} }\napps: { verify: {} }\ntests: { t: { who: ada, opens: verify, expect: ${expect} } }\n`,
      );
    test('forbid');
    await settings.follow();
    assert.equal(settings.problem()?.problems[0]?.code, 'policy-test-failed');
    assert.equal(options.graph.get('policyActivation', 'active')?.version, 1);
    test('permit');
    await settings.follow();
    assert.equal(settings.problem(), undefined);
    assert.equal(options.graph.get('policyActivation', 'active')?.version, 2);
    assert.equal(told.length, 2);
  });

  it('is taken up when only a policy changed', async (t) => {
    const { open, write, options } = await bench(t);
    const settings = await open();
    write(DOCUMENT, `${POLICY}// a comment\n`);
    await settings.follow();
    assert.equal(options.graph.get('policyActivation', 'active')?.version, 2);
  });

  const bad: readonly [string, string, string | undefined, string][] = [
    ['does not parse', 'apps: [', undefined, 'yaml-invalid'],
    ['has an unknown key', `${DOCUMENT}colour: red\n`, undefined, 'configuration-unknown-key'],
    ['has a policy that does not parse', DOCUMENT, 'permit (', 'policy-syntax'],
    [
      'waits for a detection that does not exist',
      `${DOCUMENT}responses: { cut: { when: port-prob, action: quarantine } }\n`,
      undefined,
      'configuration-invalid',
    ],
    ['moves a listener', `${DOCUMENT}listen: { http: "127.0.0.1:9999" }\n`, undefined, 'restart-needed'],
    ['moves the data', `${DOCUMENT}data: elsewhere\n`, undefined, 'restart-needed'],
  ];
  for (const [what, text, policy, code] of bad) {
    it(`and ${what} keeps the last good one in force and says why: ${code}`, async (t) => {
      const { open, write, options, told } = await bench(t);
      const settings = await open();
      const { seq } = options.graph;
      write(text, policy);
      await settings.follow();
      assert.equal(options.graph.seq, seq);
      assert.equal(settings.current().listen.http?.port, 8080);
      assert.equal(settings.problem()?.problems[0]?.code, code);
      assert.equal(told.length, 1);
      write(DOCUMENT);
      await settings.reload('local:0');
      assert.equal(settings.problem(), undefined);
    });
  }

  it('or a command may change what is not in the store, and a certificate that cannot be used takes nothing up', async (t) => {
    const { open, options } = await bench(t);
    let fails = false;
    const onChange = async (): Promise<void> => {
      if (fails) throw new CordonError('tls-files-invalid', 'no such file');
    };
    const settings = await openSettings({ ...options, onChange }, (await open()).current());
    await settings.adopt({
      ...settings.current(),
      external: { ingress: 'deny', egress: 'deny' },
      domain: 'example.org',
    });
    assert.deepEqual(settings.current().external, { ingress: 'deny', egress: 'deny' });
    assert.equal(settings.current().domain, 'localhost');
    fails = true;
    const { external } = settings.current();
    await assert.rejects(settings.adopt({ ...settings.current(), external: { ingress: 'allow', egress: 'allow' } }));
    assert.deepEqual(settings.current().external, external);
  });

  it('and disappears keeps the last good one', async (t) => {
    const { open, file, options } = await bench(t);
    const settings = await open();
    rmSync(file);
    await settings.follow();
    assert.equal(settings.problem()?.problems[0]?.code, 'configuration-unreadable');
    assert.ok(options.graph.get('app', 'verify'));
  });
});
