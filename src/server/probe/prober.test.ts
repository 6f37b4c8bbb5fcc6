import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request as ask, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { systemClock } from '#base';
import type { OcsfEvent } from '#model';
import { textSource } from '../configuration-source.ts';
import { type Cordon, startCordon } from '../start.ts';
import { type ProberOptions, startProber } from './prober.ts';

const POLICIES = { 'a.cedar': 'permit (principal in Group::"staff", action == Action::"access", resource);' };
const CONSOLE = join(import.meta.dirname, '../../../console/dist');
const log = { info: () => {}, warn: () => {}, error: () => {} };

async function listening(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** An estate with one app whose upstream counts who reaches it. */
async function estate(t: TestContext, more = ''): Promise<{ cordon: Cordon; arrivals: string[]; upstream: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-probe-'));
  const arrivals: string[] = [];
  const upstream = await listening(
    t,
    createServer((request, response) => {
      arrivals.push(request.url ?? '');
      response.end('secret');
    }),
  );
  const text = `listen: { http: "127.0.0.1:0", tls: "127.0.0.1:0" }
groups: { staff: {} }
probe: { every: off }
${more}
apps:
  wiki: { upstream: "http://127.0.0.1:${upstream}" }
  verify: { builtin: verify }
`;
  const cordon = await startCordon({
    ...{ version: '0', clock: systemClock, uid: 0, log, consoleDirectory: CONSOLE },
    source: textSource({ text, policies: POLICIES }, join(folder, 'data')),
  });
  t.after(async () => {
    await cordon.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return { cordon, arrivals, upstream };
}

function alerts({ services }: Cordon): string[] {
  return [...services.graph.all('alert')].map(
    ({ ruleId, severity, subjectId }) => `${ruleId} ${severity} ${subjectId}`,
  );
}

function written({ services }: Cordon): OcsfEvent[] {
  return services.journal.recent(200).filter(({ class_uid: uid }) => uid === 4002 || uid === 6007);
}

/** A prober of this Cordon that asks at another port than Cordon's own. */
function proberAt(t: TestContext, { services, marks }: Cordon, port: number): ReturnType<typeof startProber> {
  const options: ProberOptions = {
    ...{ journal: services.journal, clock: systemClock, log, marks: marks },
    listeners: [{ transport: 'http', host: '127.0.0.1', port }],
    apps: () => [...services.graph.all('app')],
    isOurs: (host) => host.endsWith('localhost'),
    identityOrigins: [],
    settings: () => ({ everyMs: undefined, publicOrigins: new Map() }),
  };
  const prober = startProber(options);
  t.after(prober.stop);
  return prober;
}

describe('the running Cordon', () => {
  it('finds no way past the decision in itself: nothing arrives, one event says so, nobody is alarmed', async (t) => {
    const { cordon, arrivals } = await estate(t);
    assert.equal(cordon.services.prober.last(), undefined);
    const round = await cordon.services.prober.run();
    assert.deepEqual([round.findings, round.unanswered, round.refused], [[], 0, round.sent]);
    // Eight for the wiki, six for the app without an upstream and one for a stranger, at each listener; ten once more over HTTP/2.
    assert.equal(round.sent, 2 * (8 + 6 + 1) + 10);
    assert.deepEqual(cordon.services.prober.last(), round);
    assert.deepEqual(arrivals, []);
    await cordon.services.monitor.idle();
    assert.deepEqual(alerts(cordon), []);
    const events = written(cordon);
    assert.deepEqual(
      events.map(({ class_uid: uid, status_id: status }) => [uid, status]),
      [[6007, 1]],
    );
    assert.equal(cordon.front.counters.denied, 0);
  });

  const isLinux = process.platform === 'linux';
  it('knows the refusals of its workers for Cordon’s', { skip: isLinux ? false : 'needs Linux' }, async (t) => {
    const { cordon, arrivals } = await estate(t, 'gateway: { workers: 2 }');
    const { findings, unanswered, refused, sent } = await cordon.services.prober.run();
    assert.deepEqual([findings, unanswered, refused, arrivals], [[], 0, sent, []]);
    await cordon.services.monitor.idle();
    assert.deepEqual(alerts(cordon), []);
  });

  it('raises one critical alert when its gateway lets through who spells a header otherwise', async (t) => {
    const { cordon, arrivals, upstream } = await estate(t);
    // Cordon's own listener behind a hole: what carries the aliased header goes straight to the app.
    const broken = createServer((request, response) => {
      const isHole = request.headers.host === 'wiki.localhost' && 'x_forwarded_user' in request.headers;
      const target = { port: isHole ? upstream : cordon.ports.http, host: '127.0.0.1', agent: false as const };
      const { method, url: path, headers } = request;
      ask({ ...target, method, path, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(response);
      }).end();
    });
    const prober = proberAt(t, cordon, await listening(t, broken));
    const { findings } = await prober.run();
    assert.deepEqual(
      findings.map(({ appId, kind, at, status }) => [appId, kind, at, status]),
      [['wiki', 'aliased-headers', 'http', 200]],
    );
    assert.equal(arrivals.length, 1);
    await cordon.services.monitor.idle();
    assert.deepEqual(alerts(cordon), ['route-exposed critical wiki']);
    const [finding, round] = written(cordon);
    assert.deepEqual([finding?.status_code, finding?.severity_id], ['route-exposed', 5]);
    assert.deepEqual([round?.class_uid, round?.['num_detections'], round?.severity_id], [6007, 1, 5]);
    // Again: evidence for the same alert. And recovery closes nothing by itself.
    await prober.run();
    await cordon.services.prober.run();
    await cordon.services.monitor.sweep();
    assert.deepEqual(alerts(cordon), ['route-exposed critical wiki']);
    const [alert] = cordon.services.graph.all('alert');
    assert.deepEqual([alert?.status, alert?.count], ['open', 2]);
  });

  it('says that nobody answered, and alarms nobody', async (t) => {
    const { cordon } = await estate(t);
    const deaf = createServer((request) => request.socket.destroy()).on('upgrade', (_request, socket) =>
      socket.destroy(),
    );
    const { unanswered, sent, findings } = await proberAt(t, cordon, await listening(t, deaf)).run();
    assert.deepEqual([unanswered, findings], [sent, []]);
    const [event] = written(cordon);
    assert.deepEqual([event?.status_code, event?.activity_name, event?.severity_id], ['probes-unanswered', 'error', 3]);
  });

  it('answers all who ask for a round at once with the same one', async (t) => {
    const { cordon } = await estate(t);
    const [one, other] = await Promise.all([cordon.services.prober.run(), cordon.services.prober.run()]);
    assert.equal(one, other);
  });
});

describe('a prober', () => {
  it('begins by itself, keeps its time, and stops in the middle of a round', async (t) => {
    const { cordon } = await estate(t);
    const starts: number[] = [];
    const prober = startProber({
      ...{ journal: cordon.services.journal, clock: systemClock, log, marks: cordon.marks },
      listeners: [{ transport: 'http', host: '127.0.0.1', port: cordon.ports.http ?? 0 }],
      apps: () => {
        starts.push(performance.now());
        return [...cordon.services.graph.all('app')].filter(({ id }) => id === 'verify');
      },
      isOurs: () => true,
      identityOrigins: [],
      settings: () => ({ everyMs: 600, publicOrigins: new Map() }),
    });
    t.after(prober.stop);
    while (starts.length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
    const gap = (starts[2] ?? 0) - (starts[1] ?? 0);
    assert.ok(gap > 550 && gap < 1200, `${gap} ms`);
    assert.equal(prober.last()?.findings.length, 0);
    const began = performance.now();
    await prober.stop();
    assert.ok(performance.now() - began < 300);
    const { length } = starts;
    await new Promise((resolve) => setTimeout(resolve, 700));
    assert.equal(starts.length, length);
  });
});
