import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, verify, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { TLSSocket } from 'node:tls';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { canonicalJson, CordonError, type Json } from '#base';
import { parseMessage, type PostureClaims } from '#wire';
import { readIdentity } from './identity.ts';
import { readReport } from './last-report.ts';
import { type Enrolled, enrolled, until } from './testdata/enrolled.ts';
import { newKeys } from './testdata/authority.ts';
import { closedProgram } from './testdata/programs.ts';

const NFT = 'nft -j -s -t list ruleset';
const chain = {
  chain: { family: 'inet', table: 't', name: 'c', type: 'filter', hook: 'input', prio: 0, policy: 'drop' },
};

let agent: Enrolled;
let running: ReturnType<Enrolled['start']> | undefined;

beforeEach(async () => {
  agent = await enrolled();
});
afterEach(async () => {
  await running?.stop().catch(() => {});
  running = undefined;
  await agent.server.stop().catch(() => {});
});

function reported(count: number): Promise<void> {
  return until(() => agent.server.reports.length >= count, `${count} reports`);
}

function claimsOf(jws: string): {
  header: Json;
  claims: PostureClaims;
  payload: string;
  signed: string;
  signature: Buffer;
} {
  const [header = '', payload = '', signature = ''] = jws.split('.');
  const text = (part: string): string => Buffer.from(part, 'base64url').toString('utf8');
  const claims = parseMessage('postureClaims', text(payload));
  assert.ok(claims.ok);
  return {
    header: JSON.parse(text(header)) as Json,
    claims: claims.value,
    payload: text(payload),
    signed: `${header}.${payload}`,
    signature: Buffer.from(signature, 'base64url'),
  };
}

describe('reports', () => {
  it('hold facts signed by the device key: ES256 over canonical JSON, of this device, fresh and used once (RFC 7515)', async () => {
    running = agent.start();
    await reported(1);
    agent.host.own = ['10.0.0.8', 'fd00::8'];
    await reported(2);
    const { key, certificate } = await readIdentity(agent.state);
    const [first, second] = agent.server.reports.map((report) => claimsOf(report.posture));
    assert.ok(first !== undefined && second !== undefined);
    for (const { header, claims, payload, signed, signature } of [first, second]) {
      assert.deepEqual(header, { alg: 'ES256', typ: 'cordon-posture+jwt' });
      assert.equal(payload, canonicalJson(JSON.parse(payload) as Json));
      const { publicKey } = new X509Certificate(certificate.pem);
      assert.ok(verify('sha256', Buffer.from(signed), { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature));
      assert.equal(claims.sub, 'dev_test');
      assert.ok(Math.abs(claims.iat * 1000 - Date.now()) < 10_000);
      assert.ok(claims.collectedAt < claims.iat * 1000 + 1000);
    }
    assert.ok(second.claims.sequence > first.claims.sequence);
    assert.notEqual(first.claims.jti, second.claims.jti);
    assert.deepEqual(agent.server.reports[1]?.addresses, ['10.0.0.8', 'fd00::8']);
    assert.equal(key.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  });

  it('come at the pace the server asks for', async () => {
    agent.server.instruction = { ...agent.server.instruction, reportEverySeconds: 1 };
    running = agent.start();
    await reported(3);
    const times = agent.server.reports.map(({ collectedAt }) => collectedAt);
    const [first = 0, , third = 0] = times;
    assert.ok(third - first > 1700 && third - first < 3000, `two intervals took ${third - first} ms`);
  });

  it('come at once when a check turns bad, and not again while nothing changes', async () => {
    agent.host.commands.set(NFT, JSON.stringify({ nftables: [chain] }));
    running = agent.start();
    await reported(1);
    await wait(100);
    assert.equal(agent.server.reports.length, 1);
    const vanished = performance.now();
    agent.host.commands.set(NFT, JSON.stringify({ nftables: [] }));
    await reported(2);
    assert.ok(performance.now() - vanished < 500);
    const { facts } = claimsOf(agent.server.reports[1]?.posture ?? '').claims;
    assert.deepEqual(facts.inputChains, { value: [] });
    await wait(100);
    assert.equal(agent.server.reports.length, 2);
  });

  it('go on growing in number over restarts, also when the file that remembers them is lost', async () => {
    running = agent.start();
    await reported(1);
    await running.stop();
    const kept = await readReport(agent.state);
    assert.equal(kept?.sequence, agent.server.reports[0]?.sequence);
    running = agent.start();
    await reported(2);
    await running.stop();
    await agent.state.remove('last-report.json');
    running = agent.start();
    await reported(3);
    const sequences = agent.server.reports.map(({ sequence }) => sequence);
    assert.deepEqual(
      sequences,
      [...new Set(sequences)].sort((a, b) => a - b),
    );
  });

  it('keep the verdict for `cordon agent posture`', async () => {
    const posture = {
      collectedAt: 1,
      verdict: 'unhealthy' as const,
      results: [{ check: 'firewall', title: 'Firewall', outcome: 'fail' as const, detail: 'open', fix: 'close it' }],
    };
    agent.server.instruction = { ...agent.server.instruction, posture };
    running = agent.start();
    await reported(1);
    await agent.told('reported');
    assert.match(agent.events.find(({ event }) => event === 'reported')?.message ?? '', /unhealthy/);
    await until(() => JSON.stringify(agent.events).includes('unhealthy'), 'the verdict');
    await running.stop();
    assert.deepEqual((await readReport(agent.state))?.posture, posture);
  });

  it('are worth more than the memory of them: a disk that takes nothing does not stop them', async () => {
    const state = { ...agent.state, write: async () => await Promise.reject(new Error('disk full')) };
    agent.server.instruction = { ...agent.server.instruction, reportEverySeconds: 1 };
    running = agent.start({ state });
    await reported(2);
    assert.equal(agent.events.filter(({ event }) => event === 'report-not-kept').length, 1);
    assert.equal(
      agent.events.some(({ event }) => event === 'report-failed'),
      false,
    );
  });
});

describe('a server that is lost', () => {
  it('is tried again and again, told once per try with the time of the next, and found when it returns', async () => {
    running = agent.start();
    await reported(1);
    await agent.server.stop();
    agent.host.own = ['10.9.9.9'];
    await until(() => agent.events.filter(({ event }) => event === 'report-failed').length >= 3, 'three failures');
    const failure = agent.events.find(({ event }) => event === 'report-failed');
    assert.equal(failure?.['code'], 'agent-server-unreachable');
    assert.match(failure?.message ?? '', /cannot reach the server at `127\.0\.0\.1:\d+`.*tried again in \d+ s/);
    await agent.server.restart();
    await agent.told('server-found');
    await reported(2);
    assert.deepEqual(agent.server.reports.at(-1)?.addresses, ['10.9.9.9']);
  });

  const answers: readonly [string, { status: number; body: string }, string][] = [
    ['a page of a proxy', { status: 502, body: '<h1>Bad gateway</h1>' }, 'agent-answer-invalid'],
    ['a page with status 200', { status: 200, body: '<h1>Welcome</h1>' }, 'json-invalid'],
    ['JSON that is no instruction', { status: 200, body: '{"wire":1}' }, 'message-invalid'],
    [
      'another version',
      { status: 200, body: '{"wire":2,"reportEverySeconds":1,"renewalDue":false}' },
      'wire-version-unsupported',
    ],
    [
      'more than an instruction may hold',
      { status: 200, body: ' '.repeat(9 * 1024 * 1024) },
      'agent-server-unreachable',
    ],
    ['a refusal', { status: 403, body: '{"error":{"code":"device-revoked","message":"revoked"}}' }, 'device-revoked'],
    ['a redirect', { status: 302, body: '' }, 'agent-answer-invalid'],
  ];
  for (const [what, answer, code] of answers) {
    it(`is one that answers with ${what}: the agent says so and goes on`, async () => {
      agent.server.intercept = (_, response) => {
        const { status, body } = answer;
        response.writeHead(status, { location: 'https://127.0.0.1:1/' }).end(body);
        return true;
      };
      running = agent.start();
      await agent.told('report-failed');
      assert.equal(agent.events.find(({ event }) => event === 'report-failed')?.['code'], code);
      agent.server.intercept = undefined;
      await reported(1);
    });
  }

  it('is one that takes a report and never answers', async () => {
    agent.server.intercept = (request) => request.url === '/v1/report';
    running = agent.start({ timing: { askMs: 100 } });
    await agent.told('report-failed');
    agent.server.intercept = undefined;
    await reported(1);
  });
});

describe('instructions', () => {
  it('are waited for, with the version that was offered, when the agent only reports', async () => {
    agent.server.instruction = { ...agent.server.instruction, program: closedProgram('v1') };
    running = agent.start();
    await agent.told('program-offered');
    await until(() => agent.server.polls.at(-1) === 'v1', 'a poll that has v1');
    const polls = agent.server.polls.length;
    await wait(100);
    assert.equal(agent.server.polls.length, polls, 'the poll waits');
    assert.equal(
      agent.host.ran.some((line) => line.includes('-f')),
      false,
      'nothing was applied',
    );
    agent.server.instruction = { ...agent.server.instruction, program: closedProgram('v2') };
    agent.server.wake();
    await until(() => agent.server.polls.at(-1) === 'v2', 'a poll that has v2');
  });

  it('end in the application of a program at once, and in a report that says so', async () => {
    const program = closedProgram('v1');
    const listing = JSON.stringify({
      nftables: program.document.nftables.slice(3).map((one) => Object.values(one as object)[0] as Json),
    });
    const { run } = agent.host;
    let isThere = false;
    Object.assign(agent.host, {
      run: async (command: string, args: readonly string[]) => {
        if (command === 'nft' && args.includes('-f') && !args.includes('-c')) isThere = true;
        const missing = { code: 1, stderr: 'Error: No such file or directory\n' };
        agent.host.commands.set('nft -j list table inet cordon', isThere ? listing : missing);
        agent.host.commands.set('nft', '');
        return await run(command, args);
      },
    });
    running = agent.start({ enforce: true });
    await reported(1);
    await until(() => agent.server.polls.length > 0, 'a poll');
    assert.equal(agent.server.polls[0], '');
    agent.server.instruction = { ...agent.server.instruction, program };
    const offered = performance.now();
    agent.server.wake();
    await until(() => agent.server.reports.at(-1)?.program?.applied === 'v1', 'a report of v1');
    assert.ok(performance.now() - offered < 1000);
    await until(() => agent.server.polls.at(-1) === 'v1', 'a poll that has v1');
  });

  it('are asked for at a bounded pace from a server that answers at once', async () => {
    agent.server.intercept = (request, response) => {
      if (!request.url?.startsWith('/v1/instruction')) return false;
      agent.server.polls.push('');
      response.writeHead(200).end(JSON.stringify(agent.server.instruction));
      return true;
    };
    running = agent.start({ timing: { pollRestMs: 50 } });
    await wait(500);
    assert.ok(agent.server.polls.length <= 11, `${agent.server.polls.length} polls in 500 ms`);
  });
});

describe('the certificate', () => {
  const thumbprint = (pem: string | Buffer): string =>
    createHash('sha256').update(new X509Certificate(pem).raw).digest('hex');

  it('is renewed when the server says so, for the same key, and used from then on', async () => {
    const before = readFileSync(join(agent.state.path, 'certificate.pem'), 'utf8');
    const key = readFileSync(join(agent.state.path, 'key.pem'), 'utf8');
    const shown: string[] = [];
    agent.server.intercept = (request) => {
      const raw = (request.socket as TLSSocket).getPeerCertificate().raw;
      shown.push(createHash('sha256').update(raw).digest('hex'));
      return false;
    };
    agent.server.instruction = { ...agent.server.instruction, renewalDue: true };
    running = agent.start({ timing: { pollMs: 20 } });
    await agent.told('renewed');
    agent.server.instruction = { ...agent.server.instruction, renewalDue: false };
    const after = readFileSync(join(agent.state.path, 'certificate.pem'), 'utf8');
    assert.notEqual(after, before);
    assert.equal(readFileSync(join(agent.state.path, 'key.pem'), 'utf8'), key);
    agent.host.own = ['10.3.3.3'];
    await until(() => shown.includes(thumbprint(after)), 'a connection with the new certificate');
    assert.ok(shown.includes(thumbprint(before)));
  });

  it('is renewed by the agent itself in the last third of its life', async () => {
    await running?.stop();
    const { server, state } = agent;
    const { key } = await readIdentity(state);
    const { certificateRequest } = await import('./key.ts');
    const old = await server.authority.device(await certificateRequest(key), {
      validForMs: 600_000,
      issuedAgoMs: 1_300_000,
    });
    writeFileSync(join(state.path, 'certificate.pem'), old.certificate);
    running = agent.start();
    await agent.told('renewed');
    await wait(50);
    assert.equal(server.renewals, 1);
  });

  it('is renewed at once when the server calls it outdated, and the report is sent again', async () => {
    let refusals = 0;
    agent.server.intercept = (request, response) => {
      if (agent.server.renewals > 0 || request.url === '/v1/renew') return false;
      refusals++;
      response.writeHead(401).end('{"error":{"code":"certificate-outdated","message":"expired"}}');
      return true;
    };
    running = agent.start({ timing: { backoff: { firstMs: 300, mostMs: 300 } } });
    await agent.told('renewed');
    await reported(1);
    assert.ok(refusals >= 1);
    assert.equal(agent.server.renewals, 1);
  });

  it('stays when the server offers one for another key, and the agent says so', async () => {
    const before = readFileSync(join(agent.state.path, 'certificate.pem'), 'utf8');
    agent.server.intercept = async (request, response, body) => {
      if (request.url !== '/v1/renew') return false;
      const { csr } = JSON.parse(body);
      const issued = await agent.server.authority.device(csr, { key: (await newKeys()).publicKey });
      response
        .writeHead(200)
        .end(JSON.stringify({ deviceId: 'dev_test', ca: agent.server.authority.certificate, ...issued }));
      return true;
    };
    agent.server.instruction = { ...agent.server.instruction, renewalDue: true };
    running = agent.start({ timing: { pollMs: 20 } });
    await agent.told('renewal-failed');
    assert.equal(agent.events.find(({ event }) => event === 'renewal-failed')?.['code'], 'identity-unusable');
    assert.equal(readFileSync(join(agent.state.path, 'certificate.pem'), 'utf8'), before);
  });
});

describe('a state directory', () => {
  it('is worked with by one agent: a second is refused', async () => {
    running = agent.start();
    await reported(1);
    await assert.rejects(
      agent.start().stopped,
      (error) => error instanceof CordonError && error.code === 'agent-running',
    );
  });

  it('is free again when its agent was killed', async () => {
    const lock = new URL('./lock.ts', import.meta.url).href;
    const script = `const {lockState}=await import(${JSON.stringify(lock)});lockState(${JSON.stringify(agent.state.path)});console.log('locked');setInterval(()=>{},1000)`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    await assert.rejects(
      agent.start().stopped,
      (error) => error instanceof CordonError && error.message.includes(String(child.pid)),
    );
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    running = agent.start();
    await reported(1);
  });

  const damages: readonly [string, string, string][] = [
    ['identity.json', '{}', 'identity-damaged'],
    ['key.pem', 'torn', 'identity-damaged'],
    ['certificate.pem', '', 'identity-damaged'],
    ['authority.pem', 'torn', 'identity-damaged'],
  ];
  for (const [file, text, code] of damages) {
    it(`in which ${file} is damaged is named, with what to do`, async () => {
      writeFileSync(join(agent.state.path, file), text);
      await assert.rejects(agent.start().stopped, (error) => {
        assert.ok(error instanceof CordonError && error.code === code, String(error));
        return error.message.includes(file) && /enrol again/.test(error.hint ?? '');
      });
    });
  }

  it('that holds no identity is told to be enrolled', async () => {
    await agent.state.remove('identity.json');
    await assert.rejects(
      agent.start().stopped,
      (error) => error instanceof CordonError && error.code === 'agent-not-enrolled',
    );
  });
});

describe('stopping', () => {
  it('takes no longer than a moment, whatever the agent waits for', async () => {
    running = agent.start({ timing: { pollMs: 60_000, watchMs: 60_000 } });
    await reported(1);
    await until(() => agent.server.polls.length === 1, 'a poll');
    const begun = performance.now();
    await running.stop();
    assert.ok(performance.now() - begun < 500);
    assert.equal(agent.events.at(-1)?.event, 'stopped');
    assert.equal(
      agent.events.some(({ event }) => event.endsWith('-failed')),
      false,
    );
  });
});
