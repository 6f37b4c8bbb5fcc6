import { newToken } from '#base';
import type { App } from '#model';
import type { ProbeMarks } from '#wire';
import { type IsOurs, type ProbeKind, type ProbeRequest, probesOf } from './probes.ts';
import { type ProbeAnswer, type ProbedListener, sendProbe, sendProbeHttp2 } from './send-probe.ts';

/** An answer that Cordon did not give. */
export interface ProbeFinding {
  readonly appId: string;
  readonly host: string;
  readonly kind: ProbeKind;
  /** Where it was asked: a listener, or the public address of an app that another proxy serves. */
  readonly at: ProbedListener['transport'] | 'public';
  readonly status: number;
  /** One sentence for people. */
  readonly detail: string;
}

/** What one round of probes found. Times in milliseconds. */
export interface ProbeRound {
  readonly startedAt: number;
  readonly durationMs: number;
  readonly sent: number;
  /** Answered by Cordon itself, as it should be. */
  readonly refused: number;
  /** Nobody answered: nothing was shown, and nothing was proven. */
  readonly unanswered: number;
  readonly findings: readonly ProbeFinding[];
  /** Ids of apps that only another proxy serves, at an address nobody configured. */
  readonly notProbed: readonly string[];
}

/** What a round works with. */
export interface RoundOptions {
  readonly listeners: readonly ProbedListener[];
  readonly apps: readonly App[];
  readonly isOurs: IsOurs;
  /** Public origins of apps that another proxy serves, by id. */
  readonly publicOrigins: ReadonlyMap<string, string>;
  /** Where such a proxy sends whoever has to sign in. */
  readonly identityOrigins: readonly string[];
  readonly marks: Pick<ProbeMarks, 'ask'>;
  readonly now: () => number;
  /** Told of each finding at once. */
  readonly onFinding: (finding: ProbeFinding) => Promise<void>;
  /** Time to spread the probes over, milliseconds; 0: as fast as they are answered. */
  readonly spreadMs: number;
  readonly signal: AbortSignal;
}

/** One request of a round. */
interface Task {
  readonly app: Pick<App, 'id'>;
  readonly at: ProbeFinding['at'];
  readonly listener: ProbedListener;
  /** True for the same once more over HTTP/2. */
  readonly isHttp2?: boolean;
  readonly request: ProbeRequest;
}

/** Probes under way at once. */
const AT_ONCE = 4;
/** Probes that spread out keep at least this distance, milliseconds, however many apps there are. */
const LEAST_GAP_MS = 50;

/** Asks every app, at every listener, in every way in which somebody might get past the decision. */
export async function probeRound(options: RoundOptions): Promise<ProbeRound> {
  const { signal, spreadMs, now, apps, publicOrigins, onFinding } = options;
  const tasks = tasksOf(options);
  const startedAt = now();
  const began = performance.now();
  const gapMs = spreadMs === 0 ? 0 : Math.max(LEAST_GAP_MS, spreadMs / Math.max(1, tasks.length));
  const findings: ProbeFinding[] = [];
  const counts = { sent: 0, refused: 0, unanswered: 0 };
  const work = async (): Promise<void> => {
    for (let task = tasks.pop(); task !== undefined && !signal.aborted; task = tasks.pop()) {
      const dueAt = began + counts.sent * gapMs;
      counts.sent += 1;
      await pause(dueAt - performance.now(), signal);
      if (signal.aborted) return;
      const found = await probe(task, options);
      if (found === 'refused' || found === 'unanswered') counts[found] += 1;
      else {
        findings.push(found);
        await onFinding(found);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return {
    startedAt,
    durationMs: Math.round(performance.now() - began),
    ...counts,
    findings,
    notProbed: apps.filter((app) => isElsewhere(app) && !publicOrigins.has(app.id)).map(({ id }) => id),
  };
}

function isElsewhere({ enforcedBy }: App): boolean {
  return enforcedBy === 'forward-auth';
}

function tasksOf({ listeners, apps, isOurs, publicOrigins }: RoundOptions): Task[] {
  const token = newToken();
  const own = apps.filter((app) => !isElsewhere(app));
  const tasks = listeners.flatMap((listener): Task[] => {
    const at = listener.transport;
    const scheme = at === 'tls' ? 'https' : 'http';
    const requests = own.flatMap((app) =>
      probesOf(app, { token, scheme, isOurs }).map((request): Task => ({ app, at, listener, request })),
    );
    const stranger = { kind: 'foreign-host' as const, serverName: 'stranger.invalid', target: '/' };
    const overHttp2 = at === 'tls' ? requests.filter(({ request }) => isForHttp2(request)) : [];
    return [
      ...requests,
      ...overHttp2.map((task) => ({ ...task, isHttp2: true })),
      {
        app: { id: '' },
        at,
        listener,
        request: { ...stranger, headers: ['Host', 'stranger.invalid', 'Accept', '*/*'] },
      },
    ];
  });
  for (const app of apps.filter(isElsewhere)) {
    const url = URL.parse(publicOrigins.get(app.id) ?? '');
    if (url === null) continue;
    const isTls = url.protocol === 'https:';
    const port = Number(url.port === '' ? (isTls ? 443 : 80) : url.port);
    const listener: ProbedListener = { transport: isTls ? 'tls' : 'http', host: url.hostname, port };
    const scheme = isTls ? 'https' : 'http';
    for (const request of probesOf({ host: url.hostname }, { token, scheme, isOurs })) {
      tasks.push({
        app,
        at: 'public',
        listener,
        request: { ...request, headers: ['Host', url.host, ...request.headers.slice(2)] },
      });
    }
  }
  return tasks.reverse(); // taken from the end
}

/** HTTP/2 has no upgrade and no absolute target. A connection without the name of an app is not offered it at all. */
function isForHttp2({ kind }: ProbeRequest): boolean {
  return kind !== 'websocket' && kind !== 'foreign-host';
}

/** A probe that the clock overtook is asked again; what it says then is what counts. */
async function probe(task: Task, options: RoundOptions): Promise<ProbeFinding | 'refused' | 'unanswered'> {
  const { marks, signal, now } = options;
  for (let attempt = 1; ; attempt++) {
    const mark = marks.ask();
    const askedAt = now();
    const began = performance.now();
    const request = { ...task.request, headers: [...task.request.headers, mark.name, mark.field] };
    const send = task.isHttp2 === true ? sendProbeHttp2 : sendProbe;
    const answer = await send(task.listener, request, signal).catch(() => undefined);
    if (answer === undefined) return 'unanswered';
    // Cordon seals nothing but refusals: a seal on anything else was asked for by whoever let the probe in.
    if (answer.field(mark.name) === mark.answer && answer.status >= 300) return 'refused';
    if (task.at === 'public' && isRefusalElsewhere(answer, options)) return 'refused';
    const jumpedMs = Math.abs(now() - askedAt - (performance.now() - began));
    if (attempt > 1 || jumpedMs < 1000) return findingOf(task, answer);
  }
}

/** Another proxy may answer in its own words when Cordon said no, without the mark; the status and where it leads to must do. */
function isRefusalElsewhere({ status, field }: ProbeAnswer, { identityOrigins }: RoundOptions): boolean {
  if (status === 401 || status === 403) return true;
  const to = URL.parse(field('location') ?? '')?.origin;
  return status >= 300 && status < 400 && to !== undefined && identityOrigins.includes(to);
}

const TRIED: Readonly<Record<ProbeKind, string>> = {
  anonymous: 'a request of nobody',
  'ended-session': 'a request with a session that is not valid',
  'identity-headers': 'a request that claimed an identity in headers',
  'aliased-headers': 'a request that claimed an identity in headers of another spelling',
  websocket: 'a WebSocket of nobody',
  'foreign-host': 'a request for a host that is no app',
};

function findingOf({ app, at, request, isHttp2 }: Task, { status, field }: ProbeAnswer): ProbeFinding {
  // Somebody else chose the type; only what is one is shown.
  const type = /^[\w.+-]{1,40}\/[\w.+-]{1,60}/.exec(field('content-type') ?? '')?.[0];
  const what = type === undefined ? `${status}` : `${status}, ${type}`;
  return {
    appId: app.id,
    host: request.headers[1] ?? '',
    kind: request.kind,
    at,
    status,
    detail: `${TRIED[request.kind]}${isHttp2 === true ? ' over HTTP/2' : ''} was answered by something else than Cordon (${what})`,
  };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, ms, undefined);
  const stop = (): void => resolve(undefined);
  signal.addEventListener('abort', stop, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', stop);
}
