import { allowance, type Json } from '#base';
import { buildEvent, type OcsfEvent, type User } from '#model';
import type { ApiServices } from '../services.ts';
import type { DecisionClient } from './clients.ts';
import type { Evaluation, Sought } from './request.ts';
import { deny, type Verdict } from './verdict.ts';

type Services = Pick<ApiServices, 'clock' | 'journal' | 'onFailure' | 'hosts'>;

/** Decisions of one client that are written one by one, per second; all others are counted. */
const SAMPLES_PER_SECOND = 5;
/** Refused keys written per second. */
const REFUSALS_PER_SECOND = 5;
/** How often counts are written, milliseconds. */
const COUNT_EVERY_MS = 10_000;
/** Longest part of a client's text in an event, characters. */
const LONGEST = 200;

/** Who asks what, from where. */
export interface Asking {
  readonly client: DecisionClient;
  readonly model: string;
  readonly address: string;
  /** `X-Request-ID`, when there is one. */
  readonly requestId: string | undefined;
}

/**
 * Writes decisions to the journal, as API Activity (OCSF 6003). Cordon's own model: each one. Applications ask tens of thousands of times a
 * second, so of theirs a few a second are written whole, and all are counted: every 10 seconds one event per client and model.
 */
export interface DecisionRecorder {
  /** Begins the record of one request. */
  begin(asking: Asking): RequestRecord;
  /** A search and how many it found. */
  searched(asking: Asking, sought: Sought, question: Evaluation, count: number): void;
  /** A request without a key that is good, or by a client that may not ask there. */
  refused(refused: Refused): void;
  /** Writes the counts that have gathered, and ends. */
  close(): Promise<void>;
}

/** What is recorded of one request. */
export interface RequestRecord {
  /** The verdict that may be answered: a permit that must be recorded and cannot be becomes a denial `cannot-record`. */
  settle(question: Evaluation, verdict: Verdict): Verdict | Promise<Verdict>;
  /** Counts what was settled, and writes one of it, rather a denial than a permit, while there is room. */
  end(): void;
}

/** A request that was not answered. */
interface Refused {
  readonly address: string;
  readonly path: string;
  readonly client: DecisionClient | undefined;
}

interface Count {
  readonly asking: Asking;
  permits: number;
  denials: number;
}

/** Makes the recorder. */
export function createRecorder(services: Services): DecisionRecorder {
  const { clock, journal } = services;
  const counts = new Map<string, Count>();
  const samples = new Map<string, () => boolean>();
  const refusals = allowance(REFUSALS_PER_SECOND, clock.now);
  const write = async (event: OcsfEvent): Promise<boolean> => {
    try {
      await journal.append(event);
      return true;
    } catch {
      return false; // the journal itself says why
    }
  };
  const flush = async (): Promise<void> => {
    const gathered = [...counts.values()];
    counts.clear();
    samples.clear();
    await Promise.all(
      gathered.map(async (count) => {
        if (await write(countEvent(services, count))) return;
        // Told with the next ones, when the journal can be written again.
        const next = countOf(counts, count.asking);
        next.permits += count.permits;
        next.denials += count.denials;
      }),
    );
  };
  const timer = setInterval(() => void flush(), COUNT_EVERY_MS);
  timer.unref();
  const isSample = ({ client }: Asking): boolean => {
    let mine = samples.get(client.id);
    if (mine === undefined) {
      mine = allowance(SAMPLES_PER_SECOND, clock.now);
      samples.set(client.id, mine);
    }
    return mine();
  };
  const settleRecorded = async (decided: Decided): Promise<Verdict> => {
    const isWritten = await write(decisionEvent(services, decided));
    const { verdict } = decided;
    return isWritten || !verdict.isPermit || verdict.record?.isMust !== true ? verdict : deny('cannot-record');
  };
  return {
    begin: (asking) => {
      let [permits, denials] = [0, 0];
      let sample: Decided | undefined;
      return {
        settle: (question, verdict) => {
          if (verdict.record !== undefined) return settleRecorded({ asking, question, verdict });
          const isFirst = verdict.isPermit ? permits + denials === 0 : denials === 0;
          if (isFirst) sample = { asking, question, verdict };
          if (verdict.isPermit) permits += 1;
          else denials += 1;
          return verdict;
        },
        end: () => {
          if (sample === undefined) return;
          const count = countOf(counts, asking);
          count.permits += permits;
          count.denials += denials;
          if (isSample(asking)) void write(decisionEvent(services, sample));
        },
      };
    },
    searched: (asking, sought, question, count) => {
      if (isSample(asking)) void write(searchEvent(services, { asking, sought, question, count }));
    },
    refused: (refused) => {
      if (refusals()) void write(refusalEvent(services, refused));
    },
    close: async () => {
      clearInterval(timer);
      await flush();
    },
  };
}

function countOf(counts: Map<string, Count>, asking: Asking): Count {
  const key = `${asking.client.id} ${asking.model}`;
  let count = counts.get(key);
  if (count === undefined) {
    count = { asking, permits: 0, denials: 0 };
    counts.set(key, count);
  }
  return count;
}

interface Decided {
  readonly asking: Asking;
  readonly question: Evaluation;
  readonly verdict: Verdict;
}

function decisionEvent(services: Services, { asking, question, verdict }: Decided): OcsfEvent {
  const { isPermit, reasons, record } = verdict;
  const code = isPermit ? undefined : (reasons[0]?.code ?? 'internal');
  const { subject, action, resource } = question;
  const outcome = code === undefined ? 'permitted' : `denied (${code})`;
  const what = `${short(action.name)} ${short(resource.type)} ${short(resource.id)}`;
  return buildEvent({
    class: 'apiActivity',
    activity: 'read',
    time: services.clock.now(),
    message: `${asking.client.name} was told that ${short(subject.type)} ${short(subject.id)} is ${outcome}: ${what}`,
    severity: code === undefined ? 'informational' : 'low',
    status: code === undefined ? 'success' : 'failure',
    ...(code === undefined ? {} : { statusCode: code }),
    action: code === undefined ? 'allowed' : 'denied',
    attributes: {
      ...commonAttributes(services, asking, 'evaluation', record?.user),
      resources: [{ type: short(resource.type), uid: short(resource.id) }],
    },
    cordon: {
      ...record?.cordon,
      model: asking.model,
      subject: { type: short(subject.type), id: short(subject.id) },
      action: short(action.name),
      ...(isPermit ? {} : { reasons: reasons as unknown as Json }),
    },
  });
}

function searchEvent(
  services: Services,
  { asking, sought, question, count }: { asking: Asking; sought: Sought; question: Evaluation; count: number },
): OcsfEvent {
  const { subject, action, resource } = question;
  return buildEvent({
    class: 'apiActivity',
    activity: 'read',
    time: services.clock.now(),
    message: `${asking.client.name} searched for a ${sought} and found ${count}`,
    status: 'success',
    attributes: commonAttributes(services, asking, `search/${sought}`, undefined),
    cordon: {
      model: asking.model,
      subject: { type: short(subject.type), id: short(subject.id) },
      action: short(action.name),
      resource: { type: short(resource.type), id: short(resource.id) },
    },
  });
}

function countEvent(services: Services, { asking, permits, denials }: Count): OcsfEvent {
  return buildEvent({
    class: 'apiActivity',
    activity: 'read',
    time: services.clock.now(),
    message: `${asking.client.name} was told ${permits} permits and ${denials} denials of ${asking.model}`,
    status: 'success',
    attributes: {
      actor: { app_uid: asking.client.id, app_name: asking.client.name },
      dst_endpoint: { hostname: services.hosts.decisions },
      api: { operation: 'AuthZEN decisions, counted' },
    },
    cordon: { model: asking.model, permits, denials },
  });
}

function refusalEvent(services: Services, { address, path, client }: Refused): OcsfEvent {
  const who = client === undefined ? 'somebody without a key' : client.name;
  return buildEvent({
    class: 'apiActivity',
    activity: 'read',
    time: services.clock.now(),
    message: `${who} was refused to ask for decisions at ${short(path)}`,
    severity: 'low',
    status: 'failure',
    statusCode: client === undefined ? 'not-authenticated' : 'forbidden',
    action: 'denied',
    attributes: {
      actor: client === undefined ? { user: { uid: 'anonymous' } } : { app_uid: client.id, app_name: client.name },
      src_endpoint: { ip: address },
      dst_endpoint: { hostname: services.hosts.decisions },
      api: { operation: `POST ${short(path)}` },
    },
  });
}

function commonAttributes(
  { hosts }: Services,
  { client, address, requestId }: Asking,
  endpoint: string,
  user: User | undefined,
): { readonly [attribute: string]: Json } {
  const person = user === undefined ? {} : { user: { uid: user.id, email_addr: user.email, name: user.name } };
  return {
    actor: { app_uid: client.id, app_name: client.name },
    ...person,
    src_endpoint: { ip: address },
    dst_endpoint: { hostname: hosts.decisions },
    api: {
      operation: `POST /access/v1/${endpoint}`,
      ...(requestId === undefined ? {} : { request: { uid: short(requestId) } }),
    },
  };
}

function short(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
