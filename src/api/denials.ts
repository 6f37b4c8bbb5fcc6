import type { FastifyRequest } from 'fastify';
import { allowance, type Json } from '#base';
import { buildEvent, type OcsfEvent, type Reason, type User } from '#model';
import { addressOf } from './caller.ts';
import type { ApiServices } from './services.ts';

/** Denials written per second about people who are not signed in, and about one person who is. More are not written. */
const ANONYMOUS_PER_SECOND = 5;
const PERSON_PER_SECOND = 10;
/** People whose rate is remembered at a time. */
const REMEMBERED = 1000;

/** What was denied. */
export interface DenialRecord {
  readonly request: FastifyRequest;
  readonly host: string;
  readonly reasons: readonly Reason[];
  /** The person, when one is signed in. */
  readonly user: User | undefined;
  /** Goes to `unmapped.cordon`. */
  readonly cordon?: { readonly [key: string]: Json };
}

/** Writes denials of Cordon's own hosts to the journal, as API Activity (OCSF 6003). */
export interface Denials {
  /** Resolves when the event is on disk, or was left out. Never rejects: the denial stands either way. */
  record(denial: DenialRecord): Promise<void>;
}

/** Makes the recorder. Whoever is denied must not be able to fill the disk by asking again and again. */
export function createDenials(services: Pick<ApiServices, 'clock' | 'journal' | 'onFailure'>): Denials {
  const now = (): number => services.clock.now();
  const anonymous = allowance(ANONYMOUS_PER_SECOND, now);
  const people = new Map<string, () => boolean>();
  const hasRoom = (user: User | undefined): boolean => {
    if (user === undefined) return anonymous();
    const mine = people.get(user.id) ?? allowance(PERSON_PER_SECOND, now);
    people.delete(user.id);
    people.set(user.id, mine);
    for (const oldest of people.keys()) {
      if (people.size <= REMEMBERED) break;
      people.delete(oldest);
    }
    return mine();
  };
  return {
    record: async (denial) => {
      if (!hasRoom(denial.user)) return;
      try {
        await services.journal.append(denialEvent(denial, now()));
      } catch (error) {
        services.onFailure(error, denial.request.id);
      }
    },
  };
}

const ACTIVITIES: Readonly<Record<string, 'read' | 'create' | 'update' | 'delete'>> = {
  GET: 'read',
  POST: 'create',
  PUT: 'update',
  DELETE: 'delete',
};

function denialEvent({ request, host, reasons, user, cordon }: DenialRecord, time: number): OcsfEvent {
  const code = reasons[0]?.code ?? 'no-permit';
  // Never the query: it may hold secrets.
  const path = (request.url.split('?')[0] ?? '').slice(0, 1024);
  const person = user === undefined ? undefined : { uid: user.id, email_addr: user.email, name: user.name };
  return buildEvent({
    class: 'apiActivity',
    activity: ACTIVITIES[request.method] ?? 'other',
    time,
    message: `${user?.email ?? 'somebody'} was denied (${code}) ${request.method} ${host}${path}`,
    severity: 'low',
    status: 'failure',
    statusCode: code,
    action: 'denied',
    correlationId: request.id,
    attributes: {
      actor: person === undefined ? { user: { uid: 'anonymous' } } : { user: person },
      ...(person === undefined ? {} : { user: person }),
      src_endpoint: { ip: addressOf(request.raw) },
      dst_endpoint: { hostname: host },
      api: { operation: `${request.method} ${request.routeOptions.url ?? path}` },
      http_request: { http_method: request.method, url: { hostname: host, path } },
    },
    cordon: cordon ?? { reasons: reasons as unknown as Json },
  });
}
