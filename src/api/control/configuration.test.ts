import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ApiBench, openApiBench } from '../testdata/api-bench.ts';
import { callLocal, type Reply } from '../testdata/browser.ts';

const POLICIES = { 'access.cedar': 'permit (principal in Group::"staff", action == Action::"access", resource);\n' };
const TEXT = `groups:
  staff: {}
  engineering: {}
apps:
  wiki: { name: Wiki of all, builtin: verify }
segments:
  web: { labels: { role: web } }
  db: { labels: { role: db } }
workloads:
  web-1: { labels: { role: web }, addresses: ["10.0.0.1"] }
`;

describe('the configuration over the control socket', () => {
  let bench: ApiBench;
  before(async () => {
    bench = await openApiBench();
  });
  after(async () => await bench.close());

  const post = async (path: string, body: object): Promise<Reply> =>
    await callLocal(bench, path, { method: 'POST', body });
  const EXPECTED = [
    { kind: 'group', id: 'engineering', op: 'add' },
    { kind: 'app', id: 'wiki', op: 'change' },
    { kind: 'workload', id: 'db-1', op: 'remove' },
    { kind: 'policies', id: 'policy-2', op: 'change' },
  ];

  it('says what a document would change, and changes nothing', async () => {
    const seq = bench.graph.seq;
    const reply = await post('/api/configuration/diff', { file: 'cordon.yaml', text: TEXT, policies: POLICIES });
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual(reply.json(), { changes: EXPECTED });
    assert.equal(bench.graph.seq, seq);
  });

  it('applies it with an event that names every change, and a second time nothing is left to do', async () => {
    const body = { file: 'cordon.yaml', text: TEXT, policies: POLICIES, message: 'engineering joins' };
    const reply = await post('/api/configuration', body);
    assert.deepEqual(reply.json(), { changes: EXPECTED });
    assert.equal(bench.graph.get('app', 'wiki')?.name, 'Wiki of all');
    assert.equal(bench.graph.get('workload', 'db-1'), undefined);
    const bundle = bench.graph.get('policyBundle', 'policy-2');
    assert.deepEqual([bundle?.author, bundle?.message], ['local:1000', 'engineering joins']);
    const event = bench.journal.recent(1)[0];
    assert.equal(event?.message, 'local:1000 applied cordon.yaml: 1 added, 2 changed, 1 removed');
    assert.deepEqual(event?.unmapped?.cordon['changes'], EXPECTED);
    const events = bench.journal.recent(100).length;
    assert.deepEqual((await post('/api/configuration', body)).json(), { changes: [] });
    assert.equal(bench.journal.recent(100).length, events);
  });

  it('reads the policies beside the file when none are sent', async () => {
    mkdirSync(join(bench.folder, 'policies'));
    writeFileSync(join(bench.folder, 'policies/access.cedar'), POLICIES['access.cedar']);
    const file = join(bench.folder, 'cordon.yaml');
    const text = `${TEXT}policies: policies\n`;
    assert.deepEqual((await post('/api/configuration/diff', { file, text })).json(), { changes: [] });
    const relative = await post('/api/configuration/diff', { file: 'cordon.yaml', text });
    assert.equal(`${relative.status} ${relative.code()}`, '400 request-invalid');
  });

  for (const [what, body, code, place] of [
    ['broken YAML', { text: 'apps: [', policies: POLICIES }, 'configuration-invalid', /"line":1/],
    ['an unknown key', { text: 'appz: {}', policies: POLICIES }, 'configuration-invalid', /appz/],
    ['a policy that does not parse', { text: TEXT, policies: { 'a.cedar': '\npermit' } }, 'policy-invalid', /a\.cedar/],
  ] as const) {
    it(`refuses ${what} with its place, and keeps what is in force`, async () => {
      const seq = bench.graph.seq;
      for (const path of ['/api/configuration/diff', '/api/configuration']) {
        const reply = await post(path, { file: 'cordon.yaml', ...body });
        assert.equal(`${reply.status} ${reply.code()}`, `422 ${code}`);
        assert.match(JSON.stringify(reply.json<{ error: { problems: object[] } }>().error.problems), place);
      }
      assert.equal(bench.graph.seq, seq);
    });
  }

  it('refuses a document that moves a listener or the domain, or changes what is read at a start, instead of applying the rest of it', async () => {
    const seq = bench.graph.seq;
    for (const line of [
      'listen: { http: "127.0.0.1:9" }',
      'domain: other.localhost',
      'gateway: { workers: 2 }',
      'metrics: { listen: "127.0.0.1:9464" }',
      'traces: { endpoint: "http://127.0.0.1:4318/v1/traces" }',
    ]) {
      const body = { file: 'cordon.yaml', text: `${TEXT}${line}\n`, policies: POLICIES };
      const reply = await post('/api/configuration', body);
      assert.equal(`${reply.status} ${reply.code()}`, '422 restart-needed');
    }
    assert.equal(bench.graph.seq, seq);
  });
});
