import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Agent } from 'node:https';
import { setTimeout as wait } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { CordonError } from '#base';
import { WIRE_LIMITS } from '#wire';
import {
  type AgentHostBench,
  enrolBody,
  type HostIdentity,
  newHost,
  openAgentHostBench,
} from './testdata/agent-host-bench.ts';

let bench: AgentHostBench;
before(async () => {
  bench = await openAgentHostBench();
});
afterEach(() => {
  bench.breakJournal(undefined);
  bench.failures.length = 0;
});
after(async () => await bench.close());

const workloadOf = ({ deviceId }: HostIdentity): string =>
  [...bench.graph.all('workload')].find((workload) => workload.deviceId === deviceId)?.id ?? '';
const renewBody = ({ csr }: HostIdentity) => ({ wire: 1, csr });

describe('the life of an agent', () => {
  it('enrols without a certificate, then reports, waits and renews with it', async () => {
    const host = await bench.enrol();
    const reported = await bench.send({ path: '/v1/report', body: bench.report(host), as: host });
    assert.equal(reported.code, 'ok');
    assert.equal((reported.body['posture'] as { verdict?: string }).verdict, 'unknown');
    const program = { version: 'v1', document: { nftables: [] } };
    bench.programs.set(workloadOf(host), program);
    const told = await bench.send({ path: '/v1/instruction?have=v0', as: host });
    assert.deepEqual(told.body['program'], program);
    const renewed = await bench.send({ path: '/v1/renew', body: renewBody(host), as: host });
    assert.equal(renewed.code, 'ok');
    const next = { ...host, certificate: String(renewed.body['certificate']) };
    assert.equal((await bench.send({ path: '/v1/report', body: bench.report(host), as: next })).code, 'ok');
  });

  it('goes on when the answer to renewing was lost: the old certificate renews again, and does nothing else', async () => {
    const host = await bench.enrol();
    await bench.send({ path: '/v1/renew', body: renewBody(host), as: host });
    for (const path of ['/v1/report', '/v1/instruction']) {
      const body = path === '/v1/report' ? { body: bench.report(host) } : {};
      const old = await bench.send({ path, ...body, as: host });
      assert.deepEqual([old.status, old.code, old.headers['connection']], [401, 'certificate-outdated', 'close']);
    }
    const again = await bench.send({ path: '/v1/renew', body: renewBody(host), as: host });
    const next = { ...host, certificate: String(again.body['certificate']) };
    assert.equal((await bench.send({ path: '/v1/report', body: bench.report(host), as: next })).code, 'ok');
  });

  it('ends with its revocation, also while it waits', async () => {
    const host = await bench.enrol();
    const waiting = bench.send({ path: '/v1/instruction', as: host });
    await wait(100);
    await bench.devices.revoke({ deviceId: host.deviceId ?? '', by: 'user:ada', reason: 'lost' });
    const answer = await waiting;
    assert.deepEqual([answer.status, answer.code], [403, 'device-revoked']);
    for (const [path, body] of [
      ['/v1/report', bench.report(host)],
      ['/v1/renew', renewBody(host)],
    ] as const) {
      assert.equal((await bench.send({ path, body, as: host })).code, 'device-revoked');
    }
  });

  it('is told of a new program the moment it is there, also when its certificate was renewed meanwhile', async () => {
    const host = await bench.enrol();
    const id = workloadOf(host);
    bench.programs.set(id, { version: 'v1', document: { nftables: [] } });
    const waiting = bench.send({ path: '/v1/instruction?have=v1', as: host });
    await wait(100);
    await bench.send({ path: '/v1/renew', body: renewBody(host), as: host });
    bench.programs.set(id, { version: 'v2', document: { nftables: [] } });
    await bench.touch();
    const answer = await waiting;
    assert.equal((answer.body['program'] as { version?: string }).version, 'v2');
  });

  it('ends the connection after a new identity, so that the next handshake shows it', async () => {
    const agent = new Agent({ keepAlive: true });
    const host = await newHost();
    const enrolled = await bench.send({ path: '/v1/enrol', body: enrolBody(host, await bench.secret()), agent });
    assert.deepEqual([enrolled.code, enrolled.headers['connection']], ['ok', 'close']);
    agent.destroy();
  });
});

describe('a request to the agents’ host is refused', () => {
  const refused: readonly (readonly [string, Parameters<AgentHostBench['send']>[0], number, string])[] = [
    ['at another path', { path: '/v1/other' }, 404, 'route-unknown'],
    ['at a path of an object', { path: '/constructor' }, 404, 'route-unknown'],
    ['at the root', { path: '/' }, 404, 'route-unknown'],
    ['with another method', { path: '/v1/enrol', method: 'GET' }, 405, 'method-refused'],
    [
      'with another method where one asks',
      { path: '/v1/instruction', method: 'POST', body: {} },
      405,
      'method-refused',
    ],
    ['without a certificate, to report', { path: '/v1/report', body: {} }, 401, 'device-unknown'],
    ['without a certificate, to renew', { path: '/v1/renew', body: {} }, 401, 'device-unknown'],
    ['without a certificate, to wait', { path: '/v1/instruction' }, 401, 'device-unknown'],
    ['without JSON', { path: '/v1/enrol', body: 'let me in' }, 400, 'json-invalid'],
    ['without a body', { path: '/v1/enrol', method: 'POST' }, 400, 'json-invalid'],
    ['with half a message', { path: '/v1/enrol', body: { wire: 1 } }, 400, 'message-invalid'],
    ['in another version', { path: '/v1/enrol', body: { wire: 2 } }, 400, 'wire-version-unsupported'],
    [
      'in bytes that are not UTF-8',
      { path: '/v1/enrol', body: Buffer.from([0x7b, 0xff, 0x7d]) },
      400,
      'message-invalid',
    ],
    [
      'as a form',
      { path: '/v1/enrol', body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      415,
      'content-type-unsupported',
    ],
    [
      'in another charset',
      { path: '/v1/enrol', body: {}, headers: { 'content-type': 'application/json; charset=utf-16' } },
      415,
      'content-type-unsupported',
    ],
    [
      'compressed',
      { path: '/v1/enrol', body: {}, headers: { 'content-encoding': 'gzip' } },
      415,
      'content-type-unsupported',
    ],
  ];
  for (const [what, sent, status, code] of refused) {
    it(`${what}: ${status} ${code}`, async () => {
      const own = await openAgentHostBench();
      try {
        const answer = await own.send(sent);
        assert.deepEqual([answer.status, answer.code], [status, code]);
        assert.equal(answer.headers['cache-control'], 'no-store');
        assert.equal(answer.headers['content-type'], 'application/json');
        assert.equal(
          answer.headers['allow'],
          status === 405 ? (sent.path === '/v1/enrol' ? 'POST' : 'GET') : undefined,
        );
        assert.deepEqual(own.failures, []);
      } finally {
        await own.close();
      }
    });
  }

  it('in the clear: 403', async () => {
    for (const path of ['/v1/enrol', '/v1/report', '/v1/nothing']) assert.equal(await bench.sendInTheClear(path), 403);
  });

  it('with a token that is wrong, and the refusal says what to do', async () => {
    const answer = await bench.send({ path: '/v1/enrol', body: enrolBody(await newHost(), 'x') });
    assert.deepEqual([answer.status, answer.code], [403, 'enrolment-token-invalid']);
    assert.match(String((answer.body['error'] as { hint?: string }).hint), /cordon devices token/);
  });

  it('with a program version that is none', async () => {
    const host = await bench.enrol();
    const answer = await bench.send({ path: `/v1/instruction?have=${'x'.repeat(129)}`, as: host });
    assert.deepEqual([answer.status, answer.code], [400, 'message-invalid']);
  });

  it('with a report that is not believed', async () => {
    const host = await bench.enrol();
    const report = bench.report(host);
    assert.equal((await bench.send({ path: '/v1/report', body: report, as: host })).code, 'ok');
    const again = await bench.send({ path: '/v1/report', body: report, as: host });
    assert.deepEqual([again.status, again.code], [409, 'posture-replayed']);
    const other = await bench.enrol();
    const borrowed = await bench.send({ path: '/v1/report', body: bench.report(host), as: other });
    assert.deepEqual([borrowed.status, borrowed.code], [400, 'posture-invalid']);
  });
});

describe('a body', () => {
  it('that says it is too large is refused before it is read', async () => {
    const text = await raw(
      `POST /v1/enrol HTTP/1.1\r\nHost: agent.localhost\r\nContent-Type: application/json\r\nContent-Length: ${WIRE_LIMITS.enrolBytes + 1}\r\n\r\n{`,
    );
    assert.match(text, /^HTTP\/1\.1 413 [\s\S]*connection: close[\s\S]*message-too-large/i);
  });

  it('that grows too large is refused while it arrives', async () => {
    const chunk = `1000\r\n${' '.repeat(4096)}\r\n`;
    const text = await raw(
      `POST /v1/enrol HTTP/1.1\r\nHost: agent.localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(17)}`,
    );
    assert.match(text, /^HTTP\/1\.1 413 [\s\S]*message-too-large/i);
  });

  it('of exactly the limit is read', async () => {
    const text = JSON.stringify(enrolBody(await newHost(), await bench.secret()));
    const answer = await bench.send({ path: '/v1/enrol', body: text.padEnd(WIRE_LIMITS.enrolBytes) });
    assert.equal(answer.code, 'ok');
  });

  it('that stands still is refused, and the connection ends', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const answer = raw(
      'POST /v1/enrol HTTP/1.1\r\nHost: agent.localhost\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{',
    );
    // Only what the handler sets is mocked; the bytes need real turns of the loop to arrive.
    for (let turn = 0; turn < 2000; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      t.mock.timers.tick(100);
    }
    assert.match(await answer, /^HTTP\/1\.1 408 [\s\S]*message-too-slow/i);
  });

  it('of a client that goes away leaves nothing behind', async () => {
    const socket = await dial();
    socket.write(
      'POST /v1/enrol HTTP/1.1\r\nHost: agent.localhost\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{',
    );
    await wait(50);
    socket.destroy();
    await wait(50);
    assert.deepEqual(bench.failures, []);
  });
});

describe('attempts to enrol', () => {
  it('are bounded by address when they fail, and not when they succeed', async () => {
    const own = await openAgentHostBench();
    try {
      for (let i = 0; i < 12; i++) await own.enrol();
      const codes: string[] = [];
      for (let i = 0; i < 11; i++) codes.push((await own.send({ path: '/v1/enrol', body: { wire: 1 } })).code);
      assert.deepEqual(codes, [...Array(10).fill('message-invalid'), 'too-many-attempts']);
      const answer = await own.send({ path: '/v1/enrol', body: enrolBody(await newHost(), await own.secret()) });
      assert.deepEqual([answer.status, answer.headers['retry-after']], [429, '30']);
      own.clock.advance(30_000);
      await own.enrol();
    } finally {
      await own.close();
    }
  });
});

describe('requests of one device', () => {
  it('are bounded, and reports and waits do not take each other’s turn', async () => {
    const host = await bench.enrol();
    bench.programs.set(workloadOf(host), { version: 'v1', document: { nftables: [] } });
    const agent = new Agent({ keepAlive: true });
    const poll = async () => await bench.send({ path: '/v1/instruction', as: host, agent });
    const codes: string[] = [];
    for (let i = 0; i < 31; i++) codes.push((await poll()).code);
    assert.deepEqual(codes, [...Array(30).fill('ok'), 'too-many-attempts']);
    assert.equal((await bench.send({ path: '/v1/report', body: bench.report(host), as: host, agent })).code, 'ok');
    agent.destroy();
  });
});

describe('reports of one device', () => {
  it('come in a burst, then one every five seconds: each may be worth a hundred events', async () => {
    const host = await bench.enrol();
    const agent = new Agent({ keepAlive: true });
    const answers = [];
    for (let i = 0; i < 31; i++) {
      answers.push(await bench.send({ path: '/v1/report', body: bench.report(host), as: host, agent }));
    }
    assert.deepEqual(
      answers.map(({ code }) => code),
      [...Array(30).fill('ok'), 'too-many-attempts'],
    );
    const wait = Number(answers.at(-1)?.headers['retry-after']);
    assert.ok(wait >= 1 && wait <= 5, String(wait));
    agent.destroy();
  });
});

describe('a failure inside', () => {
  it('is told to the log with a correlation id, and to the agent without what failed', async () => {
    const host = await bench.enrol();
    bench.breakJournal(new Error('the disk is on fire at /var/lib'));
    const answer = await bench.send({ path: '/v1/report', body: bench.report(host), as: host });
    assert.deepEqual([answer.status, answer.code], [500, 'internal']);
    assert.ok(!JSON.stringify(answer.body).includes('fire'));
    assert.match(String((answer.body['error'] as { hint?: string }).hint), /cor_[0-9a-z]{25}/);
    assert.equal(bench.failures.length, 1);
  });

  it('of the journal says that the agent should try again', async () => {
    const host = await bench.enrol();
    bench.breakJournal(new CordonError('journal-unwritable', 'no space on /var/lib'));
    const answer = await bench.send({ path: '/v1/report', body: bench.report(host), as: host });
    assert.deepEqual([answer.status, answer.code], [503, 'journal-unwritable']);
    assert.ok(!JSON.stringify(answer.body).includes('/var/lib'));
  });
});

async function dial(): Promise<TLSSocket> {
  const { certificate: ca } = bench.authority;
  const socket = connect({ host: '127.0.0.1', port: bench.tlsPort, servername: 'agent.localhost', ca });
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('secureConnect', () => resolve()));
  return socket;
}

/** Sends bytes and reads until the server ends the connection. */
async function raw(bytes: string): Promise<string> {
  const socket = await dial();
  return await new Promise((resolve) => {
    let text = '';
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    socket.on('close', () => resolve(text));
    socket.write(bytes);
  });
}
