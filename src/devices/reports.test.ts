import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json } from '#base';
import type { Facts, ProgramStatus } from '#wire';
import {
  codeOf,
  type DevicesBench,
  HEALTHY,
  type Host,
  must,
  openDevicesBench,
  type ReportOptions,
  UNHEALTHY,
} from './testdata/devices-bench.ts';
import { newHostKey } from './testdata/host-key.ts';

const MINUTE = 60_000;
const CONFIG_STATE = 5019;
const NETWORK_ACTIVITY = 4001;

async function open(): Promise<{ bench: DevicesBench; host: Host; send: (o?: ReportOptions) => Promise<string> }> {
  const bench = await openDevicesBench();
  const host = await bench.enrol();
  const send = async (o: ReportOptions = {}): Promise<string> =>
    codeOf(await bench.devices.report(bench.deviceOf(host), bench.report(host, o)));
  return { bench, host, send };
}

/** Facts in which the checks say the same, in other words. */
const REWORDED: Facts = {
  ...HEALTHY,
  os: { value: { id: 'debian', idLike: [], versionId: '13', prettyName: 'Debian GNU/Linux 13.1', kernel: '6.12.9' } },
};

describe('a report', () => {
  it('is judged, stored and answered with the verdict', async () => {
    const { bench, host } = await open();
    const collectedAt = bench.clock.now() - 1000;
    const report = bench.report(host, { collectedAt });
    const instruction = must(await bench.devices.report(bench.deviceOf(host), report));
    const { posture } = bench.deviceOf(host);
    assert.deepEqual([posture?.verdict, posture?.collectedAt, posture?.results.length], ['healthy', collectedAt, 6]);
    assert.deepEqual(instruction, { wire: 1, posture, reportEverySeconds: 10, renewalDue: false });
  });

  it('changes the verdict at once, in either direction', async () => {
    const { bench, host, send } = await open();
    for (const [facts, verdict] of [
      [HEALTHY, 'healthy'],
      [UNHEALTHY, 'unhealthy'],
      [HEALTHY, 'healthy'],
      [{ ...HEALTHY, os: { unknown: 'no file' } }, 'unknown'],
    ] as const) {
      await send({ facts });
      assert.equal(bench.deviceOf(host).posture?.verdict, verdict);
    }
  });

  it('is written at most once a minute while nothing but the time changes', async () => {
    const { bench, host, send } = await open();
    await send();
    const first = bench.deviceOf(host).posture?.collectedAt ?? 0;
    const { seq } = bench.graph;
    bench.clock.advance(MINUTE - 1);
    await send();
    assert.deepEqual([bench.graph.seq, bench.deviceOf(host).posture?.collectedAt], [seq, first]);
    bench.clock.advance(1);
    await send();
    assert.equal(bench.deviceOf(host).posture?.collectedAt, first + MINUTE);
  });

  it('is written when the clock of the server was ahead and is set back, or the device would be stale for that long', async () => {
    const { bench, host, send } = await open();
    bench.clock.advance(86_400_000);
    await send();
    bench.clock.advance(-86_400_000);
    await send();
    assert.equal(bench.deviceOf(host).posture?.collectedAt, bench.clock.now());
  });

  it('is written when only the words of a result change, and then not journalled', async () => {
    const { bench, host, send } = await open();
    await send();
    await send({ facts: REWORDED });
    assert.match(bench.deviceOf(host).posture?.results[0]?.detail ?? '', /13\.1/);
    assert.equal(bench.told(CONFIG_STATE).length, 1);
  });

  it('of a clock that is ahead counts from now', async () => {
    const { bench, host, send } = await open();
    const ahead = bench.clock.now() + 90_000;
    await send({ collectedAt: ahead, claims: { iat: Math.floor(ahead / 1000) } });
    assert.equal(bench.deviceOf(host).posture?.collectedAt, bench.clock.now());
  });

  it('tells the journal when a verdict or an outcome changes, with what is wrong', async () => {
    const { bench, host, send } = await open();
    for (const facts of [HEALTHY, HEALTHY, UNHEALTHY, UNHEALTHY, HEALTHY]) await send({ facts });
    const told = bench.told(CONFIG_STATE);
    assert.deepEqual(
      told.map((event) => [event['prev_security_level_id'], event['security_level_id'], event.severity_id]),
      [
        [undefined, 1, 1],
        [1, 2, 3],
        [2, 1, 1],
      ],
    );
    assert.equal(told[1]?.message, 'web-1 is unhealthy: sshd fail');
    assert.deepEqual(told[1]?.device, { uid: host.identity.deviceId, name: 'web-1', type_id: 0 });
  });

  it('takes effect when the journal cannot be written, and is told later', async () => {
    const { bench, host, send } = await open();
    await send();
    bench.breakJournal(true);
    await assert.rejects(send({ facts: UNHEALTHY }), /journal-unwritable/);
    assert.equal(bench.deviceOf(host).posture?.verdict, 'unhealthy');
    bench.breakJournal(false);
    await send({ facts: UNHEALTHY });
    assert.deepEqual(
      bench.told(CONFIG_STATE).map((event) => event['security_level_id']),
      [1, 2],
    );
  });

  it('keeps what others have changed about the device and its workload', async () => {
    const { bench, host, send } = await open();
    const quarantine = { since: 1, by: 'user:ada', reason: 'probing' };
    await bench.store.transact('system', async (tx) => {
      await tx.put('device', { ...bench.deviceOf(host), name: 'renamed' });
      await tx.put('workload', { ...bench.workloadOf(host), labels: { role: 'db' }, quarantine });
    });
    await send({ addresses: ['10.0.0.9'] });
    const { labels, addresses, quarantine: kept } = bench.workloadOf(host);
    assert.deepEqual(
      [bench.deviceOf(host).name, labels, addresses, kept],
      ['renamed', { role: 'db' }, ['10.0.0.9'], quarantine],
    );
  });

  it('of a host without a workload is judged all the same', async () => {
    const { bench, host, send } = await open();
    await bench.store.transact('system', async (tx) => await tx.delete('workload', bench.workloadOf(host).id));
    assert.equal(
      await send({
        deniedFlows: [{ saddr: '10.0.0.2', protocol: 'tcp', dport: 22, packets: 1, firstAt: 1, lastAt: 1 }],
      }),
      'ok',
    );
    assert.equal(bench.deviceOf(host).posture?.verdict, 'healthy');
    assert.equal(bench.told(NETWORK_ACTIVITY).length, 0);
  });
});

describe('a report that is not believed', () => {
  const refused: readonly (readonly [
    string,
    (bench: DevicesBench) => Promise<ReportOptions> | ReportOptions,
    string,
  ])[] = [
    ['signed by another key', async () => ({ signer: await newHostKey() }), 'posture-invalid'],
    ['of another type', () => ({ header: { alg: 'ES256', typ: 'JWT' } }), 'posture-invalid'],
    ['for another device', () => ({ claims: { sub: 'dev_0' } }), 'posture-invalid'],
    ['with another sequence inside', () => ({ claims: { sequence: 99 } }), 'posture-invalid'],
    ['signed too long ago', ({ clock }) => ({ claims: { iat: clock.now() / 1000 - 121 } }), 'posture-stale'],
    ['signed in the future', ({ clock }) => ({ claims: { iat: clock.now() / 1000 + 121 } }), 'posture-stale'],
  ];
  for (const [what, lie, code] of refused) {
    it(`because it is ${what} is ${code}, changes nothing, and is told once`, async () => {
      const { bench, host, send } = await open();
      await send();
      const { seq } = bench.graph;
      const options = { facts: UNHEALTHY, ...(await lie(bench)) };
      assert.deepEqual([await send(options), await send(options)], [code, code]);
      assert.equal(bench.graph.seq, seq);
      assert.equal(bench.deviceOf(host).posture?.verdict, 'healthy');
      const told = bench.told(CONFIG_STATE).filter(({ status_id }) => status_id === 2);
      assert.deepEqual([told.length, told[0]?.status_code], [1, code]);
    });
  }

  it('was seen before, or a later one was', async () => {
    const { bench, host } = await open();
    const device = bench.deviceOf(host);
    const [older, newer] = [bench.report(host), bench.report(host, { facts: UNHEALTHY })];
    const send = async (report: typeof older): Promise<string> => codeOf(await bench.devices.report(device, report));
    assert.deepEqual(
      [await send(newer), await send(newer), await send(older)],
      ['ok', 'posture-replayed', 'posture-replayed'],
    );
    assert.equal(bench.deviceOf(host).posture?.verdict, 'unhealthy');
  });

  it('was sent many times at once: exactly one is admitted', async () => {
    const { bench, host } = await open();
    const device = bench.deviceOf(host);
    const report = bench.report(host);
    const codes = await Promise.all(
      Array.from({ length: 8 }, async () => codeOf(await bench.devices.report(device, report))),
    );
    assert.deepEqual(codes.filter((code) => code === 'ok').length, 1);
    assert.ok(codes.every((code) => code === 'ok' || code === 'posture-replayed'));
  });

  it('uses the id of an earlier one', async () => {
    const { send } = await open();
    const claims = { jti: 'the-same-id-again' };
    assert.deepEqual([await send({ claims }), await send({ claims })], ['ok', 'posture-replayed']);
  });

  it('cannot bring back the verdict before a restart', async () => {
    const { bench, host, send } = await open();
    const good = bench.report(host);
    assert.equal(await send({ facts: UNHEALTHY }), 'ok');
    const restarted = bench.restart();
    assert.equal(codeOf(await restarted.report(bench.deviceOf(host), good)), 'posture-replayed');
    assert.equal(bench.deviceOf(host).posture?.verdict, 'unhealthy');
    // What was told before the restart is not told again.
    must(await restarted.report(bench.deviceOf(host), bench.report(host, { facts: UNHEALTHY })));
    assert.equal(bench.told(CONFIG_STATE).filter(({ status_id }) => status_id === 1).length, 1);
  });

  it('comes from a device that was revoked, also before its turn', async () => {
    const { bench, host } = await open();
    const device = bench.deviceOf(host);
    const [first, second] = [bench.report(host), bench.report(host, { facts: UNHEALTHY })];
    const revoke = { deviceId: device.id, by: 'user:ada', reason: 'lost' };
    const [, late] = await Promise.all([
      bench.devices.report(device, first),
      bench.devices.report(device, second),
      bench.devices.revoke(revoke),
    ]);
    assert.equal(bench.deviceOf(host).status, 'revoked');
    assert.ok(['ok', 'device-revoked'].includes(codeOf(late)));
    assert.equal(codeOf(await bench.devices.report(device, bench.report(host))), 'device-revoked');
    assert.equal(codeOf(await bench.restart().report(device, bench.report(host))), 'device-revoked');
  });

  it('comes from a device whose key is not in the store, or is another', async () => {
    const { bench, host } = await open();
    await bench.store.transact('system', async (tx) => {
      await tx.put('device', { ...bench.deviceOf(host), keyThumbprint: 'x' });
    });
    const attempt = async (): Promise<string> =>
      codeOf(await bench.restart().report(bench.deviceOf(host), bench.report(host)));
    assert.equal(await attempt(), 'device-unknown');
    await bench.store.transact('system', async (tx) => {
      await tx.deletePrivate('device-identity', host.identity.deviceId);
    });
    assert.equal(await attempt(), 'device-unknown');
  });
});

describe('reports of one device', () => {
  it('are handled one after the other: the later one stands', async () => {
    const { bench, host } = await open();
    const device = bench.deviceOf(host);
    for (const [first, last] of [
      [HEALTHY, UNHEALTHY],
      [UNHEALTHY, HEALTHY],
    ] as const) {
      // The last one says what is stored already, so that it must not be taken for no news before the first is stored.
      must(await bench.devices.report(device, bench.report(host, { facts: last })));
      const reports = [first, last].map((facts) => bench.report(host, { facts }));
      await Promise.all(reports.map(async (report) => must(await bench.devices.report(device, report))));
      assert.equal(bench.deviceOf(host).posture?.verdict, last === HEALTHY ? 'healthy' : 'unhealthy');
    }
  });

  it('go on after one that failed', async () => {
    const { bench, host } = await open();
    const device = bench.deviceOf(host);
    bench.breakJournal(true);
    await assert.rejects(bench.devices.report(device, bench.report(host)));
    bench.breakJournal(false);
    must(await bench.devices.report(device, bench.report(host)));
  });

  it('may use an id again when the first can no longer be fresh', async () => {
    const { bench, send } = await open();
    const claims: Readonly<Record<string, Json>> = { jti: 'the-same-id-again' };
    await send({ claims });
    bench.clock.advance(4 * MINUTE - 1);
    await bench.devices.sweep();
    assert.equal(await send({ claims }), 'posture-replayed');
    bench.clock.advance(1);
    await bench.devices.sweep();
    assert.equal(await send({ claims }), 'ok');
  });
});

describe('addresses in a report', () => {
  it('move the workload, and are told with who else claims them', async () => {
    const { bench, host, send } = await open();
    await bench.store.transact('system', async (tx) => {
      await tx.put('workload', { id: 'db', name: 'db', labels: {}, addresses: ['10.0.0.7'], source: 'declared' });
    });
    await send({ addresses: ['10.0.0.5', '127.0.0.1'] });
    assert.deepEqual(bench.workloadOf(host).addresses, ['10.0.0.5']);
    await send({ addresses: ['10.0.0.7'] });
    await send({ addresses: ['10.0.0.7'] });
    const told = bench.told(3004).filter(({ activity_name }) => activity_name === 'update');
    assert.deepEqual(
      told.map(({ message, severity_id }) => [message, severity_id]),
      [
        ['web-1 is at 10.0.0.5 now', 1],
        ['web-1 is at 10.0.0.7 now (an address of db too)', 3],
      ],
    );
  });

  it('of another host that is heard of stay that host’s: who claims them gets none, and cuts nobody off', async () => {
    const { bench, host, send } = await open();
    const other = await bench.enrol({ addresses: ['10.0.0.20'] });
    const claims = ['10.0.0.21', '10.0.0.20'];
    for (let i = 0; i < 3; i++) await send({ addresses: claims });
    assert.deepEqual(bench.workloadOf(host).addresses, ['10.0.0.21']);
    assert.deepEqual(bench.workloadOf(other).addresses, ['10.0.0.20']);
    const told = bench.told(3004).filter(({ activity_name }) => activity_name === 'update');
    assert.deepEqual(
      told.map(({ message, severity_id }) => [message, severity_id]),
      [[`web-1 is at 10.0.0.21 now (an address of ${bench.workloadOf(other).id} too)`, 3]],
    );
    const late = await bench.enrol({ addresses: ['10.0.0.20', '10.0.0.22'] });
    assert.deepEqual(bench.workloadOf(late).addresses, ['10.0.0.22']);
    await bench.devices.revoke({ deviceId: other.identity.deviceId, by: 'user:ada', reason: 'gone' });
    await send({ addresses: claims });
    assert.deepEqual(bench.workloadOf(host).addresses, ['10.0.0.20', '10.0.0.21']);
  });

  it('of another host pass on three minutes after that was heard of last', async () => {
    const { bench, host, send } = await open();
    await bench.enrol({ addresses: ['10.0.0.20'] });
    bench.clock.advance(3 * MINUTE - 1);
    await send({ addresses: ['10.0.0.20'] });
    assert.deepEqual(bench.workloadOf(host).addresses, []);
    bench.clock.advance(1);
    await send({ addresses: ['10.0.0.20'] });
    assert.deepEqual(bench.workloadOf(host).addresses, ['10.0.0.20']);
  });

  it('are written only when they change', async () => {
    const { bench, send } = await open();
    await send({ addresses: ['10.0.0.2', '10.0.0.1'] });
    const { seq } = bench.graph;
    await send({ addresses: ['10.0.0.1', '10.0.0.2', '::ffff:10.0.0.1'] });
    assert.equal(bench.graph.seq, seq);
  });
});

describe('the status of a program in a report', () => {
  const status = (o: Partial<ProgramStatus>): ProgramStatus => ({ ok: true, at: 1, checks: [], ...o });

  it('is told when it changes, and not again after a restart', async () => {
    const { bench, host, send } = await open();
    const applied = status({ applied: 'a'.repeat(64) });
    await send({ program: applied });
    await send({ program: { ...applied, at: 2 } });
    const checks = [{ name: 'reach', ok: false, detail: 'no answer' }];
    const failed = status({ applied: 'a'.repeat(64), attempted: 'b'.repeat(64), ok: false, error: 'cut off', checks });
    await send({ program: failed });
    must(await bench.restart().report(bench.deviceOf(host), bench.report(host, { program: failed })));
    const told = bench.told(CONFIG_STATE).filter(({ message }) => message.includes('program'));
    assert.deepEqual(
      told.map(({ message, status_id, severity_id }) => [message, status_id, severity_id]),
      [
        ['web-1 applied firewall program aaaaaaaaaaaa', 1, 1],
        ['web-1 could not apply firewall program bbbbbbbbbbbb: cut off', 2, 3],
      ],
    );
    const { program, workload } = told[1]?.unmapped?.cordon ?? {};
    assert.equal(workload, bench.workloadOf(host).id);
    assert.deepEqual((program as { checks?: Json }).checks, checks);
  });
});
