import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { ANSWERS } from './testdata/answers.ts';
import { type Override, withControlServer } from './testdata/control-server.ts';
import { type Outcome, runCommand } from './testdata/run-command.ts';

const EVENT = ANSWERS.events.items[0];

/** Tails a stream that a test writes; `told` is the person pressing ctrl-C. */
async function tail(
  argv: readonly string[],
  write: (response: ServerResponse, told: AbortController) => void,
): Promise<Outcome> {
  const told = new AbortController();
  const streaming: Override = ({ route }, response) => {
    if (route !== 'eventStream') return undefined;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': connected\n\n');
    write(response, told);
    return response;
  };
  return await withControlServer(
    streaming,
    async ({ socket }) => await runCommand(['events', 'tail', ...argv], { controlSocket: socket, signal: told.signal }),
  );
}

describe('cordon events tail', () => {
  const two = (response: ServerResponse, told: AbortController): void => {
    const text = `id: 1\ndata: ${JSON.stringify(EVENT)}\n\n: still here\n\nid: 2\ndata: ${JSON.stringify({ ...EVENT, message: 'Ünïcode' })}\n\n`;
    // In pieces that end inside a line, and inside a character.
    const bytes = Buffer.from(text);
    const middle = bytes.indexOf(0xc3) + 1;
    response.write(bytes.subarray(0, 20));
    setTimeout(() => response.write(bytes.subarray(20, middle)), 20);
    setTimeout(() => response.write(bytes.subarray(middle)), 40);
    // Long after the last piece: on a busy machine the reader is slow, and ctrl-C does not wait for it.
    setTimeout(() => told.abort(), 1000);
  };

  it('shows each event as it happens, and exits 0 when told to stop', async () => {
    const { code, stdout, stderr } = await tail([], two);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.match(
      stdout,
      /^2026-03-04 05:05:07Z {2}authentication: logon {2}ada@example\.org signed in \(cor_01\)\n.* {2}Ünïcode \(cor_01\)\n$/,
    );
  });

  it('is one document per line for programs', async () => {
    const { stdout } = await tail(['--json', '--class', '3002'], two);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(lines, [EVENT, { ...EVENT, message: 'Ünïcode' }]);
  });

  it('exits 2 when the server ends the stream', async () => {
    const { code, stderr } = await tail([], (response) => response.end());
    assert.equal(code, 2);
    assert.match(stderr, /the server ended the stream of events \(server-unreachable\)\nhint: /);
  });

  it('exits 2 at an event it cannot read', async () => {
    for (const data of ['{"class_uid":"x"}', 'not json']) {
      const { code, stderr } = await tail([], (response) => response.write(`data: ${data}\n\n`));
      assert.equal(code, 2);
      assert.match(stderr, /cannot read \(server-answer-invalid\)/);
    }
  });
});
