/**
 * Claims: how many decisions one core gives over HTTP/1.1 keep-alive, one by one and in batches of 100. All of Cordon answers, in a
 * process of its own; the least that answers anything is measured in turns with it. The load comes from `wrk`, another process.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { makeChildren } from './gateway/children.ts';
import { type BenchOptions, type Measurement, measurement, median, Skip } from './harness.ts';

const BATCH = 100;
const CONNECTIONS = 32;
/** Whoever they are, one may and the other may not. */
const [MORTY, BETH] = [
  'CiRmZDE2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs',
  'CiRmZDM2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs',
];

interface Target {
  readonly port: number;
  readonly host: string;
  readonly path: string;
  readonly key: string;
}

interface Load {
  readonly endpoint: string;
  /** Sent in turns. */
  readonly bodies: readonly object[];
  /** Decisions per request. */
  readonly decisions: number;
}

const question = (user: string, todo: number): object => ({
  subject: { type: 'user', id: user },
  action: { name: 'can_update_todo' },
  resource: { type: 'todo', id: `todo-${todo}`, properties: { ownerID: 'morty@the-citadel.com' } },
});
const LOADS = {
  single: {
    endpoint: '/access/v1/evaluation',
    bodies: [question(MORTY, 1), question(BETH, 1)],
    decisions: 1,
  },
  batch: {
    endpoint: '/access/v1/evaluations',
    bodies: [{ evaluations: Array.from({ length: BATCH }, (_, at) => question(at % 2 === 0 ? MORTY : BETH, at)) }],
    decisions: BATCH,
  },
} satisfies Readonly<Record<string, Load>>;

/** Measures decisions per second of one process. Half of them are permits; every resource brings a property. */
export async function run({ quick, progress }: BenchOptions): Promise<Measurement[]> {
  if (!hasWrk()) throw new Skip('wrk is not installed');
  const folder = mkdtempSync(join(tmpdir(), 'cordon-bench-authzen-'));
  const children = makeChildren(import.meta.dirname);
  try {
    const { ready: cordon } = await children.start<Target>('authzen/decisions-child.ts', folder);
    const { ready: constant } = await children.start<Target>('authzen/constant-child.ts');
    await checkAnswers(cordon);
    const results: Measurement[] = [];
    for (const [name, load] of Object.entries(LOADS)) {
      const [ours, theirs]: [number[], number[]] = [[], []];
      for (let round = -1; round < (quick ? 1 : 5); round++) {
        progress(`${name}, ${round < 0 ? 'warm-up' : `round ${round + 1}`}`);
        const seconds = quick ? 1 : 3;
        const mine = await requestsPerSecond(cordon, load, { folder, seconds });
        const least = await requestsPerSecond(constant, load, { folder, seconds });
        if (round < 0) continue;
        ours.push(mine * load.decisions);
        theirs.push(least * load.decisions);
      }
      results.push(resultOf(name, median(ours), median(theirs)));
    }
    return results;
  } finally {
    children.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The aims are 30,000/s and 300,000/s on one core; what is held to is the share of what Node's own server does on the same one. */
const SHARES: Readonly<Record<string, number>> = { single: 0.4, batch: 0.2 };

function resultOf(name: string, value: number, baseline: number): Measurement {
  return measurement({
    claim: `authzen-${name}`,
    value,
    unit: 'decisions/s',
    baseline,
    baselineName: 'node:http that parses the body and answers a constant',
    target: SHARES[name] ?? 1,
    note: `${CONNECTIONS} connections, one core${name === 'batch' ? `, ${BATCH} decisions per request` : ''}`,
  });
}

function hasWrk(): boolean {
  try {
    execFileSync('which', ['wrk'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function requestsPerSecond(
  { port, host, path, key }: Target,
  { endpoint, bodies }: Load,
  { folder, seconds }: { readonly folder: string; readonly seconds: number },
): Promise<number> {
  const script = join(folder, 'load.lua');
  // `Host` as wrk itself writes it, or it would be sent twice.
  const headers = { Host: host, Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' };
  writeFileSync(
    script,
    [
      'wrk.method = "POST"',
      ...Object.entries(headers).map(([name, value]) => `wrk.headers["${name}"] = ${JSON.stringify(value)}`),
      `local bodies = { ${bodies.map((body) => `[==[${JSON.stringify(body)}]==]`).join(', ')} }`,
      'local requests, at = {}, 0',
      'init = function() for i, body in ipairs(bodies) do requests[i] = wrk.format(nil, nil, nil, body) end end',
      'request = function() at = at % #requests + 1; return requests[at] end',
    ].join('\n'),
  );
  const url = `http://127.0.0.1:${port}${path}${endpoint}`;
  const args = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', script, url];
  const { stdout } = await promisify(execFile)('wrk', args);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`requests to ${url} failed:\n${stdout}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
}

/** Fast wrong answers are not measured. */
async function checkAnswers({ port, host, path, key }: Target): Promise<void> {
  const answer = await new Promise<string>((resolve, reject) => {
    request(
      {
        ...{ host: '127.0.0.1', port, method: 'POST', path: `${path}${LOADS.batch.endpoint}` },
        headers: { host, authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      },
      (response) => {
        text(response).then(resolve, reject);
      },
    )
      .on('error', reject)
      .end(JSON.stringify(LOADS.batch.bodies[0]));
  });
  const { evaluations } = JSON.parse(answer) as { evaluations: readonly { decision: boolean }[] };
  const isRight = evaluations.length === BATCH && evaluations.every(({ decision }, at) => decision === (at % 2 === 0));
  if (!isRight) throw new Error(`the decisions are wrong: ${answer.slice(0, 300)}`);
}
