import assert from 'node:assert/strict';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Json } from '#base';
import type { DeniedFlow, HostProgram, ProgramStatus } from '#wire';
import { type Daemon, type Installation, installation, type Shell } from '../story/cordon.ts';
import { eventually } from '../story/eventually.ts';
import { type Lab, type LabHost, labObstacle, openLab } from './lab.ts';

const PORT = 8443;

interface Told {
  readonly token?: string;
  readonly ready?: boolean;
  readonly report?: {
    readonly device: string;
    readonly program?: ProgramStatus;
    readonly flows: readonly DeniedFlow[];
  };
  readonly event?: { readonly class_uid: number };
}

/** The server in its namespace. */
class ServerChild {
  readonly told: Told[] = [];
  readonly #host: LabHost;
  #child: ChildProcessByStdio<Writable, Readable, null> | undefined;

  constructor(host: LabHost) {
    this.#host = host;
  }

  async start(): Promise<void> {
    const script = join(import.meta.dirname, 'agent-server-child.ts');
    const args = ['netns', 'exec', this.#host.space, process.execPath, script, this.#host.v4, String(PORT)];
    this.#child = spawn('ip', args, { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface(this.#child.stdout).on('line', (line) => void this.told.push(JSON.parse(line) as Told));
    await this.heard(({ ready }) => ready, 15);
  }

  say(wish: object): void {
    this.#child?.stdin.write(`${JSON.stringify(wish)}\n`);
  }

  /** The last thing told in which `find` finds something. */
  async heard<T>(find: (told: Told) => T | undefined, seconds = 10): Promise<T> {
    return await eventually(async () => {
      const last = this.told.findLast((told) => find(told) !== undefined);
      return await Promise.resolve(last === undefined ? undefined : find(last));
    }, seconds);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }
}

/** A program that opens these TCP ports, in the form of a host program, and refuses everything else. */
function program(version: string, o: { in?: readonly number[]; out?: readonly number[] }): HostProgram {
  const at = { family: 'inet', table: 'cordon' };
  const match = (left: Json, right: Json): Json => ({ match: { op: '==', left, right } });
  const rule = (chain: string, ...expr: Json[]): Json => ({ add: { rule: { ...at, chain, expr } } });
  const meta = (key: string): Json => ({ meta: { key } });
  const chainOf = (hook: 'input' | 'output', ports: readonly number[]): Json[] => [
    { add: { chain: { ...at, name: hook, type: 'filter', hook, prio: 0, policy: 'drop' } } },
    rule(hook, match(meta(hook === 'input' ? 'iifname' : 'oifname'), 'lo'), { accept: null }),
    rule(hook, match(meta('l4proto'), { set: ['icmp', 'ipv6-icmp'] }), { accept: null }),
    rule(hook, match({ ct: { key: 'state' } }, 'established'), match({ ct: { key: 'direction' } }, 'reply'), {
      accept: null,
    }),
    ...ports.map((port) => rule(hook, match({ payload: { protocol: 'tcp', field: 'dport' } }, port), { accept: null })),
    rule(hook, match(meta('nfproto'), 'ipv4'), match(meta('l4proto'), { set: ['tcp', 'udp'] }), {
      set: {
        op: 'update',
        set: hook === 'input' ? '@denied_in4' : '@denied_out4',
        elem: {
          concat: [
            { payload: { protocol: 'ip', field: hook === 'input' ? 'saddr' : 'daddr' } },
            { payload: { protocol: 'th', field: 'dport' } },
            meta('l4proto'),
          ],
        },
        stmt: [{ counter: null }],
      },
    }),
  ];
  const table: Json = { table: { family: 'inet', name: 'cordon' } };
  const sets = ['denied_in4', 'denied_out4'].map((name): Json => {
    const type = ['ipv4_addr', 'inet_service', 'inet_proto'];
    return { add: { set: { ...at, name, type, flags: ['timeout'], timeout: 900, size: 16_384 } } };
  });
  const chains = [...chainOf('input', o.in ?? []), ...chainOf('output', o.out ?? [])];
  return { version, document: { nftables: [{ add: table }, { delete: table }, { add: table }, ...sets, ...chains] } };
}

describe('agents on real nftables, at the real devices area', {
  skip: labObstacle() ?? false,
  timeout: 240_000,
}, () => {
  let lab: Lab;
  let server: ServerChild;
  let place: Installation;
  let web: LabHost;
  let db: LabHost;
  let onWeb: Shell;
  let onDb: Shell;
  let dbAgent: Daemon;
  const table = (host: LabHost): string => host.run('nft', ['list', 'ruleset']);
  const programOf = (device: string): ((told: Told) => ProgramStatus | undefined) => {
    return ({ report }) => (report?.device === device ? report.program : undefined);
  };

  before(async () => {
    lab = openLab(3);
    const [first, second, third] = lab.hosts;
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    [web, db] = [second, third];
    server = new ServerChild(first);
    place = installation();
    [onWeb, onDb] = [web, db].map(({ space }) => place.at(['ip', 'netns', 'exec', space])) as [Shell, Shell];
    await server.start();
    for (const [name, shell] of [
      ['web', onWeb],
      ['db', onDb],
    ] as const) {
      server.say({ tokenFor: name });
      const token = await server.heard((told) => told.token);
      server.told.length = 0;
      const enrolled = await shell.run(
        'agent',
        'enrol',
        '--server',
        `${first.v4}:${PORT}`,
        '--token',
        token,
        '--state',
        name,
      );
      assert.equal(enrolled.code, 0, enrolled.stderr);
    }
    db.nftFile([], 'table ip nat {\n chain post {\n type nat hook postrouting priority 100\n masquerade\n }\n }\n');
    dbAgent = onDb.start('agent', 'run', '--enforce', '--state', 'db');
    onWeb.start('agent', 'run', '--enforce', '--state', 'web');
    await db.listen(5432, 22);
    await server.heard(({ report }) => (report?.device === 'db' ? report : undefined), 20);
    await server.heard(({ report }) => (report?.device === 'web' ? report : undefined), 20);
  });

  after(async () => {
    await place?.remove();
    await server?.stop();
    lab?.close();
  });

  it('apply a program within moments of its making, and report which', async () => {
    assert.equal(await web.connect(db.v4, 22), 'echoed', 'before there is a program');
    const begun = performance.now();
    server.say({ host: 'db', program: program('v1', { in: [5432], out: [PORT] }) });
    const status = await server.heard((told) =>
      programOf('db')(told)?.applied === 'v1' ? programOf('db')(told) : undefined,
    );
    assert.ok(performance.now() - begun < 4000, `it took ${performance.now() - begun} ms`);
    assert.ok(status.ok && status.checks.every(({ ok }) => ok), JSON.stringify(status));
    assert.equal(await web.connect(db.v4, 5432), 'echoed');
    assert.equal(await web.connect(db.v4, 22), 'no answer');
  });

  it('report who was refused what, once', async () => {
    const seen = (): DeniedFlow[] =>
      server.told.flatMap(({ report }) => report?.flows ?? []).filter(({ dport }) => dport === 22);
    await eventually(async () => await Promise.resolve(seen().length > 0 ? true : undefined), 20);
    await wait(3000);
    const counted = JSON.stringify(db.nft('list', 'set', 'inet', 'cordon', 'denied_in4'));
    const packets = Number(/"packets": ?(\d+)/.exec(counted)?.[1]);
    assert.equal(
      seen().reduce((sum, flow) => sum + flow.packets, 0),
      packets,
    );
    assert.deepEqual([seen()[0]?.saddr, seen()[0]?.protocol, seen()[0]?.daddr], [web.v4, 'tcp', undefined]);
  });

  it('leave other tables as they are, and show the program', async () => {
    assert.match(db.run('nft', ['list', 'table', 'ip', 'nat']), /masquerade/);
    const shown = await onDb.run('agent', 'program', '--state', 'db');
    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, /program v1, applied .*\ntable inet cordon/);
    const json = await onDb.json<{ inForce: boolean; version: string }>('agent', 'program', '--state', 'db');
    assert.deepEqual([json.inForce, json.version], [true, 'v1']);
    const posture = await onDb.run('agent', 'posture', '--state', 'db');
    assert.match(posture.stdout, /input chains\s+inet cordon input drop/);
    assert.match(posture.stdout, /the server judged it \w+, .* ago:\n(?:.*\n)*\s+firewall\s+pass/);
  });

  it('put the program back within seconds when somebody flushes the ruleset, and say so', async () => {
    db.run('nft', ['flush', 'ruleset']);
    const begun = performance.now();
    await eventually(async () => await Promise.resolve(table(db).includes('table inet cordon') ? true : undefined), 8);
    assert.ok(performance.now() - begun < 5000);
    assert.equal(await web.connect(db.v4, 22), 'no answer');
    const restored = await server.heard((told) =>
      programOf('db')(told)?.checks.find(({ name }) => name === 'restored'),
    );
    assert.equal(restored.detail, 'the table was removed');
  });

  it('notice a rule that somebody adds by hand', async () => {
    db.run('nft', ['insert', 'rule', 'inet', 'cordon', 'input', 'tcp', 'dport', '22', 'accept']);
    assert.equal(await web.connect(db.v4, 22), 'echoed');
    await eventually(async () => ((await web.connect(db.v4, 22)) === 'no answer' ? true : undefined), 8);
  });

  it('refuse a document that does more than replace their table, and keep what is in force', async () => {
    const good = program('v2', { in: [22], out: [PORT] });
    server.say({
      host: 'db',
      program: { version: 'evil', document: { nftables: [...good.document.nftables, { flush: { ruleset: null } }] } },
    });
    const status = await server.heard((told) =>
      programOf('db')(told)?.attempted === 'evil' ? programOf('db')(told) : undefined,
    );
    assert.deepEqual([status.applied, status.ok], ['v1', false]);
    assert.match(status.error ?? '', /does something else than add/);
    assert.equal(await web.connect(db.v4, 22), 'no answer');
  });

  it('go back to the previous program when a new one cuts off the server, never to an open host', async () => {
    server.say({ host: 'db', program: program('v3', { in: [22, 5432] }) });
    server.say({ host: 'web', program: program('w1', {}) });
    const tried = eventually(async () => ((await web.connect(db.v4, 22)) === 'echoed' ? true : undefined), 10).catch(
      () => false,
    );
    const status = await server.heard(
      (told) => (programOf('db')(told)?.attempted === 'v3' ? programOf('db')(told) : undefined),
      40,
    );
    assert.deepEqual([status.applied, status.ok], ['v1', false]);
    assert.deepEqual(
      status.checks.slice(-2).map(({ name, ok }) => [name, ok]),
      [
        ['server-after', false],
        ['rollback', true],
      ],
    );
    await tried;
    assert.match(table(db), /policy drop/);
    assert.doesNotMatch(table(db), /dport 22/);
  });

  it('take a first program back that cuts off the server, for before it there was none', async () => {
    const status = await server.heard(
      (told) => (programOf('web')(told)?.attempted === 'w1' ? programOf('web')(told) : undefined),
      40,
    );
    assert.deepEqual([status.applied, status.ok], [undefined, false]);
    assert.doesNotMatch(table(web), /cordon/);
    assert.equal(await web.connect(db.v4, 5432), 'echoed');
  });

  it('keep the program when the server is lost, and put it in force on a restart before they hear from anybody', async () => {
    await server.stop();
    await eventually(
      async () => await Promise.resolve(/report-failed|poll-failed/.test(dbAgent.output()) ? true : undefined),
      30,
    );
    assert.equal(await web.connect(db.v4, 22), 'no answer');
    await dbAgent.stop('SIGKILL');
    assert.equal(await web.connect(db.v4, 22), 'no answer', 'a dead agent leaves its program');
    db.run('nft', ['flush', 'ruleset']); // as after a restart of the host
    assert.equal(await web.connect(db.v4, 22), 'echoed');
    dbAgent = onDb.start('agent', 'run', '--enforce', '--state', 'db');
    await eventually(async () => ((await web.connect(db.v4, 22)) === 'no answer' ? true : undefined), 10);
    assert.equal(await web.connect(db.v4, 5432), 'echoed');
  });

  it('leave the program in force when they are told to stop', async () => {
    await dbAgent.stop();
    assert.match(dbAgent.output(), /stopped: the program stays in force/);
    assert.match(table(db), /table inet cordon/);
  });
});
