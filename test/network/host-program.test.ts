import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import * as cedar from '@cedar-policy/cedar-wasm/nodejs';
import { isJsonObject, type Json } from '#base';
import type { Workload } from '#model';
import { type ConnectPolicy, hostProgram, type Plan, planSegments, type Program, verifyProgram } from '#segmentation';
import { type Lab, type LabHost, labObstacle, openLab } from './lab.ts';

const POLICY = `permit (
  principal in Segment::"web", action == Action::"connect", resource in Segment::"db"
) when { context.protocol == "tcp" && context.port == 5432 };`;

function connectPolicy(id: string, text: string): ConnectPolicy {
  const answer = cedar.policyToJson(text);
  assert.ok(answer.type === 'success');
  // EST is JSON; cedar-wasm's own type is more precise than segmentation needs.
  return { ...(answer.json as unknown as Omit<ConnectPolicy, 'id' | 'text'>), id, text };
}

const obstacle = labObstacle();

describe('host programs on real nftables, in network namespaces', { skip: obstacle ?? false }, () => {
  let lab: Lab;
  let web: LabHost;
  let db: LabHost;
  let rogue: LabHost;
  let server: LabHost;

  function planFor(options: { quarantined?: string; policies?: ConnectPolicy[] } = {}): Plan {
    const workload = (id: string, { v4, v6 }: LabHost): Workload => ({
      id,
      name: id,
      labels: { app: id },
      addresses: [v4, v6],
      source: 'declared',
      ...(options.quarantined === id ? { quarantine: { since: 0, by: 'local:0', reason: 'test' } } : {}),
    });
    return planSegments({
      workloads: [workload('web', web), workload('db', db), workload('rogue', rogue)],
      segments: ['web', 'db'].map((id) => ({ id, name: id, selector: { app: id } })),
      policies: options.policies ?? [connectPolicy('web-db', POLICY)],
      server: { addresses: [server.v4, server.v6], port: 8443 },
    });
  }

  function programOf(plan: Plan, id: string): Program {
    const program = hostProgram(plan, id);
    assert.ok(program.ok);
    return program.value;
  }

  /** Applies and reads back, as an agent does. */
  function enforce(plan: Plan, id: string, host: LabHost): void {
    host.apply(programOf(plan, id).document);
    const listing = host.nft('list', 'table', 'inet', 'cordon');
    assert.deepEqual(verifyProgram(listing, plan, id), { ok: true, value: true });
  }

  before(async () => {
    lab = openLab(4);
    const [first, second, third, fourth] = lab.hosts;
    assert.ok(first !== undefined && second !== undefined && third !== undefined && fourth !== undefined);
    [web, db, rogue, server] = [first, second, third, fourth];
    await Promise.all([db.listen(5432, 22), server.listen(8443, 9000), web.listen(80)]);
  });
  after(() => lab?.close());

  it('starts from an open network, so that what fails later fails because of the program', async () => {
    const results = await Promise.all([
      web.connect(db.v4, 22),
      web.connect(db.v6, 22),
      rogue.connect(db.v4, 5432),
      db.connect(web.v6, 80),
    ]);
    assert.deepEqual(results, ['echoed', 'echoed', 'echoed', 'echoed']);
  });

  it('lets the permitted connection through and nothing else, over IPv4 and IPv6', async () => {
    const plan = planFor();
    enforce(plan, 'web', web);
    enforce(plan, 'db', db);
    const attempts = [
      [web, db, 5432, 'echoed'],
      [web, db, 22, 'no answer'],
      [rogue, db, 5432, 'no answer'],
      [rogue, web, 80, 'no answer'],
      [db, web, 80, 'no answer'],
      [db, server, 8443, 'echoed'],
      [db, server, 9000, 'no answer'],
    ] as const;
    const results = await Promise.all(
      attempts.flatMap(([from, to, port]) => [from.connect(to.v4, port), from.connect(to.v6, port)]),
    );
    assert.deepEqual(
      results,
      attempts.flatMap(([, , , expected]) => [expected, expected]),
    );
  });

  it('remembers who was denied what, at the victim and at the source', () => {
    const denied = (host: LabHost, set: string): string[] => {
      const listing = host.nft('list', 'set', 'inet', 'cordon', set);
      return [...JSON.stringify(listing).matchAll(/"concat": ?\["([^"]+)", ?(\d+), ?"(\w+)"\]/g)]
        .map(([, a, b, c]) => `${a} ${b} ${c}`)
        .sort();
    };
    assert.deepEqual(denied(db, 'denied_in4'), [`${rogue.v4} 5432 tcp`]);
    assert.deepEqual(denied(db, 'denied_in6'), [`${rogue.v6} 5432 tcp`]);
    assert.deepEqual(denied(web, 'denied_out4'), [`${db.v4} 22 tcp`]);
    const counted = JSON.stringify(db.nft('list', 'set', 'inet', 'cordon', 'denied_in4'));
    assert.match(counted, /"packets": ?[1-9]/);
  });

  it('leaves foreign tables as they are', () => {
    rogue.nftFile(
      [],
      'table ip nat {\n chain post {\n type nat hook postrouting priority 100\n masquerade\n }\n }\ntable inet other {\n set s {\n type ipv4_addr\n elements = { 192.0.2.7 }\n }\n }\n',
    );
    const others = (): string =>
      ['ip nat', 'inet other'].map((table) => rogue.run('nft', ['list', 'table', ...table.split(' ')])).join();
    const before = others();
    const plan = planFor();
    enforce(plan, 'rogue', rogue);
    enforce(plan, 'rogue', rogue);
    assert.equal(others(), before);
    rogue.run('nft', ['delete', 'table', 'inet', 'cordon']);
  });

  it('keeps the old program when a new one is refused, and says so in a dry run', async () => {
    const listing = (): Json => db.nft('list', 'table', 'inet', 'cordon');
    const before = listing();
    const commands = [...programOf(planFor({ policies: [] }), 'db').document.nftables];
    const broken = {
      nftables: [
        ...commands,
        { add: { rule: { family: 'inet', table: 'cordon', chain: 'nowhere', expr: [{ accept: null }] } } },
      ],
    };
    assert.throws(() => db.nftFile(['-c', '-j'], JSON.stringify(broken)));
    assert.throws(() => db.apply(broken));
    assert.deepEqual(withoutCounters(listing()), withoutCounters(before));
    assert.equal(await web.connect(db.v4, 5432), 'echoed');
  });

  it('notices when somebody opened the firewall by hand', () => {
    const plan = planFor();
    db.run('nft', ['insert', 'rule', 'inet', 'cordon', 'input', 'tcp', 'dport', '22', 'accept']);
    const result = verifyProgram(db.nft('list', 'table', 'inet', 'cordon'), plan, 'db');
    assert.ok(!result.ok);
    assert.match(result.error.message, /accepts a packet at input .*dport 22/);
    enforce(plan, 'db', db);
  });

  it('cuts an established connection when the permission goes, without touching connection tracking', async () => {
    const talk = await web.chatter(db.v4, 5432);
    assert.ok(talk.echoes() > 0, 'the connection is open');
    enforce(planFor({ policies: [] }), 'db', db);
    assert.equal(await isSilent(talk), true);
    enforce(planFor(), 'db', db);
  });

  it('cuts an established connection of a quarantined host, and leaves it the Cordon server', async () => {
    const talk = await web.chatter(db.v6, 5432);
    assert.ok(talk.echoes() > 0, 'the connection is open');
    enforce(planFor({ quarantined: 'web' }), 'web', web);
    assert.equal(await isSilent(talk), true);
    const attempts = await Promise.all([
      web.connect(db.v4, 5432),
      rogue.connect(web.v4, 80),
      web.connect(server.v4, 8443),
      web.connect(server.v6, 8443),
      server.connect(web.v4, 80),
    ]);
    assert.deepEqual(attempts, ['no answer', 'no answer', 'echoed', 'echoed', 'no answer']);
  });

  it('isolates a quarantined host at its neighbours too, should its own firewall be gone', async () => {
    web.run('nft', ['delete', 'table', 'inet', 'cordon']);
    assert.equal(await web.connect(db.v4, 5432), 'echoed', 'the neighbour does not know yet');
    enforce(planFor({ quarantined: 'web' }), 'db', db);
    assert.equal(await web.connect(db.v4, 5432), 'no answer');
  });
});

/** Echoes already under way may still arrive; after that there must be none. */
async function isSilent(talk: { echoes(): number }): Promise<boolean> {
  await wait(150);
  const before = talk.echoes();
  await wait(200);
  return talk.echoes() === before;
}

/** Handles and counters change by themselves. */
function withoutCounters(listing: Json): Json {
  if (Array.isArray(listing)) return listing.map((item: Json) => withoutCounters(item));
  if (!isJsonObject(listing)) return listing;
  const kept = Object.entries(listing).filter(
    ([key]) => !['handle', 'packets', 'bytes', 'expires', 'elem'].includes(key),
  );
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutCounters(value)]));
}
