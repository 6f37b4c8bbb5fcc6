import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ANSWERS, type Answers } from './testdata/answers.ts';
import { type ControlServer, refuse, startControlServer, withControlServer } from './testdata/control-server.ts';
import { runCommand } from './testdata/run-command.ts';

/** Renames the window, writes to the clipboard, clears the screen in C1, reorders, and begins a line of its own. */
const ATTACK = '\u001b]0;owned\u0007\u001b]52;c;cm0=\u0007\u009b2J\u202e\r\nerror: forged\u0000';
/** Fields whose values are a closed set or of a closed form: the client refuses anything else, so nothing can hide there. */
const CLOSED = new Set([
  'status',
  'verdict',
  'form',
  'outcome',
  'severity',
  'effect',
  'op',
  'level',
  'enforcedBy',
  'streams',
  'certificate',
]);

/** What apps and connections can be; of an asset, `kind` is free text. */
const KINDS = new Set(['builtin', 'http', 'http2', 'websocket', 'grpc', 'tcp', 'ssh', 'kubernetes']);

/** The same answer, with the attack in every text that can hold one, names of fields included where they are free. */
function poisoned(value: unknown, key = ''): unknown {
  if (typeof value === 'string') {
    return CLOSED.has(key) || (key === 'kind' && KINDS.has(value)) ? value : value + ATTACK;
  }
  if (Array.isArray(value)) return value.map((item) => poisoned(item, key));
  if (typeof value !== 'object' || value === null) return value;
  const isFree = ['labels', 'attributes', 'byKind', 'rows'].includes(key);
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      isFree ? name + ATTACK : name,
      poisoned(inner, key === 'rows' ? '' : name),
    ]),
  );
}

/** What a command may send to a terminal: text, line ends, and the colours this program makes. */
function assertHarmless(text: string): void {
  const rest = text.replaceAll(/\u001b\[(?:0|1|2|31|32|33|36)m/g, '');
  const found = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.exec(rest);
  assert.equal(
    found,
    null,
    JSON.stringify(rest.slice(Math.max(0, (found?.index ?? 0) - 60), (found?.index ?? 0) + 20)),
  );
  assert.doesNotMatch(rest, /^error: forged/m);
}

const COMMAND_LINES: readonly string[] = [
  'status',
  'apps',
  'discover aws --from saved',
  'assets list',
  'assets show x',
  'assets explain x',
  'assets tier x T0 --reason why',
  'users list',
  'users groups',
  'users groups ada --add admins',
  'users disable ada',
  'users invite a@example.org',
  'ca',
  'sessions list',
  'sessions end ses_01',
  'connections list',
  'connections cut con_01',
  'devices list',
  'devices token',
  'devices revoke dev_01',
  'authzen list',
  'authzen add x --model y',
  'authzen remove azc_01',
  'policy list',
  'policy replay --bundle rules',
  'segments map',
  'segments plan',
  'segments trace web-1 x 22',
  'segments quarantine wl_web1 --reason why',
  'alerts list',
  'alerts close alr_01 --reason why',
  'events list',
  'events query select',
  'audit verify',
  'diff',
  'doctor',
];

describe('text from outside cannot act upon the terminal', () => {
  let server: ControlServer;
  before(async () => {
    const answers = poisoned(ANSWERS) as Answers;
    server = await startControlServer(() => undefined, answers);
    for (const folder of ['saved', 'rules']) mkdirSync(join(server.directory, folder));
    writeFileSync(
      join(server.directory, 'rules', 'a.cedar'),
      'permit (principal, action == Action::"access", resource);',
    );
    writeFileSync(join(server.directory, 'cordon.yaml'), 'policies: rules\n');
  });
  after(async () => await server.close());

  for (const line of COMMAND_LINES) {
    it(`in cordon ${line}`, async () => {
      for (const extra of [[], ['--json']]) {
        const { code, stdout, stderr } = await runCommand([...line.split(' '), ...extra], {
          cwd: server.directory,
          controlSocket: server.socket,
          terminal: 100,
        });
        assert.ok(code < 2 && stdout !== '', stderr);
        assertHarmless(stdout);
        assertHarmless(stderr.replaceAll('\r\u001b[K', ''));
      }
    });
  }

  it('in cordon assets list: each asset stays on its line', async () => {
    const { stdout } = await runCommand(['assets', 'list'], { controlSocket: server.socket });
    assert.equal(stdout.trimEnd().split('\n').length, 1 + ANSWERS.assets.items.length);
  });

  it('in an error of the server', async () => {
    const problem = { code: `x${ATTACK}`, message: ATTACK, source: { file: ATTACK, line: 1 }, hint: ATTACK };
    const error = {
      code: `c${ATTACK}`,
      message: ATTACK,
      hint: ATTACK,
      correlationId: ATTACK,
      problems: [problem, problem],
    };
    await withControlServer(
      (_, response) => refuse(response, 422, error),
      async ({ socket }) => {
        for (const argv of [['status'], ['status', '--json']]) {
          const { stderr } = await runCommand(argv, { controlSocket: socket, terminal: 100 });
          assert.match(stderr, /owned/);
          assertHarmless(stderr);
        }
      },
    );
  });

  it('in what was typed', async () => {
    for (const argv of [[ATTACK], ['status', ATTACK], [`--${ATTACK}`, 'status'], ['status', '--socket', ATTACK]]) {
      const { code, stderr } = await runCommand(argv, { terminal: 100 });
      assert.equal(code, 2);
      assertHarmless(stderr);
    }
  });
});
