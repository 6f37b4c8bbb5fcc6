import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type AgentHostBench, enrolBody, newHost, openAgentHostBench } from './testdata/agent-host-bench.ts';

describe('the host of the agents', () => {
  let bench: AgentHostBench;
  before(async () => {
    bench = await openAgentHostBench();
  });
  after(async () => await bench.close());

  it('enrols without a certificate, and then reports, polls and renews with it', async () => {
    const host = await bench.enrol();
    const reported = await bench.send({ path: '/v1/report', body: bench.report(host), as: host });
    assert.equal(reported.code, 'ok', JSON.stringify(reported.body));
    const [workload] = [...bench.graph.all('workload')];
    bench.programs.set(workload?.id ?? '', { version: 'v1', document: { nftables: [] } });
    const told = await bench.send({ path: '/v1/instruction', as: host });
    assert.deepEqual(told.body['program'], { version: 'v1', document: { nftables: [] } });
    const renewed = await bench.send({ path: '/v1/renew', body: { wire: 1, csr: host.csr }, as: host });
    assert.equal(renewed.code, 'ok');
    const old = await bench.send({ path: '/v1/report', body: bench.report(host), as: host });
    assert.deepEqual([old.status, old.code, old.headers['connection']], [401, 'certificate-outdated', 'close']);
    const again = await bench.send({ path: '/v1/renew', body: { wire: 1, csr: host.csr }, as: host });
    assert.equal(again.code, 'ok');
    const now = { ...host, certificate: String(again.body['certificate']) };
    assert.equal((await bench.send({ path: '/v1/report', body: bench.report(host), as: now })).code, 'ok');
  });

  it('refuses', async () => {
    assert.equal((await bench.send({ path: '/v1/instruction' })).code, 'device-unknown');
    assert.equal(
      (await bench.send({ path: '/v1/enrol', body: enrolBody(await newHost(), 'x') })).code,
      'enrolment-token-invalid',
    );
    assert.equal(await bench.sendInTheClear('/v1/enrol'), 403);
  });
});
