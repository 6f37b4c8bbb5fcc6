import type { Clock, Json } from '#base';
import type { Journal } from '#journal';
import { buildEvent, type OcsfEvent } from '#model';
import type { Log } from '../log.ts';
import { type ProbeFinding, type ProbeRound, probeRound, type RoundOptions } from './round.ts';

/** How the prober is configured; read anew before each round. */
export interface ProbeSettings {
  /** Time from the start of one round to that of the next, milliseconds; undefined: only when somebody asks. */
  readonly everyMs: number | undefined;
  readonly publicOrigins: ReadonlyMap<string, string>;
}

/** What a prober works with. */
export interface ProberOptions extends Pick<RoundOptions, 'listeners' | 'isOurs' | 'identityOrigins' | 'marks'> {
  readonly apps: () => RoundOptions['apps'];
  readonly settings: () => ProbeSettings;
  readonly journal: Pick<Journal, 'append'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Asks Cordon's own listeners, again and again, for what nobody may get. */
export interface Prober {
  /** The last round that ended; undefined: none yet. */
  last(): ProbeRound | undefined;
  /** Does a round at once. While one that was asked for runs, it is the answer to all who ask. */
  run(): Promise<ProbeRound>;
  /** Ends what is under way and waits for it. */
  stop(): Promise<void>;
}

/** How long after the start the first round begins at most, milliseconds. */
const FIRST_MS = 5_000;
/** How often a prober that is off looks whether it still is, milliseconds. */
const OFF_MS = 10_000;
/** A round is spread over this part of the time between two. */
const SPREAD = 0.8;

/** Makes a prober and starts it. */
export function startProber(options: ProberOptions): Prober {
  const { settings, log } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let last: ProbeRound | undefined;
  let asked: Promise<ProbeRound> | undefined;
  let scheduled: Promise<unknown> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  const round = async (spreadMs: number): Promise<ProbeRound> => {
    const done = await oneRound(options, { spreadMs, signal });
    if (!signal.aborted) last = done;
    return done;
  };
  const again = (waitMs: number): void => {
    if (signal.aborted) return;
    timer = setTimeout(() => {
      scheduled = regular();
    }, waitMs).unref();
  };
  const regular = async (): Promise<void> => {
    const { everyMs } = settings();
    if (everyMs === undefined) {
      again(OFF_MS);
      return;
    }
    const began = performance.now();
    await round(everyMs * SPREAD).catch((err: unknown) => {
      log.error({ err }, 'a round of probes failed; the next one comes');
    });
    again(Math.max(0, everyMs - (performance.now() - began)));
  };
  again(Math.min(FIRST_MS, settings().everyMs ?? FIRST_MS));
  return {
    last: () => last,
    run: async () => {
      asked ??= round(0).finally(() => {
        asked = undefined;
      });
      return await asked;
    },
    stop: async () => {
      stopping.abort();
      clearTimeout(timer);
      await Promise.allSettled([scheduled, asked]);
    },
  };
}

async function oneRound(
  { apps, settings, journal, clock, log, ...rest }: ProberOptions,
  { spreadMs, signal }: Pick<RoundOptions, 'spreadMs' | 'signal'>,
): Promise<ProbeRound> {
  const now = (): number => clock.now();
  const write = async (event: OcsfEvent): Promise<void> => {
    await journal.append(event).catch((err: unknown) => {
      log.error({ err, event: event.message }, 'what a probe found could not be written to the journal');
    });
  };
  const round = await probeRound({
    ...rest,
    ...{ apps: apps(), publicOrigins: settings().publicOrigins, now, spreadMs, signal },
    onFinding: async (finding) => {
      log.error({ ...finding }, 'an app was reached without a decision');
      await write(findingEvent(finding, now()));
    },
  });
  if (!signal.aborted) await write(roundEvent(round, { now: now(), isScheduled: spreadMs > 0 }));
  return round;
}

/** A route that is open. No action: nobody was let in, and nobody was refused. */
function findingEvent({ appId, host, kind, at, status, detail }: ProbeFinding, time: number): OcsfEvent {
  return buildEvent({
    class: 'httpActivity',
    activity: 'get',
    time,
    message: `${host} is open: ${detail}`,
    severity: 'critical',
    status: 'failure',
    statusCode: 'route-exposed',
    attributes: {
      dst_endpoint: { hostname: host, ...(appId === '' ? {} : { svc_name: appId }) },
      http_request: { http_method: 'GET', url: { hostname: host, path: '/' } },
      http_response: { code: status },
    },
    cordon: { probe: { kind, at, app: appId, detail } },
  });
}

function roundEvent(
  { startedAt, durationMs, sent, refused, unanswered, findings, notProbed }: ProbeRound,
  { now, isScheduled }: { readonly now: number; readonly isScheduled: boolean },
): OcsfEvent {
  const isSilent = sent > 0 && unanswered === sent;
  const found = findings.length === 0 ? 'no way past the decision' : `${findings.length} ways past the decision`;
  return buildEvent({
    class: 'scanActivity',
    activity: isSilent ? 'error' : 'completed',
    time: now,
    message: isSilent ? `none of ${sent} probes was answered` : `${sent} probes found ${found}`,
    severity: findings.length > 0 ? 'critical' : isSilent ? 'medium' : 'informational',
    // What was found has an event of its own; this one would only be counted twice.
    status: isSilent ? 'failure' : 'success',
    ...(isSilent ? { statusCode: 'probes-unanswered' } : {}),
    attributes: {
      scan: { name: 'self-probing', type_id: isScheduled ? 2 : 1 },
      start_time: startedAt,
      end_time: now,
      duration: durationMs,
      total: sent,
      num_detections: findings.length,
      num_trusted_items: refused,
      num_skipped_items: notProbed.length,
    },
    cordon: { unanswered, notProbed: notProbed.slice(0, 100) satisfies Json },
  });
}
