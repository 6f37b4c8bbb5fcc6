import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { ANSWERS } from './testdata/answers.ts';
import { refuse, withControlServer } from './testdata/control-server.ts';
import { runCommand } from './testdata/run-command.ts';

const folders: string[] = [];
after(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

/** A directory with a configuration that listens on ports nobody uses. */
function installation(text = 'listen: { http: "off", tls: "off" }\n'): string {
  const cwd = mkdtempSync(join(tmpdir(), 'cli-'));
  folders.push(cwd);
  mkdirSync(join(cwd, 'policies'));
  writeFileSync(join(cwd, 'cordon.yaml'), text);
  return cwd;
}

interface Check {
  readonly check: string;
  readonly outcome: string;
  readonly detail: string;
  readonly fix?: string;
}

async function doctor(
  cwd: string,
  controlSocket?: string,
): Promise<{ code: number; checks: Readonly<Record<string, Check>> }> {
  const { code, stdout, stderr } = await runCommand(['doctor', '--json'], { cwd, controlSocket });
  assert.equal(stderr, '');
  const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: Check[] };
  assert.equal(ok, code === 0);
  for (const { outcome, fix } of checks) assert.equal(fix === undefined, outcome === 'pass');
  return { code, checks: Object.fromEntries(checks.map((check) => [check.check, check])) };
}

describe('cordon doctor', () => {
  it('passes before the first start, and says that nothing runs', async () => {
    const { code, checks } = await doctor(installation());
    assert.equal(code, 0);
    assert.deepEqual(
      Object.values(checks).map(({ check, outcome }) => [check, outcome]),
      [
        ['node', 'pass'],
        ['configuration', 'pass'],
        ['data directory', 'pass'],
        ['disk', 'pass'],
        ['server', 'warn'],
      ],
    );
    assert.match(checks['data directory']?.detail ?? '', /which is made at the start$/);
  });

  it('takes an empty $CORDON_CONTROL for none', async () => {
    const cwd = installation();
    const { checks } = await doctor(cwd, '');
    assert.ok(checks['server']?.detail.includes(join(cwd, 'data', 'control.sock')), checks['server']?.detail);
  });

  it('shows each finding on a line, with the fix below', async () => {
    const { stdout } = await runCommand(['doctor'], { cwd: installation('appz: 1\n') });
    assert.match(
      stdout,
      /^fail {2}configuration +cordon\.yaml:1:1: unknown key `appz` \(configuration-unknown-key\)\n +fix: correct it; `cordon check` shows everything$/m,
    );
  });

  it('fails for a configuration that does not load', async () => {
    const { code, checks } = await doctor(installation('a: 1\ndomain: X\n'));
    assert.equal(code, 1);
    assert.match(checks['configuration']?.detail ?? '', /cordon\.yaml:\d:1: .* and 1 more$/);
  });

  it('fails for a port that is in use', async () => {
    const busy = createServer();
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
    const { port } = busy.address() as AddressInfo;
    try {
      const { code, checks } = await doctor(installation(`listen: { http: "127.0.0.1:${port}", tls: "off" }\n`));
      assert.equal(code, 1);
      assert.equal(checks['port http']?.detail, `127.0.0.1:${port} is in use`);
      assert.match(checks['port http']?.fix ?? '', /`listen\.http`/);
    } finally {
      busy.close();
    }
  });

  it('fails for a data directory that cannot be written', {
    skip: existsSync('/proc/self') ? false : 'needs /proc',
  }, async () => {
    const { code, checks } = await doctor(installation('data: /proc/self/data\nlisten: { http: "off", tls: "off" }\n'));
    assert.equal(code, 1);
    assert.match(checks['data directory']?.detail ?? '', /^cannot use \/proc\/self\/data: /);
  });

  it('fails for a data directory that is a file', async () => {
    const cwd = installation('data: file/inside\nlisten: { http: "off", tls: "off" }\n');
    writeFileSync(join(cwd, 'file'), '');
    const { code, checks } = await doctor(cwd);
    assert.equal(code, 1);
    assert.match(checks['data directory']?.detail ?? '', /file is not a directory$/);
  });

  it('warns of a data directory that others may enter', async () => {
    const cwd = installation();
    mkdirSync(join(cwd, 'data'));
    chmodSync(join(cwd, 'data'), 0o755);
    const { code, checks } = await doctor(cwd);
    assert.deepEqual([code, checks['data directory']?.outcome], [0, 'warn']);
    assert.match(checks['data directory']?.fix ?? '', /chmod 700/);
  });

  it('asks the server that runs what it knows', async () => {
    const answers = (status: object): Promise<Awaited<ReturnType<typeof doctor>>> =>
      withControlServer(
        () => status,
        async ({ socket }) => await doctor(installation(), socket),
      );
    const well = await answers(ANSWERS.status);
    assert.deepEqual([well.code, well.checks['server']?.outcome, well.checks['journal']?.outcome], [0, 'pass', 'pass']);
    const other = await answers({ ...ANSWERS.status, version: '1.0.0' });
    assert.deepEqual([other.code, other.checks['server']?.outcome], [0, 'warn']);
    assert.equal(well.checks['probes']?.outcome, 'pass');
    const { probe, ...unprobed } = ANSWERS.status;
    assert.equal((await answers(unprobed)).checks['probes']?.outcome, 'warn');
    const deaf = await answers({ ...unprobed, probe: { ...probe, unanswered: 19, refused: 0 } });
    assert.deepEqual([deaf.code, deaf.checks['probes']?.outcome], [0, 'warn']);
    const finding = { appId: 'wiki', host: 'wiki.localhost', kind: 'anonymous', at: 'tls', status: 200, detail: 'x' };
    const open = await answers({ ...unprobed, probe: { ...probe, findings: [finding, finding] } });
    assert.deepEqual([open.code, open.checks['probes']?.outcome], [1, 'fail']);
    assert.equal(open.checks['probes']?.detail, 'wiki.localhost is open: x and 1 more');
    const ill = await answers({
      ...ANSWERS.status,
      policyVersion: 0,
      journal: { writable: false, directory: '/full' },
      configurationProblem: {
        at: 0,
        problems: [{ code: 'yaml-invalid', message: 'bad', source: { file: 'c.yaml', line: 2, column: 1 } }],
      },
    });
    assert.equal(ill.code, 1);
    for (const check of ['journal', 'policies', 'reload']) assert.equal(ill.checks[check]?.outcome, 'fail');
    assert.match(ill.checks['reload']?.detail ?? '', /does not load: c\.yaml:2:1: bad/);
  });

  it('fails for a server that answers with a failure', async () => {
    await withControlServer(
      (_, response) => refuse(response, 500, { code: 'internal', message: 'something failed' }),
      async ({ socket }) => {
        const { code, checks } = await doctor(installation(), socket);
        assert.deepEqual([code, checks['server']?.outcome], [1, 'fail']);
      },
    );
  });
});
