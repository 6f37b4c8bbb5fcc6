import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { runCommand } from './testdata/run-command.ts';
import type { AgentCommands, AgentInput } from './world.ts';

/** An agent that writes down what it was asked, and answers 7. */
function recordingAgent(): { agent: AgentCommands; calls: [string, object][] } {
  const calls: [string, object][] = [];
  const record = (name: string) => async (input: AgentInput) => {
    const { stdout, stderr: _, signal, ...rest } = input;
    assert.ok(!signal.aborted);
    stdout.write(`${name} was here\n`);
    calls.push([name, rest]);
    return 7;
  };
  const [enrol, run, posture, program] = ['enrol', 'run', 'posture', 'program'].map(record);
  assert.ok(enrol !== undefined && run !== undefined && posture !== undefined && program !== undefined);
  return { agent: { enrol, run, posture, program }, calls };
}

const USUAL = { stateDirectory: '/var/lib/cordon-agent', json: false };
const CASES: readonly (readonly [string, string, object])[] = [
  ['agent enrol --server a:1 --token tok', 'enrol', { ...USUAL, server: 'a:1', token: 'tok' }],
  ['agent enrol --server a:1 --token -', 'enrol', { ...USUAL, server: 'a:1', token: 'from-stdin' }],
  ['agent run', 'run', { ...USUAL, enforce: false }],
  ['agent run --enforce --state s', 'run', { ...USUAL, stateDirectory: '/nowhere/s', enforce: true }],
  ['agent posture --json', 'posture', { ...USUAL, json: true }],
  ['agent program --state /x', 'program', { ...USUAL, stateDirectory: '/x' }],
];

describe('cordon agent', () => {
  for (const [line, name, input] of CASES) {
    it(`hands \`${line}\` to the agent and ends with its exit code`, async () => {
      const { agent, calls } = recordingAgent();
      const stdin = Readable.from([Buffer.from('from-stdin\n')]);
      const { code, stdout } = await runCommand(line.split(' '), { agent, stdin });
      assert.deepEqual({ code, stdout }, { code: 7, stdout: `${name} was here\n` });
      assert.deepEqual(calls, [[name, input]]);
    });
  }
});
