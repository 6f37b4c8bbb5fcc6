import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import type { User } from '#model';
import { parseEnrolmentToken } from '#wire';
import { codeOf, type DevicesBench, enrolRequest, must, openDevicesBench } from './testdata/devices-bench.ts';
import { csrOf, newHostKey } from './testdata/host-key.ts';

const HOUR = 3_600_000;
const PEER = { address: '::ffff:192.0.2.1' };
const ENTITY_MANAGEMENT = 3004;

const ada: User = { id: 'usr_ada', email: 'ada@example.org', name: 'Ada', groups: [], status: 'active', createdAt: 0 };

async function putUser({ store }: DevicesBench, user: User): Promise<void> {
  await store.transact('system', async (tx) => await tx.put('user', user));
}

async function attempt(bench: DevicesBench, token: string): Promise<string> {
  return codeOf(await bench.devices.enrol(await enrolRequest(token, await newHostKey()), PEER));
}

describe('an enrolment token', () => {
  it('is stored as a hash, names the authority and the server, and is told without its secret', async () => {
    const bench = await openDevicesBench();
    const issued = must(await bench.devices.issueToken({ labels: { role: 'db' }, by: 'user:ada', name: 'db-1' }));
    const token = must(parseEnrolmentToken(issued.token));
    assert.deepEqual([token.fingerprint, token.serverName], [bench.authority.fingerprint, 'agent.localhost']);
    assert.equal(issued.expiresAt, bench.clock.now() + HOUR);
    const everything = JSON.stringify([
      await bench.store.changesAfter(0),
      await bench.store.read(async (tx) => await tx.listPrivate('enrolment-token')),
      bench.events,
    ]);
    assert.ok(!everything.includes(token.secret) && !everything.includes(issued.token));
    assert.ok(everything.includes(createHash('sha256').update(token.secret).digest('base64url')));
    const [event] = bench.told(ENTITY_MANAGEMENT);
    assert.deepEqual([event?.activity_name, event?.message], ['create', 'made an enrolment token for db-1']);
  });

  it('lives an hour', async () => {
    const bench = await openDevicesBench();
    const [first, second] = [await bench.token(), await bench.token()];
    bench.clock.advance(HOUR - 1);
    assert.equal(await attempt(bench, first), 'ok');
    bench.clock.advance(1);
    assert.equal(await attempt(bench, second), 'enrolment-token-invalid');
  });

  it('works once', async () => {
    const bench = await openDevicesBench();
    const token = await bench.token();
    assert.equal(await attempt(bench, token), 'ok');
    assert.equal(await attempt(bench, token), 'enrolment-token-invalid');
    assert.equal(bench.graph.count('device'), 1);
  });

  it('lets exactly one of many hosts in that use it at the same time', async () => {
    const bench = await openDevicesBench();
    const token = await bench.token();
    const requests = await Promise.all([1, 2, 3, 4].map(async () => await enrolRequest(token, await newHostKey())));
    const outcomes = await Promise.all(requests.map(async (one) => await bench.devices.enrol(one, PEER)));
    const invalid = 'enrolment-token-invalid';
    assert.deepEqual(outcomes.map(codeOf).sort(), [invalid, invalid, invalid, 'ok']);
    assert.deepEqual([bench.graph.count('device'), bench.graph.count('workload')], [1, 1]);
    const winner = outcomes.find(({ ok }) => ok);
    assert.ok(winner?.ok && bench.graph.get('device', winner.value.deviceId)?.status === 'active');
  });

  it('is refused by the same name when it was never made, is a hash, or is empty', async () => {
    const bench = await openDevicesBench();
    const token = await bench.token();
    for (const wrong of ['', 'A'.repeat(43), createHash('sha256').update(token).digest('base64url'), `${token} `]) {
      assert.equal(await attempt(bench, wrong), 'enrolment-token-invalid');
    }
    assert.equal(await attempt(bench, token), 'ok');
  });

  it('is not made for an owner who is not there or disabled', async () => {
    const bench = await openDevicesBench();
    const make = async (): Promise<string> =>
      codeOf(await bench.devices.issueToken({ ownerId: ada.id, labels: {}, by: 'user:ada' }));
    assert.equal(await make(), 'user-unknown');
    await putUser(bench, { ...ada, status: 'disabled' });
    assert.equal(await make(), 'user-disabled');
    assert.equal(bench.events.length, 0);
    await putUser(bench, ada);
    assert.equal(await make(), 'ok');
  });

  it('dies with its owner', async () => {
    const bench = await openDevicesBench();
    await putUser(bench, ada);
    const [first, second] = [await bench.token({ ownerId: ada.id }), await bench.token({ ownerId: ada.id })];
    const host = await bench.enrol({ token: first });
    assert.equal(bench.deviceOf(host).ownerId, ada.id);
    await putUser(bench, { ...ada, status: 'disabled' });
    assert.equal(await attempt(bench, second), 'enrolment-token-invalid');
    await bench.store.transact('system', async (tx) => await tx.delete('user', ada.id));
    assert.equal(await attempt(bench, second), 'enrolment-token-invalid');
  });

  it('is not made, and enrols nobody, while the journal cannot be written; then it still works', async () => {
    const bench = await openDevicesBench();
    const token = await bench.token();
    bench.breakJournal(true);
    await assert.rejects(bench.devices.issueToken({ labels: {}, by: 'user:ada' }));
    await assert.rejects(bench.enrol({ token }));
    assert.deepEqual([bench.graph.count('device'), bench.graph.count('workload')], [0, 0]);
    const rows = await bench.store.read(async (tx) => await tx.listPrivate('enrolment-token'));
    assert.equal(rows.length, 1);
    bench.breakJournal(false);
    assert.equal(await attempt(bench, token), 'ok');
  });

  it('is swept when nobody can use it any more', async () => {
    const bench = await openDevicesBench();
    await bench.token();
    const count = async (): Promise<number> =>
      (await bench.store.read(async (tx) => await tx.listPrivate('enrolment-token'))).length;
    bench.clock.advance(HOUR - 1);
    await bench.devices.sweep();
    assert.equal(await count(), 1);
    bench.clock.advance(1);
    await bench.devices.sweep();
    assert.equal(await count(), 0);
  });
});

describe('enrolling', () => {
  it('makes a managed device without a posture, and the workload that stands for it', async () => {
    const bench = await openDevicesBench();
    const { identity, key } = await bench.enrol({ addresses: ['10.0.0.2', '10.0.0.1'] });
    const device = bench.graph.get('device', identity.deviceId);
    const { keyThumbprint, certificateThumbprint, ...rest } = device ?? { id: '' };
    assert.deepEqual(rest, {
      id: identity.deviceId,
      name: 'web-1',
      form: 'agent',
      managed: true,
      status: 'active',
      enrolledAt: bench.clock.now(),
    });
    assert.deepEqual([keyThumbprint?.length, certificateThumbprint?.length], [43, 43]);
    assert.ok(certificateThumbprint !== undefined && bench.graph.deviceByCertificate(certificateThumbprint) === device);
    const { id, ...workload } = bench.workloadOf({ identity, key });
    assert.match(id, /^wl_/);
    assert.deepEqual(workload, {
      name: 'web-1',
      labels: { role: 'web' },
      addresses: ['10.0.0.1', '10.0.0.2'],
      source: 'agent',
      deviceId: identity.deviceId,
    });
    assert.equal(identity.ca, bench.authority.certificate);
  });

  it('takes labels, owner and name from the token, whatever the host says', async () => {
    const bench = await openDevicesBench();
    await putUser(bench, ada);
    const token = await bench.token({ name: 'laptop of Ada', ownerId: ada.id, labels: { role: 'laptop' } });
    const request = {
      ...(await enrolRequest(token, await newHostKey())),
      labels: { role: 'db' },
      name: 'x',
      ownerId: 'y',
    };
    const { deviceId } = must(await bench.devices.enrol(request, PEER));
    const device = bench.graph.get('device', deviceId);
    const [workload] = [...bench.graph.all('workload')];
    assert.deepEqual([device?.name, device?.ownerId, workload?.labels], ['laptop of Ada', ada.id, { role: 'laptop' }]);
  });

  const addresses: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['canonical text', ['2001:DB8:0:0::1', '10.0.0.1'], ['10.0.0.1', '2001:db8::1']],
    ['each once', ['10.0.0.1', '::ffff:10.0.0.1', '10.0.0.1'], ['10.0.0.1']],
    ['without what every host has', ['127.0.0.1', '::1', 'fe80::1', '169.254.1.1', '224.0.0.1', '0.0.0.0', '::'], []],
    ['without what is no address', ['localhost', '10.0.0.1/8', '010.0.0.1', '10.0.0', 'fe80::1%eth0', '1e3'], []],
  ];
  for (const [what, given, kept] of addresses) {
    it(`keeps addresses ${what}`, async () => {
      const bench = await openDevicesBench();
      assert.deepEqual(bench.workloadOf(await bench.enrol({ addresses: given })).addresses, kept);
    });
  }

  it('tells who else claims an address', async () => {
    const bench = await openDevicesBench();
    const first = bench.workloadOf(await bench.enrol({ addresses: ['10.0.0.1'] }));
    await bench.enrol({ addresses: ['10.0.0.1'] });
    const event = bench.told(ENTITY_MANAGEMENT).at(-1);
    assert.deepEqual(event?.unmapped?.cordon['shared'], [first.id]);
    assert.equal(event?.severity_id, 3);
    assert.match(event?.message ?? '', new RegExp(first.id));
  });

  it('calls a host by a harmless word', async () => {
    const bench = await openDevicesBench();
    for (const [hostname, name] of [
      ['web-1.example.org', 'web-1.example.org'],
      ['\u001b[31mred\u0007', '31mred-'],
      ['<b>web</b>', 'b-web-b-'],
      ['..\n', 'host'],
    ] as const) {
      const request = { ...(await enrolRequest(await bench.token(), await newHostKey())), hostname };
      const { deviceId } = must(await bench.devices.enrol(request, PEER));
      assert.equal(bench.graph.get('device', deviceId)?.name, name);
    }
  });

  it('does not spend the token on a request that is no proof of a key', async () => {
    const bench = await openDevicesBench();
    const token = await bench.token();
    const request = await enrolRequest(token, await newHostKey());
    assert.equal(codeOf(await bench.devices.enrol({ ...request, csr: 'let me in' }, PEER)), 'csr-invalid');
    assert.equal(await attempt(bench, token), 'ok');
  });

  it('refuses a key that a device has or had', async () => {
    const bench = await openDevicesBench();
    const host = await bench.enrol();
    const again = async (): Promise<string> =>
      codeOf(await bench.devices.enrol(await enrolRequest(await bench.token(), host.key), PEER));
    assert.equal(await again(), 'csr-invalid');
    must(await bench.devices.revoke({ deviceId: host.identity.deviceId, by: 'user:ada', reason: 'stolen' }));
    assert.equal(await again(), 'csr-invalid');
  });

  it('tells who came from where, and who was refused and why', async () => {
    const bench = await openDevicesBench();
    const { identity } = await bench.enrol();
    await attempt(bench, 'wrong');
    const [, enrolled, refused] = bench.told(ENTITY_MANAGEMENT);
    assert.deepEqual([enrolled?.activity_name, enrolled?.status_id], ['enroll', 1]);
    assert.deepEqual(enrolled?.['entity'], { uid: identity.deviceId, name: 'web-1', type: 'device' });
    assert.deepEqual(refused?.src_endpoint, { ip: '192.0.2.1' });
    assert.deepEqual([refused?.activity_name, refused?.status_id], ['enroll', 2]);
    assert.equal(refused?.status_code, 'enrolment-token-invalid');
  });
});

describe('renewing', () => {
  it('certifies the same key again, and only the newest certificate finds the device', async () => {
    const bench = await openDevicesBench();
    const host = await bench.enrol();
    const before = bench.deviceOf(host);
    bench.clock.advance(16 * HOUR);
    const renewed = must(await bench.devices.renew(before, { wire: 1, csr: await csrOf(host.key) }));
    const now = bench.deviceOf(host);
    assert.equal(renewed.notAfter, bench.clock.now() + 24 * HOUR);
    assert.equal(now.keyThumbprint, before.keyThumbprint);
    assert.notEqual(now.certificateThumbprint, before.certificateThumbprint);
    assert.equal(bench.graph.deviceByCertificate(before.certificateThumbprint ?? ''), undefined);
    assert.equal(bench.graph.deviceByCertificate(now.certificateThumbprint ?? ''), now);
    assert.equal(bench.told(ENTITY_MANAGEMENT).at(-1)?.message, 'renewed the certificate of web-1');
  });

  it('refuses another key', async () => {
    const bench = await openDevicesBench();
    const host = await bench.enrol();
    const csr = await csrOf(await newHostKey());
    assert.equal(codeOf(await bench.devices.renew(bench.deviceOf(host), { wire: 1, csr })), 'device-key-changed');
  });

  it('refuses a request that is no proof of the key', async () => {
    const bench = await openDevicesBench();
    const host = await bench.enrol();
    assert.equal(codeOf(await bench.devices.renew(bench.deviceOf(host), { wire: 1, csr: 'x' })), 'csr-invalid');
  });

  it('refuses a device that was revoked meanwhile', async () => {
    const bench = await openDevicesBench();
    const host = await bench.enrol();
    const device = bench.deviceOf(host);
    const csr = await csrOf(host.key);
    must(await bench.devices.revoke({ deviceId: device.id, by: 'user:ada', reason: 'lost' }));
    assert.equal(codeOf(await bench.devices.renew(device, { wire: 1, csr })), 'device-revoked');
    assert.equal(codeOf(await bench.devices.renew({ ...device, id: 'dev_0' }, { wire: 1, csr })), 'device-revoked');
  });

  it('never brings a device back that is revoked at the same time', async () => {
    const bench = await openDevicesBench();
    const host = await bench.enrol();
    const device = bench.deviceOf(host);
    const csr = await csrOf(host.key);
    await Promise.all([
      bench.devices.renew(device, { wire: 1, csr }),
      bench.devices.revoke({ deviceId: device.id, by: 'user:ada', reason: 'lost' }),
      bench.devices.renew(device, { wire: 1, csr }),
    ]);
    assert.equal(bench.deviceOf(host).status, 'revoked');
  });

  it('changes nothing while the journal cannot be written', async () => {
    const bench = await openDevicesBench();
    const host = await bench.enrol();
    const before = bench.deviceOf(host);
    bench.breakJournal(true);
    await assert.rejects(bench.devices.renew(before, { wire: 1, csr: await csrOf(host.key) }));
    assert.deepEqual(bench.deviceOf(host), before);
  });
});

describe('revoking', () => {
  it('ends the device, and takes its workload and its key with it', async () => {
    const bench = await openDevicesBench();
    const host = await bench.enrol();
    const { id } = bench.deviceOf(host);
    must(await bench.devices.revoke({ deviceId: id, by: 'user:ada', reason: 'stolen from a train' }));
    assert.equal(bench.deviceOf(host).status, 'revoked');
    assert.equal(bench.graph.count('workload'), 0);
    const rows = await bench.store.read(async (tx) => await tx.listPrivate('device-identity'));
    assert.equal(rows.length, 0);
    const event = bench.told(ENTITY_MANAGEMENT).at(-1);
    assert.deepEqual([event?.activity_name, event?.message], ['unenroll', 'revoked web-1: stolen from a train']);
  });

  it('refuses a device that is not there, and says it once', async () => {
    const bench = await openDevicesBench();
    const host = await bench.enrol();
    const revoke = async (deviceId: string): Promise<string> =>
      codeOf(await bench.devices.revoke({ deviceId, by: 'user:ada', reason: 'lost' }));
    assert.equal(await revoke('dev_0'), 'device-unknown');
    assert.equal(await revoke(host.identity.deviceId), 'ok');
    const count = bench.events.length;
    assert.equal(await revoke(host.identity.deviceId), 'ok');
    assert.equal(bench.events.length, count);
  });

  it('takes effect even when the journal cannot be written, and says so', async () => {
    const bench = await openDevicesBench();
    const host = await bench.enrol();
    bench.breakJournal(true);
    await assert.rejects(
      bench.devices.revoke({ deviceId: host.identity.deviceId, by: 'user:ada', reason: 'lost' }),
      /journal-unwritable/,
    );
    assert.equal(bench.deviceOf(host).status, 'revoked');
  });

  it('does not lift a quarantine: the workload goes when somebody has', async () => {
    const bench = await openDevicesBench();
    const host = await bench.enrol();
    const workload = bench.workloadOf(host);
    const quarantine = { since: 0, by: 'rule:port-probe', reason: 'probing' };
    const put = async (body: typeof workload): Promise<void> =>
      await bench.store.transact('system', async (tx) => await tx.put('workload', body));
    await put({ ...workload, quarantine });
    must(await bench.devices.revoke({ deviceId: host.identity.deviceId, by: 'user:ada', reason: 'probing' }));
    await bench.devices.sweep();
    assert.deepEqual(bench.graph.get('workload', workload.id)?.quarantine, quarantine);
    await put(workload);
    await bench.devices.sweep();
    assert.equal(bench.graph.get('workload', workload.id), undefined);
  });

  it('leaves other workloads alone when it sweeps', async () => {
    const bench = await openDevicesBench();
    await bench.enrol();
    await bench.store.transact('system', async (tx) => {
      await tx.put('workload', { id: 'db', name: 'db', labels: {}, addresses: [], source: 'declared' });
      await tx.put('workload', { id: 'i-1', name: 'i-1', labels: {}, addresses: [], source: 'aws', deviceId: 'dev_0' });
    });
    await bench.devices.sweep();
    assert.equal(bench.graph.count('workload'), 3);
  });
});
