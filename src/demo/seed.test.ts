import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { verifyJournal } from '#journal';
import { isEntityKind, type OcsfEvent, riskLevel, riskScore, TrustGraph } from '#model';
import { createMonitor } from '#monitor';
import { replay } from '#policy';
import { quarantineWorkload } from '#segmentation';
import { type DemoSummary, holdsDemo, seedDemo } from './seed.ts';
import { DEMO_SOURCE } from './source.ts';
import { decisionsOf, type Installation, NOW, openInstallation, policiesOf } from './testdata/installation.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Why apps are refused: each of these is to be seen in a demo. */
const DENIALS = [
  'device-stale',
  'device-unhealthy',
  'forbidden',
  'mfa-too-weak',
  'no-permit',
  'risk-too-high',
  'sign-in-too-old',
];

describe('a seeded demo', () => {
  let demo: Installation;
  let summary: DemoSummary;
  before(async () => {
    demo = await openInstallation();
    summary = await seedDemo(demo);
  });
  after(async () => await demo.close());

  it('holds two clouds, twenty workloads and ten people, and says so', () => {
    const { graph, events } = demo;
    assert.deepEqual(new Set([...graph.all('asset')].map(({ provider }) => provider)), new Set(['aws', 'azure']));
    assert.equal(graph.count('workload'), 20);
    assert.equal(graph.count('user'), 10);
    const { people, ...numbers } = summary;
    assert.deepEqual(numbers, { assets: graph.count('asset'), workloads: 20, events: events.length });
    assert.deepEqual(people.map(({ email }) => email).sort(), [...graph.all('user')].map(({ email }) => email).sort());
  });

  it('is told from an empty installation and from one of somebody else', () => {
    assert.equal(holdsDemo(demo.graph), true);
    const empty = new TrustGraph();
    assert.equal(holdsDemo(empty), false);
    const ada = {
      id: 'usr_1',
      email: 'ada@example.org',
      name: 'Ada',
      groups: [],
      status: 'active',
      createdAt: 0,
    } as const;
    const somebodys = new TrustGraph();
    somebodys.load({ seq: 1, entities: [{ kind: 'user', id: ada.id, body: ada }] });
    assert.throws(() => holdsDemo(somebodys), { code: 'demo-not-empty' });
  });

  it('refuses to be seeded again, and changes nothing then', async () => {
    const { seq } = demo.graph;
    const { length } = demo.events;
    await assert.rejects(seedDemo(demo), { code: 'demo-not-empty' });
    assert.equal(demo.graph.seq, seq);
    assert.equal(demo.events.length, length);
  });

  it('has no account that anybody could sign in to', async () => {
    const { store, graph } = demo;
    const privateKinds = new Set<string>();
    for (let seq = 0; ; ) {
      const changes = await store.changesAfter(seq, 1000);
      for (const { change } of changes) if (!isEntityKind(change.kind)) privateKinds.add(change.kind);
      if (changes.length === 0) break;
      seq = changes.at(-1)?.change.seq ?? seq;
    }
    // No password, no second factor, no invitation: all that is private is the monitor's.
    assert.deepEqual([...privateKinds].sort(), ['monitor', 'monitor-outbox']);
    assert.deepEqual(
      [...graph.all('device')].filter((device) => device.certificateThumbprint !== undefined),
      [],
    );
  });

  it('has sessions that nobody holds the token of', async () => {
    const other = await openInstallation();
    try {
      await seedDemo(other);
      const hashes = ({ graph }: Installation): string[] => [...graph.all('session')].map(({ tokenHash }) => tokenHash);
      assert.ok(hashes(demo).length > 0);
      // Two demos of the same day share none: the tokens come from no seed.
      assert.deepEqual(
        hashes(demo).filter((hash) => hashes(other).includes(hash)),
        [],
      );
      // Everything else is the same day.
      assert.deepEqual(seen(demo), seen(other));
    } finally {
      await other.close();
    }
  });

  it('lived through the 24 hours before now, in order', () => {
    const times = demo.events.map(({ time }) => time);
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b),
    );
    assert.ok((times[0] ?? 0) >= NOW - DAY);
    assert.ok((times.at(-1) ?? Infinity) <= NOW);
  });

  it('made about two thousand decisions, most of them in working hours', () => {
    const decisions = demo.events.filter(({ class_uid }) => class_uid === 4002);
    assert.ok(decisions.length > 1900 && decisions.length < 2100, String(decisions.length));
    const at = (from: number, to: number): number =>
      decisions.filter(({ time }) => {
        const hour = new Date(time).getUTCHours();
        return hour >= from && hour < to;
      }).length;
    assert.ok(at(8, 12) > 10 * at(1, 5), `${at(8, 12)} in the morning, ${at(1, 5)} at night`);
  });

  it('shows every kind of denial', () => assert.deepEqual(denials(demo), DENIALS));

  for (const [classUid, what] of [
    [2004, 'findings'],
    [3002, 'sign-ins'],
    [3004, 'changes'],
    [4001, 'refused connections'],
    [5019, 'changes of health'],
    [5023, 'imports'],
    [7001, 'a response in dry-run'],
    [7004, 'a quarantine'],
  ] as const) {
    it(`shows ${what}`, () => assert.ok(demo.events.some(({ class_uid }) => class_uid === classUid)));
  }

  it('never sends the same decision two ways: the policies in force change nothing when they are replayed', () => {
    const report = replay({ records: decisionsOf(demo.events), candidate: demo.policies() });
    assert.deepEqual([report.gains, report.losses, report.notReplayable], [[], [], []]);
    assert.equal(report.unchanged, report.replayed);
    assert.ok(report.replayed > 1900);
  });

  it('shows who gains and who loses by an edited policy', () => {
    const teams = DEMO_SOURCE.policies['teams.cedar'] ?? '';
    const edited = teams
      .replace('resource == App::"wiki" || resource == App::"preview"', 'resource == App::"verify"')
      .replace('198.51.100.0/24', '0.0.0.0/0');
    assert.notEqual(edited, teams);
    const candidate = policiesOf({ ...DEMO_SOURCE.policies, 'teams.cedar': edited });
    const { gains, losses } = replay({ records: decisionsOf(demo.events), candidate });
    const who = (rows: typeof gains): Set<string> => new Set(rows.map(({ user, app }) => `${user} ${app}`));
    assert.deepEqual(who(gains), new Set(['jonas.weber@example.org What arrived']));
    assert.deepEqual(who(losses), new Set(['jonas.weber@example.org Portal preview', 'jonas.weber@example.org Wiki']));
  });

  it('raises every alert from events that are in the journal', () => {
    const ids = new Set(demo.events.map(({ metadata }) => metadata.uid));
    const alerts = [...demo.graph.all('alert')];
    assert.deepEqual(alerts.map(({ ruleId }) => ruleId).sort(), [
      'denied-access-burst',
      'password-guessing',
      'password-spraying',
      'port-probe',
      'second-factor-guessing',
    ]);
    for (const { ruleId, eventIds } of alerts) {
      assert.ok(eventIds.length > 0, ruleId);
      for (const id of eventIds) assert.ok(ids.has(id), ruleId);
    }
  });

  it('shows a response that acted, one in dry-run, and an alert that a person closed', () => {
    const alert = (ruleId: string) => [...demo.graph.all('alert')].find((one) => one.ruleId === ruleId);
    assert.equal(alert('port-probe')?.response?.mode, 'enforce');
    assert.equal(alert('second-factor-guessing')?.response?.mode, 'dry-run');
    assert.equal(alert('password-guessing')?.closed?.by, 'user:usr_demo_bela');
    const quarantined = [...demo.graph.all('workload')].filter(({ quarantine }) => quarantine !== undefined);
    assert.deepEqual(
      quarantined.map(({ name, quarantine }) => [name, quarantine?.by]),
      [['etl-2', 'rule:isolate-probing-workload']],
    );
  });

  it('holds a high risk against one person and a medium one against another', () => {
    const levels = [...demo.graph.all('risk')]
      .filter(({ subjectKind }) => subjectKind === 'user')
      .map((risk) => [risk.subjectId, riskLevel(riskScore(risk, NOW))]);
    assert.deepEqual(
      new Map(levels as [string, string][]),
      new Map([
        ['usr_demo_goro', 'high'],
        ['usr_demo_jonas', 'medium'],
      ]),
    );
  });

  it('shows devices that are well, that are not, that are unknown, and one that is silent', () => {
    const devices = [...demo.graph.all('device')];
    const verdicts = new Set(devices.map(({ posture }) => posture?.verdict));
    assert.deepEqual(verdicts, new Set(['healthy', 'unhealthy', 'unknown', undefined]));
    assert.ok(devices.some(({ posture }) => posture !== undefined && posture.collectedAt < NOW - 2 * HOUR));
    const failing = devices.flatMap(
      ({ posture }) => posture?.results.filter(({ outcome }) => outcome === 'fail') ?? [],
    );
    assert.ok(failing.length > 0 && failing.every(({ fix }) => fix !== undefined));
  });

  it('shows a tier that a person set, with a reason and an end', () => {
    const overridden = [...demo.graph.all('asset')].filter(({ override }) => override !== undefined);
    assert.deepEqual(
      overridden.map(({ name, override }) => [name, override?.tier]),
      [['example-shop-images', 2]],
    );
    assert.ok((overridden[0]?.override?.expiresAt ?? 0) > NOW);
  });

  it('has a journal that proves itself', async () => {
    const report = await verifyJournal(demo.journalDirectory);
    assert.equal(report.ok, true, JSON.stringify(report.problem));
  });

  it('leaves nothing for the monitor of the next start to find again', async () => {
    const { length } = demo.events;
    const alerts = JSON.stringify([...demo.graph.all('alert')]);
    const monitor = createMonitor({ ...demo, quarantine: async () => await Promise.reject(new Error('again')) });
    await monitor.idle();
    await monitor.close();
    assert.equal(JSON.stringify([...demo.graph.all('alert')]), alerts);
    assert.equal(demo.events.length, length);
  });
});

describe('seeding', () => {
  it('refuses an installation that holds one person', async () => {
    const installation = await openInstallation();
    try {
      await installation.store.transact('system', async (tx) => {
        await tx.put('user', {
          id: 'usr_1',
          email: 'ada@example.org',
          name: 'Ada',
          groups: [],
          status: 'active',
          createdAt: 0,
        });
      });
      await assert.rejects(seedDemo(installation), { code: 'demo-not-empty' });
      assert.equal(installation.graph.count('asset'), 0);
      assert.equal(installation.events.length, 0);
    } finally {
      await installation.close();
    }
  });

  for (const hour of [3, 21])
    it(`shows the same things when it is ${hour}:00 UTC`, async () => {
      const installation = await openInstallation();
      try {
        installation.clock.advance((hour - new Date(NOW).getUTCHours()) * HOUR);
        await seedDemo(installation);
        assert.deepEqual(denials(installation), DENIALS);
        assert.equal(installation.graph.count('alert'), 5);
        const levels = [...installation.graph.all('risk')].map(({ announced = 'low' }) => announced).sort();
        assert.deepEqual(levels, ['high', 'medium', 'medium', 'medium']);
        assert.ok(installation.graph.count('session') >= 5);
      } finally {
        await installation.close();
      }
    });

  it('raises no alert twice beside a monitor that is running already', async () => {
    const installation = await openInstallation();
    const { store } = installation;
    const monitor = createMonitor({
      ...installation,
      quarantine: async ({ workloadId, ...order }) => await quarantineWorkload(store, workloadId, order),
    });
    try {
      await seedDemo(installation);
      await monitor.idle();
      const opened = installation.events.filter(
        ({ class_uid, activity_name }) => class_uid === 2004 && activity_name === 'create',
      );
      assert.equal(opened.length, 5);
      assert.equal(installation.graph.count('alert'), 5);
    } finally {
      await monitor.close();
      await installation.close();
    }
  });

  it('fails when the journal cannot be written', async () => {
    const installation = await openInstallation();
    try {
      const journal = { append: async () => await Promise.reject(new Error('the disk is full')) };
      await assert.rejects(seedDemo({ ...installation, journal }), /the disk is full/);
    } finally {
      await installation.close();
    }
  });
});

function denials({ events }: Installation): string[] {
  const codes = events.flatMap(({ class_uid, status_code }) => (class_uid === 4002 ? (status_code ?? []) : []));
  return [...new Set(codes)].sort();
}

/** What is the same in every demo: all but what must be unique or unknowable. */
function seen({ events }: Installation): string[] {
  return events.map(({ time, class_uid, message, status_code }: OcsfEvent) =>
    JSON.stringify([time - NOW, class_uid, message, status_code]),
  );
}
