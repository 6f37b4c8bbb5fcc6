// The story's hosts: agents in network namespaces, real packet filters between them, and a host that goes bad.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Lab, labObstacle, type LabHost, openLab } from '../network/lab.ts';
import { type Daemon, type Installation, installation, type Shell } from './cordon.ts';
import { eventually } from './eventually.ts';

const ROLES = ['web', 'database', 'probe', 'cache', 'batch', 'mail'] as const;
const DATABASE_PORT = 5432;
const POLICIES = `@id("web-to-database")
permit (principal in Segment::"web", action == Action::"connect", resource in Segment::"database")
when { context.protocol == "tcp" && context.port == ${DATABASE_PORT} };

@id("probe-to-database")
permit (principal in Segment::"probe", action == Action::"connect", resource in Segment::"database")
when { context.protocol == "tcp" && context.port == ${DATABASE_PORT} };
`;
const document = (mode: string): string => `listen: { http: "127.0.0.1:8080", tls: "10.77.0.1:8443" }
segments:
${ROLES.map((role) => `  ${role}: { labels: { role: ${role} } }`).join('\n')}
network: { external_egress: deny, external_ingress: deny }
responses:
  isolate: { when: port-probe, action: quarantine, mode: ${mode} }
`;

interface Workload {
  readonly id: string;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly segments: readonly string[];
  readonly quarantine?: object;
}

interface Alert {
  readonly ruleId: string;
  readonly subjectName: string;
  readonly response?: { readonly action: string; readonly mode: string };
}

describe('hosts', { skip: labObstacle() ?? false, timeout: 280_000 }, () => {
  let lab: Lab;
  let cordon: Installation;
  const hosts = new Map<string, LabHost>();
  const shells = new Map<string, Shell>();
  const agents: Daemon[] = [];

  const hostOf = (role: string): LabHost => hosts.get(role) ?? assert.fail(`no host ${role}`);
  const shellOf = (role: string): Shell => shells.get(role) ?? assert.fail(`no shell ${role}`);
  const workloads = async (): Promise<readonly Workload[]> =>
    (await cordon.json<{ items: readonly Workload[] }>('segments', 'map')).items;
  const workloadOf = async (role: string): Promise<Workload | undefined> =>
    (await workloads()).find(({ segments }) => segments.includes(role));
  const probeAlert = async (): Promise<Alert | undefined> =>
    (await cordon.json<{ items: readonly Alert[] }>('alerts', 'list')).items.find(
      ({ ruleId }) => ruleId === 'port-probe',
    );
  /** Tries a forbidden port at everybody else. */
  const probe = async (port: number): Promise<void> => {
    const from = hostOf('probe');
    const others = ROLES.filter((role) => role !== 'probe');
    const outcomes = await Promise.all(others.map(async (role) => await from.connect(hostOf(role).v4, port)));
    assert.deepEqual([...new Set(outcomes)], ['no answer']);
  };

  before(async () => {
    lab = openLab(ROLES.length + 1);
    const [server, ...rest] = lab.hosts;
    cordon = installation(['ip', 'netns', 'exec', server?.space ?? '']);
    cordon.write('cordon.yaml', document('dry-run'));
    cordon.write('policies/connect.cedar', POLICIES);
    for (const [index, role] of ROLES.entries()) {
      const host = rest[index] ?? assert.fail();
      hosts.set(role, host);
      shells.set(role, cordon.at(['ip', 'netns', 'exec', host.space]));
    }
    await cordon.up('-c', 'cordon.yaml');
  });

  after(async () => {
    await Promise.all(agents.map(async (agent) => await agent.stop()));
    await cordon?.remove();
    lab?.close();
  });

  it('enrol with a token each, and become workloads of their segments', async () => {
    await Promise.all(
      ROLES.map(async (role) => {
        const { token } = await cordon.json<{ token: string }>(
          'devices',
          'token',
          '--name',
          role,
          '--label',
          `role=${role}`,
        );
        const enrolled = await shellOf(role).run(
          ...['agent', 'enrol', '--server', '10.77.0.1:8443', '--token', token, '--state', `agent-${role}`],
        );
        assert.equal(enrolled.code, 0, enrolled.stderr);
        const again = await shellOf(role).run(
          ...['agent', 'enrol', '--server', '10.77.0.1:8443', '--token', token, '--state', `other-${role}`],
        );
        assert.equal(again.code, 2, 'a token is good once');
        agents.push(shellOf(role).start('agent', 'run', '--enforce', '--state', `agent-${role}`));
      }),
    );
    for (const role of ROLES) {
      const workload = await eventually(async () => await workloadOf(role), 30);
      assert.deepEqual(workload.segments, [role]);
      assert.ok(workload.addresses.includes(hostOf(role).v4));
    }
  });

  it('apply their program: what a policy permits works, everything else does not', async () => {
    await eventually(async () => {
      const programs = await Promise.all(
        ROLES.map(async (role) => await shellOf(role).run('agent', 'program', '--state', `agent-${role}`)),
      );
      return programs.every(({ code }) => code === 0) ? true : undefined;
    }, 30);
    await hostOf('database').listen(DATABASE_PORT, 22);
    await hostOf('web').listen(80);
    assert.equal(await hostOf('web').connect(hostOf('database').v4, DATABASE_PORT), 'echoed');
    assert.equal(await hostOf('web').connect(hostOf('database').v6, DATABASE_PORT), 'echoed');
    assert.equal(await hostOf('web').connect(hostOf('database').v4, 22), 'no answer');
    assert.equal(await hostOf('database').connect(hostOf('web').v4, 80), 'no answer');
    assert.equal(await hostOf('cache').connect(hostOf('database').v4, DATABASE_PORT), 'no answer');
  });

  it('are where plan and trace say: the policy behind each answer is named', async () => {
    const plan = await cordon.run('segments', 'plan');
    assert.match(plan.stdout, /web.*database.*tcp.*5432.*connect\.cedar#web-to-database/s);
    const allowed = await cordon.run('segments', 'trace', 'web', 'database', `${DATABASE_PORT}`);
    assert.equal(allowed.code, 0, allowed.stderr);
    assert.match(allowed.stdout, /web-to-database/);
    const denied = await cordon.run('segments', 'trace', 'web', 'database', '22');
    assert.equal(denied.code, 1, denied.stderr);
    assert.match(denied.stdout, /no policy permits/);
  });

  it('report what was refused: one that probes forbidden ports of five others is detected, and only shown while the response is a dry run', async () => {
    await probe(22);
    const alert = await eventually(async () => {
      const found = await probeAlert();
      return found?.response === undefined ? undefined : found;
    }, 30);
    assert.equal(alert.subjectName, 'probe');
    assert.deepEqual([alert.response?.action, alert.response?.mode], ['quarantine', 'dry-run']);
    assert.equal((await workloadOf('probe'))?.quarantine, undefined);
    assert.equal(await hostOf('probe').connect(hostOf('database').v4, DATABASE_PORT), 'echoed');
  });

  it('are cut off when the response is enforced, and let back by a person', async () => {
    cordon.write('cordon.yaml', document('enforce'));
    await eventually(async () => {
      await probe(23);
      return (await workloadOf('probe'))?.quarantine;
    }, 60);
    await eventually(async () => {
      const outcome = await hostOf('probe').connect(hostOf('database').v4, DATABASE_PORT);
      return outcome === 'no answer' ? true : undefined;
    }, 20);
    const released = await cordon.run('segments', 'release', 'probe', '--reason', 'looked into, a test');
    assert.equal(released.code, 0, released.stderr);
    await eventually(async () => {
      const outcome = await hostOf('probe').connect(hostOf('database').v4, DATABASE_PORT);
      return outcome === 'echoed' ? true : undefined;
    }, 20);
  });

  it('keep their last program when the server is lost', async () => {
    const web = hostOf('web');
    const before = web.run('nft', ['list', 'table', 'inet', 'cordon']);
    assert.match(before, /policy drop/);
    for (const agent of agents) await agent.stop('SIGKILL');
    assert.equal(web.run('nft', ['list', 'table', 'inet', 'cordon']).includes('policy drop'), true);
    assert.equal(await hostOf('web').connect(hostOf('database').v4, 22), 'no answer');
  });
});
