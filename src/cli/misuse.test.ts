import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { COMMANDS } from './command-table.ts';
import { nearest } from './suggest.ts';
import { runCommand } from './testdata/run-command.ts';

/** What is typed, what is said, and what to do. */
const CASES: readonly (readonly [string, string, string])[] = [
  ['vrsion', 'unknown command `vrsion` (command-unknown)', 'did you mean `cordon version`?'],
  ['frobnicate', 'unknown command `frobnicate` (command-unknown)', 'see `cordon help` for the commands there are'],
  ['assets lst', 'unknown command `assets lst` (command-unknown)', 'did you mean `cordon assets list`?'],
  ['--socket s asets', 'unknown command `asets`', 'did you mean `cordon assets`?'],
  ['-c x.yaml polcy check', 'unknown command `polcy`', 'did you mean `cordon policy`?'],
  ['help nonsense', 'unknown command `nonsense`', 'see `cordon help` for the commands there are'],
  ['status --jsno', 'unknown option `--jsno` (usage-invalid)', 'did you mean `--json`?'],
  ['status -x', 'unknown option `-x`', 'see `cordon status --help`'],
  ['status --json=yes', '`--json` takes no value', 'see `cordon status --help`'],
  ['status now', 'unexpected argument `now`', 'see `cordon status --help`'],
  ['status --socket a --socket b', '`--socket` is given twice', 'see `cordon status --help`'],
  ['up --data', '`--data` needs a value: `--data DIR`', 'see `cordon up --help`'],
  ['up --data --demo', '`--data` needs a value: `--data DIR`', 'see `cordon up --help`'],
  ['up -c cordon.yaml --demo', '`-c` and `--demo` exclude each other', 'the demo brings its own configuration'],
  [
    'up -c cordon.yaml --data d',
    '`-c` and `--data` exclude each other',
    'set the key `data` in the configuration instead',
  ],
  ['users invite', '`EMAIL` is missing', 'see `cordon users invite --help`'],
  [
    'users groups --add staff',
    'whose groups? name a person before `--add` and `--remove`',
    'see `cordon users groups --help`',
  ],
  ['assets tier x T0', '`--reason TEXT` is missing', 'see `cordon assets tier --help`'],
  ['assets tier x T9 --reason why', 'a tier is `T0`, `T1`, `T2` or `T3`, not `T9`', 'see `cordon assets tier --help`'],
  ['assets tier x T0 --reason why --for ever', '`--for`: `ever` is not a duration', 'see `cordon assets tier --help`'],
  ['assets list --tier 0', '`--tier` takes `T0`, `T1`, `T2`, `T3`, not `0`', 'see `cordon assets list --help`'],
  ['assets list --limit -1', '`--limit` needs a value: `--limit N`', 'see `cordon assets list --help`'],
  [
    'assets list --limit=-1',
    '`--limit` takes a whole number from 1 to 1000000, not `-1`',
    'see `cordon assets list --help`',
  ],
  ['events --limit 1e3', '`--limit` takes a whole number from 1 to 1000, not `1e3`', 'see `cordon events list --help`'],
  ['policy replay --bundle p --since 0s', '`--since` must be longer than nothing', 'see `cordon policy replay --help`'],
  [
    'policy replay --bundle p',
    'cannot read `p`: no such file or directory',
    'name a directory that holds `*.cedar` files',
  ],
  ['policy who-can access', '`access` needs the id of an app', 'see `cordon policy who-can --help`'],
  ['policy who-can manage wiki', '`manage` is about Cordon itself', 'see `cordon policy who-can --help`'],
  ['policy who-can connect web', '`connect` is not one of access, view, manage', 'ask `cordon segments plan`'],
  ['policy rollback x -m why', '`x` is not the number of a version', '`cordon policy history` lists them'],
  ['policy rollback', '`--message TEXT` is missing', 'see `cordon policy rollback --help`'],
  ['segments trace a b 70000', '`70000` is not a port', 'see `cordon segments trace --help`'],
  ['segments trace a b 22/icmp', '`22/icmp` is not a port', 'see `cordon segments trace --help`'],
  ['devices token --label prod', '`--label prod` is not `KEY=VALUE`', 'see `cordon devices token --help`'],
  ['devices token --label a=1 --label a=2', 'the label `a` is given twice', 'see `cordon devices token --help`'],
  ['discover aws --from missing', '`missing` is not a directory', 'name the directory with the saved answers'],
  ['segments reach --aws missing', '`missing` is not a directory', 'name the directory with the saved answers'],
  ['login --url id.x.org --key k', '`--certificate` and `--key` belong together', 'see `cordon login --help`'],
  [
    'login --url id.x.org --device d --certificate c --key k',
    '`--device` and `--certificate` exclude each other',
    'see `cordon login --help`',
  ],
  ['agent enrol --server x:1', '`--token TOKEN` is missing', 'see `cordon agent enrol --help`'],
  ['agent enrol --server x:1 --token -', 'there is no token on standard input', 'make one with `cordon devices token`'],
];

describe('misuse', () => {
  for (const [line, message, hint] of CASES) {
    it(`cordon ${line}`, async () => {
      const { code, stdout, stderr } = await runCommand(line.split(' '));
      assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
      const [first = '', second = ''] = stderr.split('\n');
      assert.ok(first.startsWith(`error: ${message}`), first);
      assert.ok(second.startsWith(`hint: ${hint}`), second);
    });
  }

  it('is told as one line of JSON to a program', async () => {
    const { code, stdout, stderr } = await runCommand(['status', '--jsno', '--json']);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    assert.deepEqual(JSON.parse(stderr), {
      error: {
        code: 'usage-invalid',
        message: 'unknown option `--jsno`',
        hint: 'did you mean `--json`?',
        problems: [],
      },
    });
  });

  it('is to call nothing: then the commands are listed beside the result', async () => {
    const { code, stdout, stderr } = await runCommand([]);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    assert.match(stderr, /^ {2}devices token +Makes a one-time token/m);
  });

  it('is to name a group without a default', async () => {
    const { code, stdout, stderr } = await runCommand(['policy']);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    assert.match(stderr, /^ {2}policy check \[DIR\|FILE…\]/m);
  });
});

describe('help', () => {
  for (const row of COMMANDS) {
    it(`shows usage, options and an example of cordon ${row.name}`, async () => {
      const { code, stdout, stderr } = await runCommand([...row.name.split(' '), '--help']);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      assert.ok(stdout.startsWith(`${row.summary}\n\nusage: cordon ${row.name}`));
      assert.match(stdout, /\n {2}-h, --help +Show this help\./);
      for (const example of row.examples) assert.ok(stdout.includes(`  ${example}\n`));
      assert.equal((await runCommand(['help', ...row.name.split(' ')])).stdout, stdout);
      for (const line of stdout.split('\n')) assert.ok(line.length <= 130, line);
    });
  }

  it('is a result when it was asked for', async () => {
    for (const argv of [['help'], ['--help'], ['-h'], ['policy', '-h'], ['help', 'policy']]) {
      const { code, stdout, stderr } = await runCommand(argv);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      assert.match(stdout, /policy check/);
    }
    assert.equal((await runCommand(['help', 'help'])).code, 0);
  });

  it('lists the commands for a program', async () => {
    const { commands } = JSON.parse((await runCommand(['help', '--json'])).stdout);
    assert.deepEqual(
      commands.map(({ name }: { name: string }) => name),
      COMMANDS.map(({ name }) => name),
    );
  });

  it('has examples that are commands with the options they have', async () => {
    const { findCommand } = await import('./find-command.ts');
    const { parseArguments } = await import('./arguments.ts');
    for (const row of COMMANDS) {
      for (const example of row.examples) {
        const words = [...example.replace(/ <\S+$/, '').matchAll(/'([^']*)'|(\S+)/g)].map(
          ([, quoted, bare]) => quoted ?? bare ?? '',
        );
        const found = findCommand(words.slice(1));
        assert.ok(found.kind === 'command' && found.row === row, example);
        assert.doesNotThrow(() => parseArguments(found.row, found.argv), example);
      }
    }
  });
});

describe('the version', () => {
  it('is one line, or JSON', async () => {
    assert.equal((await runCommand(['--version'])).stdout, `cordon 1.2.3 (Node ${process.versions.node})\n`);
    assert.deepEqual(JSON.parse((await runCommand(['version', '--json'])).stdout), {
      cordon: '1.2.3',
      node: process.versions.node,
    });
  });
});

describe('a suggestion', () => {
  const known = ['list', 'revoke', 'quarantine', 'release'];
  for (const [word, expected] of [
    ['lsit', 'list'],
    ['LIST', 'list'],
    ['quar', 'quarantine'],
    ['relase', 'release'],
    ['x', undefined],
    ['delete', undefined],
    ['', undefined],
    ['y'.repeat(1000), undefined],
  ] as const) {
    it(`for \`${word.slice(0, 12)}\` is ${expected ?? 'nothing'}`, () => assert.equal(nearest(word, known), expected));
  }
});
