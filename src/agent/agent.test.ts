import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type Json, manualClock, systemClock } from '#base';
import type { Posture } from '#model';
import { type AgentOptions, enrolAgent, runAgent, showPosture, showProgram } from './agent.ts';
import { keepReport } from './last-report.ts';
import { logTo } from './log.ts';
import { postureView } from './posture-view.ts';
import { storeProgram } from './program/stored.ts';
import { programView } from './program-view.ts';
import { openState, type StateDirectory } from './state.ts';
import { fakeHost } from './testdata/fake-host.ts';
import { closedProgram } from './testdata/programs.ts';
import { type TestServer, testServer } from './testdata/server.ts';

const uid = process.getuid?.() ?? 0;
const NOW = 1_700_000_000_000;

/** Options that remember what was written. */
function terminal(
  o: { stateDirectory?: string; json?: boolean; signal?: AbortSignal } = {},
): AgentOptions & { out(): string; err(): string } {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const written = new Map<PassThrough, string>();
  const text = (stream: PassThrough): string => {
    const all = (written.get(stream) ?? '') + String(stream.read() ?? '');
    written.set(stream, all);
    return all;
  };
  return {
    stateDirectory: o.stateDirectory ?? mkdtempSync(join(tmpdir(), 'cordon-commands-')),
    json: o.json ?? false,
    clock: systemClock,
    stdout,
    stderr,
    signal: o.signal ?? new AbortController().signal,
    out: () => text(stdout),
    err: () => text(stderr),
  };
}

describe('the agent’s commands', () => {
  let server: TestServer;
  before(async () => {
    server = await testServer();
  });
  after(async () => await server.stop());

  it('enrol, and say on standard output as whom; the rest goes to standard error', async () => {
    const options = terminal();
    const code = await enrolAgent({ ...options, token: server.token, server: server.address }, fakeHost());
    assert.equal(code, 0, options.err());
    assert.match(
      options.out(),
      /^enrolled as dev_test at 127\.0\.0\.1:\d+, certificate valid until \d{4}-\d\d-\d\dT.*Z\n$/,
    );
    assert.match(options.err(), /cordon agent run/);
  });

  it('enrol with one JSON document on standard output, and nothing on standard error', async () => {
    const options = terminal({ json: true });
    assert.equal(await enrolAgent({ ...options, token: server.token, server: server.address }, fakeHost()), 0);
    const document = JSON.parse(options.out()) as Record<string, Json>;
    assert.deepEqual(Object.keys(document), ['deviceId', 'server', 'serverName', 'certificate']);
    assert.equal(options.err(), '');
  });

  it('end with 2, and say what is wrong and what to do, when they fail', async () => {
    const options = terminal();
    assert.equal(await enrolAgent({ ...options, token: 'x', server: server.address }, fakeHost()), 2);
    assert.match(
      options.err(),
      /error: this is not an enrolment token \(enrolment-token-invalid\)\nhint: make one with `cordon devices token`/,
    );
    assert.equal(options.out(), '');
    const missing = join(options.stateDirectory, 'missing');
    const commands = [async (o: AgentOptions) => await runAgent({ ...o, enforce: true }), showPosture, showProgram];
    for (const command of commands) {
      const there = terminal({ stateDirectory: missing });
      assert.equal(await command(there), 2);
      assert.match(
        there.err(),
        /error: the state directory `.*missing` does not exist \(state-directory-unusable\)\nhint: enrol this host/,
      );
      const open = terminal();
      chmodSync(open.stateDirectory, 0o755);
      assert.equal(await command(open), 2);
      assert.match(open.err(), /may be entered by others \(mode 755\)/);
    }
  });

  it('run until told to stop, with one line per event', async () => {
    const enrolled = terminal();
    await enrolAgent({ ...enrolled, token: server.token, server: server.address }, fakeHost());
    const { stateDirectory } = enrolled;
    for (const json of [false, true]) {
      const options = terminal({ stateDirectory, json, signal: AbortSignal.timeout(300) });
      assert.equal(await runAgent({ ...options, enforce: false }, fakeHost()), 0);
      const lines = options.err().trim().split('\n');
      if (json) {
        const events = lines.map((line) => JSON.parse(line) as Record<string, Json>);
        assert.ok(
          events.every(({ time, event, message }) => [time, event, message].every((one) => typeof one === 'string')),
        );
        assert.equal(events[0]?.['event'], 'started');
      } else
        assert.match(lines[0] ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z started: device dev_test reports to 127\.0\.0\.1:\d+$/);
      assert.match(lines.at(-1) ?? '', /stopped/);
      assert.equal(options.out(), '');
    }
  });

  it('show posture and program with exit code 1 while there is no good news', async () => {
    const options = terminal();
    assert.equal(await showPosture(options, fakeHost()), 1);
    assert.match(options.out(), /^seen now on web-1:\n {2}operating system /);
    assert.equal(await showProgram(options, fakeHost()), 1);
    assert.match(options.out(), /no program was applied on this host/);
  });
});

describe('`cordon agent posture`', () => {
  let state: StateDirectory;
  beforeEach(async () => {
    state = await openState(mkdtempSync(join(tmpdir(), 'cordon-posture-')), { create: false, uid });
  });
  const posture = (verdict: Posture['verdict']): Posture => ({
    collectedAt: NOW,
    verdict,
    results: [
      { check: 'firewall', title: 'Firewall', outcome: 'fail', detail: 'there is no input chain', fix: 'enable ufw' },
      { check: 'sshd', title: 'SSH', outcome: 'not-applicable', detail: 'no SSH server is installed' },
    ],
  });
  const identity = async (): Promise<void> => {
    const server = await testServer();
    const o = terminal({ stateDirectory: state.path });
    await enrolAgent({ ...o, token: server.token, server: server.address }, fakeHost());
    await server.stop();
  };

  it('shows each fact, the last verdict with its age, and how to fix what failed', async () => {
    await identity();
    await keepReport(state, { sequence: 1, at: NOW, posture: posture('unhealthy') });
    const view = await postureView(state, fakeHost(), manualClock(NOW + 65_000));
    assert.equal(view.isHealthy, false);
    assert.match(view.text, /security updates {2}unknown: the package manager is neither apt nor dnf/);
    assert.match(view.text, /judged it unhealthy, 1 min 5 s ago:\n {2}firewall {2}fail {12}there is no input chain/);
    assert.match(view.text, /fix firewall: enable ufw/);
    assert.deepEqual((view.json as { posture: Posture }).posture, posture('unhealthy'));
  });

  it('is good news only when the server said healthy', async () => {
    await identity();
    for (const verdict of ['healthy', 'unknown', 'unhealthy'] as const) {
      await keepReport(state, { sequence: 1, at: NOW, posture: posture(verdict) });
      assert.equal((await postureView(state, fakeHost(), manualClock(NOW))).isHealthy, verdict === 'healthy');
    }
  });

  it('says what to do when there was no report, and when the memory of it is damaged', async () => {
    await identity();
    assert.match((await postureView(state, fakeHost(), manualClock(NOW))).text, /not judged yet: start the agent/);
    for (const text of ['', '{', '[]', '{"sequence":1}', '{"sequence":1,"at":2,"posture":{"verdict":"healthy"}}']) {
      writeFileSync(join(state.path, 'last-report.json'), text);
      const view = await postureView(state, fakeHost(), manualClock(NOW));
      assert.equal(view.isHealthy, false, text);
    }
  });

  it('lets no text of the host or the server move the cursor of a terminal', async () => {
    await identity();
    const evil = {
      check: 'x',
      title: 'x',
      outcome: 'fail' as const,
      detail: '\u001b[2Jgone\u009b1A',
      fix: '\u0007a\rb',
    };
    await keepReport(state, { sequence: 1, at: NOW, posture: { ...posture('unhealthy'), results: [evil] } });
    const host = fakeHost({
      files: { 'etc/os-release': 'ID=x\nPRETTY_NAME="\u001b]0;x\u0007"\n', 'proc/sys/kernel/osrelease': '6' },
    });
    const view = await postureView(state, host, manualClock(NOW));
    assert.doesNotMatch(view.text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });
});

describe('`cordon agent program`', () => {
  const LIST = 'nft list table inet cordon';
  let state: StateDirectory;
  beforeEach(async () => {
    state = await openState(mkdtempSync(join(tmpdir(), 'cordon-program-')), { create: false, uid });
  });

  it('shows version, time and the table as the kernel has it', async () => {
    await storeProgram(state, { ...closedProgram('v1'), appliedAt: NOW });
    const host = fakeHost({ commands: { [LIST]: 'table inet cordon {\n}\n' } });
    const view = await programView(state, host);
    assert.equal(view.isInForce, true);
    assert.equal(view.text, 'program v1, applied 2023-11-14T22:13:20.000Z\ntable inet cordon {\n}\n');
    assert.deepEqual(view.json, { inForce: true, version: 'v1', appliedAt: NOW, table: 'table inet cordon {\n}\n' });
  });

  it('says so when the kernel has no such table, when nft is missing, and when the stored program is damaged', async () => {
    await storeProgram(state, { ...closedProgram('v1'), appliedAt: NOW });
    const missing = fakeHost({ commands: { [LIST]: { code: 1, stderr: 'Error: No such file or directory\n' } } });
    const flushed = await programView(state, missing);
    assert.equal(flushed.isInForce, false);
    assert.match(
      flushed.text,
      /is not in force: start the agent with `cordon agent run --enforce`\nthere is no table `inet cordon`\n/,
    );
    assert.match((await programView(state, fakeHost())).text, /`nft` is not installed/);
    writeFileSync(join(state.path, 'program.json'), '{}');
    const damaged = await programView(state, fakeHost({ commands: { [LIST]: 'table inet cordon {\n}\n' } }));
    assert.equal(damaged.isInForce, false);
    assert.match(damaged.text, /is damaged/);
  });
});

describe('the log', () => {
  it('keeps one event on one line, whatever it quotes', () => {
    const stream = new PassThrough();
    logTo(stream, { json: false, clock: manualClock(NOW) })('x-failed', 'a\nb\u001b[31m');
    logTo(stream, { json: true, clock: manualClock(NOW) })('x-failed', 'a\nb', { code: 'c' });
    const [plain = '', json = ''] = String(stream.read()).trim().split('\n');
    assert.equal(plain, '2023-11-14T22:13:20.000Z x-failed: a b [31m');
    assert.deepEqual(JSON.parse(json), {
      time: '2023-11-14T22:13:20.000Z',
      event: 'x-failed',
      message: 'a\nb',
      code: 'c',
    });
  });
});
