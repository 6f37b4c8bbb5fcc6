import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { parseConfiguration } from '#config';
import { type AnyEntity, TrustGraph } from '#model';
import { followPlan } from './active-plan.ts';
import { followPolicies } from './active-policies.ts';
import type { Log } from './log.ts';
import { createSchedule } from './schedule.ts';

const POLICY = `permit (principal in Segment::"web", action == Action::"connect", resource in Segment::"db")
when { context.protocol == "tcp" && context.port == 5432 };`;

function recordingLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const write = (_fields: object, message: string): void => {
    lines.push(message);
  };
  return { lines, info: write, warn: write, error: write };
}

/** A graph with what `add` puts into it, one change each. */
function graphWith(...entities: AnyEntity[]): { graph: TrustGraph; add: (...more: AnyEntity[]) => void } {
  const graph = new TrustGraph();
  let seq = 0;
  const add = (...more: AnyEntity[]): void => {
    for (const entity of more) {
      seq += 1;
      const change = { seq, time: 0, kind: entity.kind, id: entity.id, op: 'put', actor: 'system' } as const;
      graph.apply({ change, entity });
    }
  };
  add(...entities);
  return { graph, add };
}

function bundle(version: number, text: string): AnyEntity[] {
  const id = `policy-${version}`;
  return [
    {
      kind: 'policyBundle',
      id,
      body: { id, version, texts: { 'a.cedar': text }, author: 'a', message: 'm', createdAt: 0 },
    },
    { kind: 'policyActivation', id: 'active', body: { id: 'active', bundleId: id, version, by: 'a', at: 0 } },
  ];
}

function workload(id: string, role: string, address: string): AnyEntity {
  return { kind: 'workload', id, body: { id, name: id, labels: { role }, addresses: [address], source: 'agent' } };
}

const segment = (id: string): AnyEntity => ({ kind: 'segment', id, body: { id, name: id, selector: { role: id } } });

describe('the policies in force', () => {
  it('are none before any are active', () => {
    assert.equal(followPolicies(graphWith().graph, recordingLog())(), undefined);
  });

  it('are those that were activated last', () => {
    const { graph, add } = graphWith(...bundle(1, POLICY));
    const policies = followPolicies(graph, recordingLog());
    assert.equal(policies()?.version, 1);
    assert.equal(policies(), policies(), 'compiled once');
    add(...bundle(2, POLICY));
    assert.equal(policies()?.version, 2);
  });

  it('are none when the active ones do not load, so that everything is denied, and the log says so', () => {
    const { graph, add } = graphWith(...bundle(1, POLICY));
    const log = recordingLog();
    const policies = followPolicies(graph, log);
    assert.equal(policies()?.version, 1);
    add(...bundle(2, 'permit ('));
    assert.equal(policies(), undefined);
    assert.match(log.lines.join(), /everything is denied/);
  });
});

describe('the plan', () => {
  const configuration = parseConfiguration({
    file: 'a.yaml',
    text: '',
    directory: '/',
    policies: { 'a.cedar': POLICY },
  });
  const follow = (graph: TrustGraph, log: Log, server = { addresses: ['192.0.2.1'], port: 8443 }) =>
    followPlan({
      graph,
      log,
      server: server.addresses.length === 0 ? undefined : server,
      policies: followPolicies(graph, log),
      configuration: () => (configuration.ok ? configuration.value : assert.fail()),
    });
  const estate = [segment('web'), segment('db'), workload('w', 'web', '10.0.0.1'), workload('d', 'db', '10.0.0.2')];

  it('is made once, and again when a workload, a segment or a policy changes', () => {
    const { graph, add } = graphWith(...estate, ...bundle(1, POLICY));
    const { plan, programFor } = follow(graph, recordingLog());
    const before = plan();
    const program = programFor('d');
    assert.equal(plan(), before);
    assert.equal(programFor('d'), program);
    add(workload('w2', 'web', '10.0.0.3'));
    assert.notEqual(plan(), before);
    assert.notEqual(programFor('d')?.version, program?.version);
    const with2 = programFor('d');
    add(...bundle(2, '// nothing is permitted'));
    assert.notEqual(programFor('d')?.version, with2?.version);
  });

  it('stays when a workload is written again as it was', () => {
    const { graph, add } = graphWith(...estate, ...bundle(1, POLICY));
    const { plan } = follow(graph, recordingLog());
    const before = plan();
    add(workload('w', 'web', '10.0.0.1'));
    assert.equal(plan(), before);
  });

  it('gives no program when no address of the server is known, and says so: it would cut the host off for good', () => {
    const { graph } = graphWith(...estate, ...bundle(1, POLICY));
    const log = recordingLog();
    assert.equal(follow(graph, log, { addresses: [], port: 0 }).programFor('d'), undefined);
    assert.equal(log.lines.length, 1);
  });
});

describe('a schedule', () => {
  it('goes on after a failure, never does one thing twice at once, and ends', async () => {
    const log = recordingLog();
    const schedule = createSchedule(log);
    let running = 0;
    let most = 0;
    let times = 0;
    schedule.every(5, 'work', async () => {
      times += 1;
      running += 1;
      most = Math.max(most, running);
      await wait(12);
      running -= 1;
      throw new Error('it failed');
    });
    while (times < 3) await wait(5);
    await schedule.stop();
    assert.equal(running, 0);
    assert.equal(most, 1);
    assert.ok(log.lines.length >= 3);
    const ended = times;
    await wait(20);
    assert.equal(times, ended);
  });
});
