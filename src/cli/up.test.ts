import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { CordonError } from '#base';
import { NOW } from './testdata/answers.ts';
import { type Outcome, runCommand } from './testdata/run-command.ts';
import type { CliWorld, RunningServer, UpOptions } from './world.ts';

const cwd = mkdtempSync(join(tmpdir(), 'cli-'));
after(() => rmSync(cwd, { recursive: true, force: true }));

interface Run extends Outcome {
  readonly asked: UpOptions;
  readonly stops: number;
}

/** Runs `cordon up` with a server that runs until `during` has ended and the signal came, or it stops by itself. */
async function runUp(
  argv: readonly string[],
  during: (options: UpOptions, stop: () => void) => void = () => {},
  more: Partial<RunningServer> & Partial<Pick<CliWorld, 'cwd'>> = {},
): Promise<Run> {
  const told = new AbortController();
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  let asked: UpOptions | undefined;
  let stops = 0;
  let isSelfMade = false;
  const outcome = await runCommand(['up', ...argv], {
    cwd: more.cwd ?? cwd,
    signal: told.signal,
    up: async (options) => {
      asked = options;
      setImmediate(() => {
        during(options, () => {
          isSelfMade = true;
          resolve();
        });
        if (!isSelfMade) told.abort();
      });
      return {
        consoleUrl: 'http://console.localhost:8080',
        firstAdministrator: { url: 'http://id.localhost:8080/enrol#abc', expiresAt: NOW + 3_600_000 },
        listening: [{ what: 'http', address: '127.0.0.1:8080' }],
        notices: ['a torn line was cut'],
        stopped,
        reload: async () => ({ ok: true, value: 0 }),
        stop: async () => {
          stops++;
          resolve();
        },
        ...more,
      };
    },
  });
  assert.ok(asked !== undefined);
  return { ...outcome, asked, stops };
}

describe('cordon up', () => {
  it('shows the console, what listens where and the link of the first administrator, runs until the signal and stops', async () => {
    const { code, stdout, stderr, stops } = await runUp([]);
    assert.deepEqual({ code, stops }, { code: 0, stops: 1 });
    assert.equal(
      stdout,
      [
        'Cordon 1.2.3 is running',
        '  console        http://console.localhost:8080',
        '  http           127.0.0.1:8080',
        '  configuration  embedded defaults',
        '',
        'Open this link to become the first administrator. It works once, for 1 h (until 2026-03-04 06:06:07Z):',
        '  http://id.localhost:8080/enrol#abc',
        '',
        'Stop with ctrl-C. In another terminal: `cordon status`, `cordon help`.',
        '',
      ].join('\n'),
    );
    assert.equal(stderr, 'note: a torn line was cut\nCordon has stopped; everything is kept\n');
  });

  const hints: Readonly<Record<string, readonly string[]>> = {
    '`cordon status`': [],
    '`cordon status --data x/y`': ['--data', 'x/y'],
    '`cordon status -c a/b.yaml`': ['-c', 'a/b.yaml'],
    '`cordon status -c /etc/cordon.yaml`': ['-c', '/etc/cordon.yaml'],
  };
  for (const [hint, argv] of Object.entries(hints)) {
    it(`says that ${hint} finds it when started with [${argv.join(' ')}]`, async () => {
      assert.ok((await runUp(argv)).stdout.includes(`In another terminal: ${hint}, `));
    });
  }

  it('shows no link when there is an administrator, and the people of the demo when it was seeded', async () => {
    const { stdout } = await runUp(['--demo'], undefined, {
      firstAdministrator: undefined,
      demo: [{ email: 'ada@example.org', note: 'administrator' }],
    });
    assert.doesNotMatch(stdout, /first administrator/);
    assert.match(stdout, /\n {2}configuration {2}the demo\n[\s\S]*\n {2}ada@example\.org {2}administrator\n/);
    assert.match(stdout, /nobody can sign in as one of them/);
    assert.match(stdout, /`cordon status --data data-demo`/);
  });

  it('is one JSON document for programs', async () => {
    const { stdout } = await runUp(['--json']);
    assert.deepEqual(JSON.parse(stdout), {
      consoleUrl: 'http://console.localhost:8080',
      firstAdministrator: { url: 'http://id.localhost:8080/enrol#abc', expiresAt: NOW + 3_600_000 },
      listening: [{ what: 'http', address: '127.0.0.1:8080' }],
      notices: ['a torn line was cut'],
      demo: [],
    });
  });

  const withFile = mkdtempSync(join(tmpdir(), 'cli-'));
  after(() => rmSync(withFile, { recursive: true, force: true }));
  writeFileSync(join(withFile, 'cordon.yaml'), '');
  const places: Readonly<Record<string, readonly [string, readonly string[], Partial<UpOptions>]>> = {
    'the embedded defaults': [
      cwd,
      [],
      { configurationFile: undefined, dataDirectory: join(cwd, 'data'), isDemo: false },
    ],
    'another data directory': [
      cwd,
      ['--data', 'x/y'],
      { configurationFile: undefined, dataDirectory: join(cwd, 'x/y') },
    ],
    'the configuration that is named': [cwd, ['-c', 'a.yaml'], { configurationFile: join(cwd, 'a.yaml') }],
    'cordon.yaml, if there': [withFile, [], { configurationFile: join(withFile, 'cordon.yaml') }],
    'the defaults beside cordon.yaml when a data directory is named': [
      withFile,
      ['--data', 'd'],
      { configurationFile: undefined, dataDirectory: join(withFile, 'd') },
    ],
    'the demo beside cordon.yaml, in a data directory of its own': [
      withFile,
      ['--demo'],
      { configurationFile: undefined, dataDirectory: join(withFile, 'data-demo'), isDemo: true },
    ],
    'the demo in another data directory': [
      cwd,
      ['--demo', '--data', 'd'],
      { dataDirectory: join(cwd, 'd'), isDemo: true },
    ],
  };
  for (const [name, [from, argv, expected]] of Object.entries(places)) {
    it(`starts with ${name}`, async () => {
      assert.partialDeepStrictEqual((await runUp(argv, undefined, { cwd: from })).asked, expected);
    });
  }

  it('tells what each reload did: changes, or why the last good configuration stays', async () => {
    const problem = {
      code: 'yaml-invalid',
      message: 'bad indentation',
      source: { file: 'cordon.yaml', line: 2, column: 3 },
    };
    const { code, stderr } = await runUp([], ({ onReload }) => {
      onReload?.({ ok: true, value: 2 });
      onReload?.({ ok: true, value: 0 });
      onReload?.({ ok: false, error: [problem] });
    });
    assert.equal(code, 0);
    assert.equal(
      stderr,
      [
        'note: a torn line was cut',
        '2026-03-04 05:06:07Z configuration loaded: 2 changes',
        '2026-03-04 05:06:07Z configuration loaded: nothing changed',
        'error: 2026-03-04 05:06:07Z the configuration does not load; the last good one stays in force',
        '  cordon.yaml:2:3: bad indentation (yaml-invalid)',
        'hint: correct the file; it is loaded when it changes',
        'Cordon has stopped; everything is kept',
        '',
      ].join('\n'),
    );
  });

  it('exits 2 when the server stops without being told to', async () => {
    const { code, stderr } = await runUp([], (_, stop) => stop());
    assert.equal(code, 2);
    assert.match(stderr, /error: Cordon stopped without being told to \(server-stopped\)\nhint: /);
  });

  it('exits 2 with every problem when it does not start', async () => {
    const problems = [
      {
        code: 'configuration-unknown-key',
        message: 'unknown key `appz`',
        source: { file: 'cordon.yaml', line: 1, column: 1 },
      },
      {
        code: 'configuration-invalid',
        message: '`domain`: must be lower case',
        source: { file: 'cordon.yaml', line: 2, column: 1 },
      },
    ];
    const { code, stdout, stderr } = await runCommand(['up'], {
      cwd,
      up: async () => {
        throw new CordonError('configuration-invalid', 'the configuration does not load', {
          problems,
          hint: 'correct it',
        });
      },
    });
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    assert.equal(
      stderr,
      'error: the configuration does not load (configuration-invalid)\n' +
        '  cordon.yaml:1:1: unknown key `appz` (configuration-unknown-key)\n' +
        '  cordon.yaml:2:1: `domain`: must be lower case (configuration-invalid)\n' +
        'hint: correct it\n',
    );
  });

  it('exits 2 and asks for a report when something unexpected is thrown', async () => {
    const { code, stderr } = await runCommand(['up'], {
      up: async () => {
        throw new TypeError('x is not a function');
      },
    });
    assert.equal(code, 2);
    assert.equal(
      stderr,
      'error: x is not a function (internal)\nhint: this is a fault of Cordon; please report it with what you ran\n',
    );
  });
});
