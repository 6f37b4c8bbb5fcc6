import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { z } from 'zod';
import type { CONTROL_ROUTES } from '#contract';
import type { Alert, OcsfEvent } from '#model';
import { type ApiBench, HOSTS, openApiBench, START } from '../testdata/api-bench.ts';
import { callLocal, enrol, type Person, type Reply } from '../testdata/browser.ts';

describe('operating over the API', () => {
  let bench: ApiBench;
  let ada: Person;
  let upstream: Server;

  before(async () => {
    bench = await openApiBench();
    ada = await enrol(bench, 'ada@example.org');
    // An answer that never ends.
    upstream = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write('first\n');
    });
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    const { port } = upstream.address() as AddressInfo;
    await bench.store.transact('system', async (tx) => {
      const user = await tx.get('user', ada.userId);
      if (user !== undefined) await tx.put('user', { ...user, groups: ['admins', 'staff'] });
      await tx.put('app', {
        id: 'feed',
        name: 'Feed',
        host: 'feed.localhost',
        upstream: `http://127.0.0.1:${port}`,
        tier: 3,
        device: 'any',
        allowedOrigins: [],
      });
    });
    await ada.browser.visit(`http://${HOSTS.console}:${bench.port}/`);
  });
  after(async () => {
    await bench.close();
    upstream.closeAllConnections();
    upstream.close();
  });

  const call = async (method: string, path: string, body?: object): Promise<Reply> =>
    await ada.browser.call(HOSTS.console, path, { method, body });
  const newest = (class_uid: number): OcsfEvent | undefined =>
    bench.journal.recent(50).findLast((event) => event.class_uid === class_uid);
  const actorOf = (event: OcsfEvent | undefined): unknown => event?.actor;
  const ADA = (): object => ({ user: { uid: `user:${ada.userId}` } });

  it('shows what is open through the gateway, and cuts it in the name of a person', async () => {
    await ada.browser.visit(`http://wiki.localhost:${bench.port}/`);
    ada.browser.cookies('feed.localhost').clear();
    const begun = await ada.browser.open(`http://feed.localhost:${bench.port}/`);
    const issued = await ada.browser.open(begun.headers.location ?? '');
    await ada.browser.open(issued.headers.location ?? '');
    const stream = await ada.browser.stream('feed.localhost', '/live?token=secret');
    stream.on('error', () => {}).resume();
    type Connections = z.output<typeof CONTROL_ROUTES.connections.response>;
    const { items } = (await call('GET', '/api/connections')).json<Connections>();
    assert.equal(items.length, 1);
    const [open] = items;
    assert.deepEqual(
      { ...open, id: '' },
      {
        id: '',
        userId: ada.userId,
        email: 'ada@example.org',
        app: 'Feed',
        appId: 'feed',
        kind: 'http',
        path: '/live',
        since: START,
        address: '127.0.0.1',
      },
    );
    const closed = new Promise<void>((resolve) => stream.once('close', () => resolve()));
    const reply = await call('DELETE', `/api/connections/${open?.id}`);
    assert.equal(reply.status, 200, reply.text);
    await closed;
    const event = newest(6003);
    assert.deepEqual(actorOf(event), ADA());
    assert.equal(event?.metadata.correlation_uid, reply.headers['x-cordon-correlation-id']);
    assert.equal(newest(4002)?.status_code, 'connection-ended', 'the gateway records the cut itself');
    assert.equal((await call('DELETE', `/api/connections/${open?.id}`)).code(), 'not-found');
  });

  it('shows sessions, and ends one', async () => {
    const eve = await enrol(bench, 'eve@example.org', ['staff']);
    type Sessions = z.output<typeof CONTROL_ROUTES.sessions.response>;
    const { items } = (await call('GET', '/api/sessions')).json<Sessions>();
    const hers = items.find(({ email }) => email === 'eve@example.org');
    assert.equal(hers?.acr, 'urn:cordon:aal2');
    assert.equal((await call('DELETE', `/api/sessions/${hers?.id}`)).status, 200);
    assert.equal((await eve.browser.call(HOSTS.identity, '/api/profile')).status, 401);
    assert.match(newest(3002)?.message ?? '', new RegExp(`session ended by user:${ada.userId}`));
    assert.equal((await call('DELETE', `/api/sessions/${hers?.id}`)).code(), 'session-unknown');
  });

  it('lists sessions only while they last', async () => {
    bench.clock.advance(12 * 3_600_000);
    const { total } = (await callLocal(bench, '/api/sessions')).json<{ total: number }>();
    assert.equal(total, 0);
    bench.clock.advance(-12 * 3_600_000);
  });

  it('makes a token for a device, with the command to run there', async () => {
    const body = { name: 'web-9', ownerEmail: 'Ada@example.org', labels: { role: 'web' } };
    const reply = await call('POST', '/api/devices/tokens', body);
    assert.equal(reply.status, 200, reply.text);
    const { token, command, expiresAt } = reply.json<z.output<typeof CONTROL_ROUTES.enrolDevice.response>>();
    assert.match(token, /^cordon1\.[\w-]+$/);
    assert.equal(command, `cordon agent enrol --server ${HOSTS.agent}:${bench.port} --token ${token}`);
    assert.equal(expiresAt, START + 3_600_000);
    assert.ok(JSON.stringify(bench.journal.recent(1)).includes(`user:${ada.userId}`));
    assert.ok(!JSON.stringify(bench.journal.recent(100)).includes(token), 'the token stands in no event');
    const nobody = await call('POST', '/api/devices/tokens', { ownerEmail: 'no@example.org' });
    assert.equal(`${nobody.status} ${nobody.code()}`, '404 user-unknown');
  });

  for (const [tls, server] of [
    ['10.77.0.1:8443', '10.77.0.1'],
    ['[fd00::1]:8443', '[fd00::1]'],
    ['0.0.0.0:8443', 'agent.localhost'],
    ['127.0.0.2:8443', 'agent.localhost'],
  ] as const) {
    it(`tells hosts to enrol at ${server} when it listens on ${tls} and its names mean every host itself`, async (t) => {
      const local = await openApiBench({ document: `listen: { tls: "${tls}" }\n` });
      t.after(local.close);
      const reply = await callLocal(local, '/api/devices/tokens', { method: 'POST', body: { labels: {} } });
      const { command } = reply.json<{ command: string }>();
      assert.ok(command.startsWith(`cordon agent enrol --server ${server}:${local.port} `), command);
    });
  }

  it('shows devices with what their last report was judged to be, and revokes one', async () => {
    await bench.store.transact('system', async (tx) => {
      await tx.put('device', {
        id: 'laptop',
        name: 'Laptop',
        form: 'agent',
        ownerId: ada.userId,
        managed: true,
        status: 'active',
        enrolledAt: START,
        posture: {
          collectedAt: START,
          verdict: 'unhealthy',
          results: [{ check: 'firewall', title: 'Firewall', outcome: 'fail', detail: 'off', fix: 'turn it on' }],
        },
      });
    });
    type Devices = z.output<typeof CONTROL_ROUTES.devices.response>;
    const laptop = async (): Promise<Devices['items'][number] | undefined> =>
      (await call('GET', '/api/devices')).json<Devices>().items.find(({ id }) => id === 'laptop');
    const shown = await laptop();
    assert.equal(shown?.owner, 'ada@example.org');
    assert.equal(shown?.verdict, 'unhealthy');
    assert.deepEqual(shown?.results, [
      { check: 'firewall', title: 'Firewall', outcome: 'fail', detail: 'off', fix: 'turn it on' },
    ]);
    const before = (await callLocal(bench, '/api/status')).json<z.output<typeof CONTROL_ROUTES.status.response>>();
    assert.equal(before.counts.unhealthyDevices, 1);
    assert.equal((await call('POST', '/api/devices/laptop/revoke')).status, 200);
    assert.equal((await laptop())?.status, 'revoked');
    assert.ok(JSON.stringify(bench.journal.recent(3)).includes(`user:${ada.userId}`));
    assert.equal((await call('POST', '/api/devices/nothing/revoke')).code(), 'device-unknown');
  });

  it('shows who may connect to whom, and the policy behind it', async () => {
    const plan = (await call('GET', '/api/segments/plan')).json<
      z.output<typeof CONTROL_ROUTES.segmentsPlan.response>
    >();
    const classOf = (segment: string): string | undefined =>
      plan.classes.find(({ segments }) => segments.includes(segment))?.id;
    assert.deepEqual(
      plan.classes.find(({ id }) => id === classOf('web')),
      {
        id: classOf('web'),
        labels: { role: 'web' },
        segments: ['web'],
        workloads: ['web-1'],
      },
    );
    assert.deepEqual(plan.pairs, [
      {
        from: classOf('web'),
        to: classOf('db'),
        pieces: [{ effect: 'allow', protocol: 'tcp', ports: '5432', policies: ['access.cedar#web-to-db'] }],
      },
    ]);
    assert.deepEqual(plan.problems, []);
  });

  it('shows only the labels that all workloads of a class have', async () => {
    await bench.store.transact('system', async (tx) => {
      const web = await tx.get('workload', 'web-1');
      if (web === undefined) return;
      await tx.put('workload', {
        ...web,
        id: 'web-2',
        name: 'web-2',
        addresses: ['10.0.0.3'],
        labels: { role: 'web', size: 'big' },
      });
    });
    const plan = (await call('GET', '/api/segments/plan')).json<
      z.output<typeof CONTROL_ROUTES.segmentsPlan.response>
    >();
    const web = plan.classes.find(({ segments }) => segments.includes('web'));
    assert.deepEqual([web?.labels, web?.workloads], [{ role: 'web' }, ['web-1', 'web-2']]);
  });

  for (const [query, allowed, reason] of [
    ['from=web-1&to=db-1&port=5432', true, /tcp 5432 is permitted/],
    ['from=web-1&to=db-1&port=22', false, /no policy permits tcp 22/],
    ['from=db-1&to=web-1&port=5432', false, /no policy permits/],
    ['from=web-1&to=db-1&port=5432&protocol=udp', false, /no policy permits udp/],
    ['from=10.0.0.1&to=10.0.0.2&port=5432', true, /permitted/],
    ['from=nothing&to=db-1&port=5432', false, /neither an address nor/],
  ] as const) {
    it(`traces ${query}: ${allowed ? 'allowed' : 'denied'}`, async () => {
      const trace = (await call('GET', `/api/segments/trace?${query}`)).json<
        z.output<typeof CONTROL_ROUTES.segmentsTrace.response>
      >();
      assert.equal(trace.allowed, allowed);
      assert.match(trace.reason, reason);
      assert.deepEqual(trace.policies, allowed ? ['access.cedar#web-to-db'] : []);
    });
  }

  it('quarantines a workload and releases it, each with one event that says who and why', async () => {
    type Workloads = z.output<typeof CONTROL_ROUTES.workloads.response>;
    const web = async (): Promise<Workloads['items'][number] | undefined> =>
      (await call('GET', '/api/workloads')).json<Workloads>().items.find(({ id }) => id === 'web-1');
    const events = (): OcsfEvent[] => bench.journal.recent(100).filter(({ class_uid }) => class_uid === 7004);
    const path = '/api/workloads/web-1';
    assert.equal((await call('POST', `${path}/quarantine`, { reason: 'it probes ports' })).status, 200);
    assert.deepEqual((await web())?.quarantine, {
      since: START,
      by: `user:${ada.userId}`,
      reason: 'it probes ports',
    });
    assert.equal(events().length, 1);
    assert.equal(events()[0]?.activity_name, 'isolate');
    assert.deepEqual(actorOf(events()[0]), ADA());
    assert.match(events()[0]?.message ?? '', /quarantined web-1: it probes ports$/);
    assert.equal((await call('POST', `${path}/quarantine`, { reason: 'once more' })).status, 200);
    assert.equal((await web())?.quarantine?.reason, 'it probes ports', 'the first reason stays');
    assert.equal(events().length, 1);
    const trace = await call('GET', '/api/segments/trace?from=web-1&to=db-1&port=5432');
    assert.equal(trace.json<{ allowed: boolean }>().allowed, false);
    assert.equal((await call('POST', `${path}/release`, { reason: 'it was a test' })).status, 200);
    assert.equal((await web())?.quarantine, undefined);
    assert.deepEqual(
      events().map(({ activity_name }) => activity_name),
      ['isolate', 'restore'],
    );
    assert.equal((await call('POST', `${path}/release`, { reason: 'it was a test' })).status, 200);
    assert.equal(events().length, 2, 'there was nothing to release');
    for (const act of ['quarantine', 'release']) {
      const reply = await call('POST', `/api/workloads/nothing/${act}`, { reason: 'a good reason' });
      assert.equal(`${reply.status} ${reply.code()}`, '404 workload-unknown');
    }
  });

  it('shows alerts, newest first, and closes one with a reason', async () => {
    const alert = (id: string, lastAt: number): Alert => ({
      id,
      ruleId: 'port-probe',
      title: 'A host probes ports',
      severity: 'high',
      subjectKind: 'workload',
      subjectId: 'web-1',
      detail: 'five ports',
      firstAt: START,
      lastAt,
      count: 5,
      status: 'open',
      eventIds: ['evt_1'],
      responded: ['isolate:dry-run'],
    });
    await bench.store.transact('system', async (tx) => {
      await tx.put('alert', alert('alr_1', START));
      await tx.put('alert', alert('alr_2', START + 1000));
    });
    type Alerts = z.output<typeof CONTROL_ROUTES.alerts.response>;
    const list = async (query = ''): Promise<Alerts['items']> =>
      (await call('GET', `/api/alerts${query}`)).json<Alerts>().items;
    assert.deepEqual(
      (await list()).map(({ id }) => id),
      ['alr_2', 'alr_1'],
    );
    assert.equal((await list())[0]?.subjectName, 'web-1');
    assert.equal((await call('POST', '/api/alerts/alr_1/close', { reason: 'a planned test' })).status, 200);
    assert.deepEqual(
      (await list('?status=open')).map(({ id }) => id),
      ['alr_2'],
    );
    assert.deepEqual(
      (await list('?status=closed')).map(({ id }) => id),
      ['alr_1'],
    );
    assert.ok(JSON.stringify(newest(2004)).includes(`user:${ada.userId}`));
    const again = await call('POST', '/api/alerts/alr_1/close', { reason: 'a planned test' });
    assert.equal(`${again.status} ${again.code()}`, '409 alert-closed');
    assert.equal(
      (await call('POST', '/api/alerts/nothing/close', { reason: 'a good reason' })).code(),
      'alert-unknown',
    );
  });

  it('tells the state of the whole in one answer', async () => {
    type Status = z.output<typeof CONTROL_ROUTES.status.response>;
    const status = (await call('GET', '/api/status')).json<Status>();
    assert.deepEqual(
      [status.version, status.domain, status.startedAt, status.now, status.policyVersion],
      ['0.0.0-test', 'localhost', START, START, 1],
    );
    assert.equal(status.graphSeq, bench.graph.seq);
    assert.equal(status.journal.writable, true);
    assert.equal(status.configurationProblem, undefined);
    assert.deepEqual([status.counts.workloads, status.counts.segments, status.counts.apps], [3, 2, 2]);
    assert.equal(status.counts.openAlerts, 1);
    assert.ok(status.decisions.permitted >= 2, 'wiki and feed');
    assert.ok(status.decisions.denied >= 1, 'the cut');
    bench.setConfigurationProblem({ at: START, problems: [{ code: 'yaml-invalid', message: 'line 3' }] });
    const later = (await call('GET', '/api/status')).json<Status>();
    assert.deepEqual(later.configurationProblem, {
      at: START,
      problems: [{ code: 'yaml-invalid', message: 'line 3' }],
    });
  });
});
