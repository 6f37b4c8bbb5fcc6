import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { ANSWERS } from './testdata/answers.ts';
import { type Override, refuse, withControlServer } from './testdata/control-server.ts';
import { type Outcome, runCommand } from './testdata/run-command.ts';

async function against(override: Override, argv: readonly string[], cwd?: string): Promise<Outcome> {
  return await withControlServer(
    override,
    async ({ socket }) => await runCommand(argv, { controlSocket: socket, ...(cwd === undefined ? {} : { cwd }) }),
  );
}

const folders: string[] = [];
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'cli-'));
  folders.push(path);
  return path;
}
after(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

describe('an answer of the server that is a refusal', () => {
  it('is shown with code, problems and their places, hint and correlation id', async () => {
    const problems = [
      {
        code: 'policy-invalid',
        message: 'no attribute `teem`',
        source: { file: 'a.cedar', line: 3, column: 5 },
        hint: 'did you mean `team`?',
      },
      { code: 'policy-syntax', message: 'unexpected `}`', source: { file: 'b.cedar', line: 9, column: 1 } },
    ];
    const error = {
      code: 'policies-invalid',
      message: 'the policies do not validate',
      hint: 'correct them',
      problems,
      correlationId: 'cor_9',
    };
    const { code, stdout, stderr } = await against((_, response) => refuse(response, 422, error), ['status']);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    assert.equal(
      stderr,
      [
        'error: the policies do not validate (policies-invalid)',
        '  a.cedar:3:5: no attribute `teem` (policy-invalid)',
        '    hint: did you mean `team`?',
        '  b.cedar:9:1: unexpected `}` (policy-syntax)',
        'hint: correct them',
        'correlation id: cor_9',
        '',
      ].join('\n'),
    );
    const json = await against((_, response) => refuse(response, 422, error), ['status', '--json']);
    assert.deepEqual(JSON.parse(json.stderr), { error });
    assert.equal(json.stdout, '');
  });

  it('says the one problem once', async () => {
    const message = 'body `email`: not an address';
    const error = { code: 'request-invalid', message, problems: [{ code: 'request-invalid', message }] };
    const { stderr } = await against(
      (_, response) => refuse(response, 400, error),
      ['users', 'invite', 'x@example.org'],
    );
    assert.equal(stderr, 'error: body `email`: not an address (request-invalid)\n');
  });

  it('of an asset that has another id leads to a search by name', async () => {
    const { code, stdout } = await against(
      ({ route, params }, response) => {
        const isUnknown = route === 'asset' && params['id'] !== ANSWERS.asset.id;
        return isUnknown ? refuse(response, 404, { code: 'not-found', message: 'no asset' }) : undefined;
      },
      ['assets', 'show', 'billing'],
    );
    assert.equal(code, 0);
    assert.match(stdout, /^billing \(database\)/);
  });

  it('of anything else than an unknown asset is not searched around', async () => {
    const error = { code: 'internal', message: 'something failed inside Cordon', correlationId: 'cor_1' };
    const { code, stderr } = await against(
      (_, response) => refuse(response, 500, error),
      ['assets', 'show', 'billing'],
    );
    assert.equal(code, 2);
    assert.match(stderr, /something failed inside Cordon[\s\S]*correlation id: cor_1/);
  });
});

describe('an answer that is not one', () => {
  const raw =
    (status: number, body: string): Override =>
    (_, response) => {
      response.writeHead(status);
      response.end(body);
      return response;
    };
  const cases: Readonly<Record<string, readonly [Override, RegExp]>> = {
    'is not JSON': [
      raw(200, '<html>'),
      /does not speak this version of the API \(status 200, not JSON\) \(server-answer-invalid\)/,
    ],
    'is an error of another form': [raw(502, '{"oops":1}'), /\(status 502\)/],
    'lacks a field': [() => ({ ...ANSWERS.status, counts: undefined }), /\(`counts`: /],
    'has a field of another type': [() => ({ ...ANSWERS.status, policyVersion: '3' }), /\(`policyVersion`: /],
    'is cut off': [
      (_, response) => {
        response.writeHead(200, { 'content-length': 1000 });
        response.write('{');
        setImmediate(() => response.destroy());
        return response;
      },
      /error: /,
    ],
    'never begins': [
      (_, response) => {
        response.socket?.destroy();
        return response;
      },
      /the connection to `.*` failed: .*\(server-unreachable\)/,
    ],
  };
  for (const [name, [override, message]] of Object.entries(cases)) {
    it(`${name}: exits 2 and says so`, async () => {
      const { code, stdout, stderr } = await against(override, ['status']);
      assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
      assert.match(stderr, message);
      assert.match(stderr, /^hint: /m);
    });
  }
});

describe('a command that is interrupted', () => {
  it('exits 2 and says that the server may have done it all the same', async () => {
    const told = new AbortController();
    const waiting: Override = (_, response) => {
      setImmediate(() => told.abort());
      return response;
    };
    const { code, stdout, stderr } = await withControlServer(
      waiting,
      async ({ socket }) => await runCommand(['status'], { controlSocket: socket, signal: told.signal }),
    );
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    assert.match(
      stderr,
      /^error: interrupted before the answer came \(command-interrupted\)\nhint: the server may have/,
    );
  });
});

describe('without a server', () => {
  it('says where it looked and how to start one', async () => {
    const cwd = folder();
    const { code, stdout, stderr } = await runCommand(['status'], { cwd });
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    assert.equal(
      stderr,
      `error: no Cordon answers at \`${join(cwd, 'data', 'control.sock')}\` (server-unreachable)\n` +
        'hint: start it with `cordon up`, or say where it runs with `-c FILE`, `--data DIR` or `--socket PATH`\n',
    );
  });

  it('does not take an ordinary file for a socket', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, 'control.sock'), '');
    const { stderr } = await runCommand(['status', '--data', '.'], { cwd });
    assert.match(stderr, /no Cordon answers at/);
  });

  const places: Readonly<Record<string, readonly [readonly string[], string | undefined, string]>> = {
    '--socket before all': [['--socket', 's', '--data', 'd', '-c', 'x.yaml'], 'env.sock', 's'],
    '--data before CORDON_CONTROL': [['--data', 'd'], 'env.sock', 'd/control.sock'],
    'CORDON_CONTROL before the configuration': [['-c', 'sub/x.yaml'], 'env.sock', 'env.sock'],
    'the data directory of the configuration, from where it lies': [
      ['-c', 'sub/x.yaml'],
      undefined,
      'sub/var/control.sock',
    ],
    'a configuration without `data`': [['-c', 'plain.yaml'], undefined, 'data/control.sock'],
    'a configuration that does not parse, as far as it can be read': [
      ['-c', 'broken.yaml'],
      undefined,
      'var/control.sock',
    ],
    'cordon.yaml in the working directory': [[], undefined, 'usual/control.sock'],
  };
  const cwd = folder();
  mkdirSync(join(cwd, 'sub'));
  writeFileSync(join(cwd, 'sub', 'x.yaml'), 'data: var\n');
  writeFileSync(join(cwd, 'plain.yaml'), 'domain: localhost\n');
  writeFileSync(join(cwd, 'broken.yaml'), 'data: var\napps: { a: [\nunknown: 1\n');
  writeFileSync(join(cwd, 'cordon.yaml'), 'data: usual\n');
  for (const [name, [argv, controlSocket, place]] of Object.entries(places)) {
    it(`looks at ${name}`, async () => {
      const { stderr } = await runCommand(['status', ...argv], { cwd, controlSocket });
      assert.ok(stderr.includes(`\`${join(cwd, place)}\``), stderr);
    });
  }

  it('names a configuration that cannot be read', async () => {
    const { code, stderr } = await runCommand(['status', '-c', 'none.yaml'], { cwd });
    assert.equal(code, 2);
    assert.match(stderr, /cannot read `.*none\.yaml`: no such file or directory \(configuration-unreadable\)\nhint: /);
  });
});

describe('negative answers', () => {
  it('exit 1 when a flow is denied', async () => {
    const denied = { ...ANSWERS.segmentsTrace, allowed: false, reason: 'no-permit', policies: [] };
    const { code, stdout } = await against(
      ({ route }) => (route === 'segmentsTrace' ? denied : undefined),
      ['segments', 'trace', 'web-1', 'db-1', '22'],
    );
    assert.equal(code, 1);
    assert.equal(stdout, 'denied: web-1 -> db-1, tcp 5432\n  no-permit\n');
  });

  it('exit 1 when the journal is broken, and name file and line', async () => {
    const broken = {
      ok: false,
      lines: 4,
      segments: 0,
      problem: { file: 'segments/000000000000001.ndjson', line: 5, reason: 'does not have the hash it claims' },
    };
    const { code, stdout } = await against(() => broken, ['audit', 'verify']);
    assert.equal(code, 1);
    assert.equal(stdout, 'broken: segments/000000000000001.ndjson:5: does not have the hash it claims\n');
    const json = await against(() => broken, ['audit', 'verify', '--json']);
    assert.deepEqual([json.code, JSON.parse(json.stdout)], [1, broken]);
  });

  it('exit 1 when no event has the correlation id, and 0 when there is no event at all', async () => {
    const none = (): object => ({ items: [], total: 0 });
    const missing = await against(none, ['events', '--correlation', 'cor_x']);
    assert.deepEqual(missing, { code: 1, stdout: '', stderr: 'no event has the correlation id `cor_x`\n' });
    assert.equal((await against(none, ['events'])).code, 0);
  });

  it('exit 0 when nothing differs', async () => {
    const cwd = folder();
    mkdirSync(join(cwd, 'policies'));
    writeFileSync(join(cwd, 'cordon.yaml'), '');
    const { code, stdout } = await against(() => ({ changes: [] }), ['diff'], cwd);
    assert.deepEqual({ code, stdout }, { code: 0, stdout: 'nothing would change\n' });
  });

  it('exit 2 when nothing could be imported, with every problem', async () => {
    const cwd = folder();
    const nothing = { ...ANSWERS.discover, assets: 0, created: 0, updated: 0, byKind: {}, byTier: [0, 0, 0, 0] };
    const { code, stderr } = await against(() => nothing, ['discover', 'aws', '--from', cwd], cwd);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /error: nothing in `.*` could be imported \(import-empty\)\n {2}eu-west-1\/ec2-describe-vpcs\.json:3:7: expected a value/,
    );
  });
});

describe('warnings', () => {
  it('of status tell of a journal that cannot be written and of a configuration that does not load', async () => {
    const problems = [
      { code: 'yaml-invalid', message: 'bad indentation', source: { file: 'cordon.yaml', line: 2, column: 1 } },
    ];
    const troubled = {
      ...ANSWERS.status,
      journal: { writable: false, directory: '/full' },
      configurationProblem: { at: ANSWERS.status.now - 60_000, problems },
    };
    const { code, stderr } = await against(() => troubled, ['status']);
    assert.equal(code, 0);
    assert.match(stderr, /warning: nothing can be recorded, so T0 and T1 are denied/);
    assert.match(
      stderr,
      /warning: the newest configuration does not load \(1 min ago\); the last good one is in force\n {2}cordon\.yaml:2:1: bad indentation/,
    );
  });

  it('say when a list holds only a part', async () => {
    const { stderr } = await against(() => ({ ...ANSWERS.assets, total: 900 }), ['assets', '--limit', '2']);
    assert.match(stderr, /2 of 900 assets/);
  });
});

describe('lists longer than one page', () => {
  it('are read page by page, and end when the list becomes shorter meanwhile', async () => {
    const item = ANSWERS.assets.items[1];
    const offsets: unknown[] = [];
    const { code, stdout } = await against(
      ({ query }) => {
        const { offset } = query as { offset: number };
        offsets.push(offset);
        return { items: offset >= 4 ? [] : [item, item], total: 5 };
      },
      ['assets', '--json'],
    );
    assert.deepEqual([code, offsets, JSON.parse(stdout).items.length], [0, [0, 2, 4], 4]);
  });
});
