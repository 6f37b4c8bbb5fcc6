import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { classify, importAws, type ImportReport } from '#assets';
import { manualClock, portSet } from '#base';
import { type Configuration, loadConfiguration, runBundleTests } from '#config';
import {
  type AnyEntity,
  type App,
  type Asset,
  type Device,
  type Session,
  type Tier,
  TrustGraph,
  type User,
} from '#model';
import { type ActivePolicies, connectPolicies, decideAccess, loadPolicies } from '#policy';
import { lintPolicies } from '#policy-analysis';
import { hostProgram, type Plan, planInputs, planMatrix, planSegments, traceFlow, verifyProgram } from '#segmentation';

/** What an example must produce; each part is optional. */
interface Expected {
  /** Asset id -> tier, of the account saved in `account/`. */
  readonly assets?: Readonly<Record<string, string>>;
  readonly decisions?: readonly ExpectedDecision[];
  /** Every allowed or forbidden piece, as `web-1 web-2 -> api-1: permit tcp/8443 by <policy>`. */
  readonly plan?: readonly string[];
  readonly traces?: readonly ExpectedTrace[];
}

interface ExpectedDecision {
  readonly when: string;
  readonly person: {
    readonly groups: readonly string[];
    readonly signedInMinutesAgo?: number;
    /** What the session's browser is; the session of a revoked one has no device. Default: `known`. */
    readonly device?: 'known' | 'revoked';
  };
  readonly request: string;
  /** Tier set by hand on the app's asset, or that the account was not imported. */
  readonly tier?: 'T0' | 'T1' | 'T2' | 'T3' | 'not imported';
  readonly effect: string;
  readonly policies?: readonly string[];
  readonly reasons?: readonly string[];
  readonly remedies?: readonly string[];
}

interface ExpectedTrace {
  readonly from: string;
  readonly to: string;
  readonly flow: string;
  readonly verdict: string;
  readonly reason: string;
  readonly policies?: readonly string[];
}

const EXAMPLES = fileURLToPath(new URL('../examples/', import.meta.url));
const NOW = Date.UTC(2026, 5, 10, 12);
const MINUTE = 60_000;
/** Where agents would reach Cordon; it must not be among the workloads of an example. */
const SERVER = { addresses: ['10.255.0.1'], port: 8443 };

for (const { name } of readdirSync(EXAMPLES, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
  describe(`example ${name}`, () => {
    const directory = join(EXAMPLES, name);
    const expected = JSON.parse(readFileSync(join(directory, 'expected.json'), 'utf8')) as Expected;
    const { configuration, policies } = load(directory);

    it('says what it shows, and expects something', () => {
      assert.ok(existsSync(join(directory, 'README.md')));
      assert.ok(Object.keys(expected).length > 0);
    });

    it('has policies without a warning', () => assert.deepEqual(lintPolicies(policies), []));

    it('has policies that pass their own tests, which depend on every clause', () => {
      const tested = runBundleTests(policies, configuration.policies);
      assert.ok(tested.ok, JSON.stringify(tested));
      assert.deepEqual(tested.value.failures, []);
      if (tested.value.cases.length > 0) assert.deepEqual(tested.value.coverage.uncovered, []);
    });

    if (expected.assets !== undefined || expected.decisions !== undefined)
      describeAccess(directory, expected, { configuration, policies });
    if (expected.plan !== undefined || expected.traces !== undefined)
      describeSegments(expected, makePlan(configuration, policies));
  });
}

interface Loaded {
  readonly configuration: Configuration;
  readonly policies: ActivePolicies;
}

function load(directory: string): Loaded {
  const configuration = loadConfiguration(join(directory, 'cordon.yaml'));
  assert.ok(configuration.ok, JSON.stringify(configuration));
  const policies = loadPolicies({ texts: configuration.value.policies, version: 1 });
  assert.ok(policies.ok, JSON.stringify(policies));
  return { configuration: configuration.value, policies: policies.value };
}

function describeAccess(directory: string, expected: Expected, { configuration, policies }: Loaded): void {
  it('imports an account without a problem and ranks it as expected', async () => {
    const { assets, problems, unknownFiles } = await importAccount(directory);
    assert.deepEqual([problems, unknownFiles], [[], []]);
    for (const [id, tier] of Object.entries(expected.assets ?? {})) {
      const asset = assets.find((one) => one.id === id);
      assert.equal(`T${asset?.computedTier}`, tier, id);
    }
  });

  for (const decision of expected.decisions ?? []) {
    it(`answers ${decision.effect} when ${decision.when}`, async () => {
      const { assets } = await importAccount(directory);
      const answer = decide({ configuration, policies }, assets, decision);
      assert.deepEqual(answer, {
        effect: decision.effect,
        ...(decision.policies === undefined ? {} : { policies: decision.policies }),
        ...(decision.reasons === undefined ? {} : { reasons: decision.reasons }),
        ...(decision.remedies === undefined ? {} : { remedies: decision.remedies }),
      });
    });
  }
}

async function importAccount(directory: string): Promise<ImportReport> {
  const report = await importAws(join(directory, 'account'), { clock: manualClock(NOW) });
  return { ...report, assets: classify(report.assets, NOW) };
}

function decide(
  { configuration, policies }: Loaded,
  assets: readonly Asset[],
  { person, request, tier, effect }: ExpectedDecision,
): Partial<ExpectedDecision> {
  const [method = '', appId = ''] = request.split(' ');
  const app = configuration.apps.find(({ id }) => id === appId);
  assert.ok(app, `the example has no app \`${appId}\``);
  const { graph, session } = situation(configuration, person, tier === 'not imported' ? [] : raised(assets, app, tier));
  const decision = decideAccess({
    policies,
    graph,
    now: NOW,
    request: { session, app, method, path: '/', host: app.host, address: '127.0.0.1', secure: true },
  });
  return decision.effect === 'permit'
    ? { effect: decision.effect, policies: decision.policies }
    : {
        effect: decision.effect,
        ...(effect === 'permit'
          ? {}
          : { reasons: decision.reasons.map(({ code }) => code), remedies: decision.remedies }),
      };
}

function raised(assets: readonly Asset[], { assetId }: App, tier: ExpectedDecision['tier']): Asset[] {
  if (tier === undefined) return [...assets];
  const override = { tier: Number(tier.slice(1)) as Tier, reason: 'test', by: 'user:test', at: NOW };
  return assets.map((asset) => (asset.id === assetId ? { ...asset, override } : asset));
}

/** One person at one browser, signed in with password and code. */
function situation(
  configuration: Configuration,
  person: ExpectedDecision['person'],
  assets: readonly Asset[],
): { graph: TrustGraph; session: Session } {
  const { groups, signedInMinutesAgo = 1, device: known = 'known' } = person;
  const user: User = { id: 'usr_1', email: 'ada@example.org', name: 'Ada', groups, status: 'active', createdAt: 0 };
  const device: Device = {
    id: 'dev_1',
    name: 'browser',
    form: 'browser',
    ownerId: user.id,
    managed: false,
    status: 'active',
    enrolledAt: 0,
  };
  const at = NOW - signedInMinutesAgo * MINUTE;
  const session: Session = {
    id: 'ses_1',
    userId: user.id,
    tokenHash: 'hash',
    acr: 'urn:cordon:aal2',
    amr: ['pwd', 'otp', 'mfa'],
    authenticatedAt: at,
    createdAt: at,
    expiresAt: NOW + MINUTE,
    ...(known === 'known' ? { deviceId: device.id } : {}),
    address: '127.0.0.1',
    userAgent: 'test',
  };
  const entities: AnyEntity[] = [
    { kind: 'user', id: user.id, body: user },
    { kind: 'device', id: device.id, body: device },
    { kind: 'session', id: session.id, body: session },
    ...configuration.apps.map((body) => ({ kind: 'app', id: body.id, body }) as const),
    ...configuration.groups.map((body) => ({ kind: 'group', id: body.id, body }) as const),
    ...assets.map((body) => ({ kind: 'asset', id: body.id, body }) as const),
  ];
  const graph = new TrustGraph();
  graph.load({ seq: 1, entities });
  return { graph, session };
}

function makePlan({ segments, workloads, external, managementSources }: Configuration, policies: ActivePolicies): Plan {
  const graph = new TrustGraph();
  graph.load({
    seq: 1,
    entities: [
      ...segments.map((body) => ({ kind: 'segment', id: body.id, body }) as const),
      ...workloads.map((one) => ({ kind: 'workload', id: one.id, body: { ...one, source: 'declared' } }) as const),
    ],
  });
  return planSegments({
    ...planInputs(graph, connectPolicies(policies)),
    server: SERVER,
    external: {
      ...external,
      exceptions: managementSources.map((network) => ({
        direction: 'ingress',
        network,
        protocol: 'tcp',
        ports: portSet.of([{ from: 22, to: 22 }]),
        reason: 'management source',
      })),
    },
  });
}

function describeSegments({ plan: lines, traces = [] }: Expected, plan: Plan): void {
  it('plans without a problem', () => assert.deepEqual(plan.problems, []));

  it('plans exactly the expected pairs', () => assert.deepEqual(planLines(plan), lines));

  for (const { from, to, flow, ...answer } of traces) {
    it(`answers ${answer.verdict} for ${flow} from ${from} to ${to}`, () => {
      const [protocol, port] = flow.split('/');
      const trace = traceFlow(plan, { from, to, protocol: protocol === 'udp' ? 'udp' : 'tcp', port: Number(port) });
      assert.deepEqual(
        { verdict: trace.verdict, reason: trace.reason, policies: trace.policyIds },
        { policies: [], ...answer },
        trace.detail,
      );
    });
  }

  it('gives every host a firewall program that is verified to be the plan', () => {
    for (const id of plan.workloads.keys()) {
      const program = hostProgram(plan, id);
      assert.ok(program.ok, id);
      assert.deepEqual(verifyProgram(program.value, plan, id).ok, true, id);
    }
  });
}

function planLines(plan: Plan): string[] {
  const { classes, cells } = planMatrix(plan);
  const members = new Map(classes.map((one) => [one.id, one.members.join(' ')]));
  return cells.flatMap(({ from, to, pieces }) =>
    pieces.map(
      ({ effect, protocol, ports, policyIds }) =>
        `${members.get(from)} -> ${members.get(to)}: ${effect} ${protocol}/${ports} by ${policyIds.join(', ')}`,
    ),
  );
}
