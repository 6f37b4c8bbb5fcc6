import { z } from 'zod';
import type { ControlOutput } from '../client.ts';
import { amount } from '../parts/time.ts';

/** An event of the journal as the API gives it. */
export type Event = ControlOutput<'events'>['items'][number];

/** OCSF class of a request through the gateway. */
export const HTTP_ACTIVITY = 4002;

const text = z.string().catch('');
const reason = z.looseObject({
  code: z.string(),
  detail: z.string().optional(),
  policyId: z.string().optional(),
  remedy: z.string().optional(),
});

/** What of an event a person reads. Events of other versions lack some of it, so that nothing here is required. */
const readable = z.looseObject({
  action_id: z.number().optional().catch(undefined),
  status_id: z.number().optional().catch(undefined),
  status_code: text,
  status_detail: text,
  activity_name: text,
  duration: z.number().optional().catch(undefined),
  cumulative_traffic: z.looseObject({ bytes_out: z.number(), bytes_in: z.number() }).optional().catch(undefined),
  actor: z
    .looseObject({ user: z.looseObject({ email_addr: text, name: text, uid: text }).optional() })
    .optional()
    .catch(undefined),
  user: z.looseObject({ email_addr: text, name: text, uid: text }).optional().catch(undefined),
  src_endpoint: z.looseObject({ ip: text }).optional().catch(undefined),
  http_request: z
    .looseObject({
      http_method: text,
      url: z.looseObject({ path: text, hostname: text }).optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
  unmapped: z
    .looseObject({
      cordon: z
        .looseObject({
          who: text,
          what: text,
          end: z
            .looseObject({ by: text, whole: z.boolean().catch(true) })
            .optional()
            .catch(undefined),
          request: z
            .looseObject({
              context: z.looseObject({ method: text, path: text, host: text }).optional().catch(undefined),
            })
            .nullish()
            .catch(undefined),
          decision: z
            .looseObject({
              effect: text,
              reasons: z.array(reason).catch([]),
              policies: z.array(z.string()).catch([]),
              errors: z.array(z.looseObject({ policyId: text, message: text })).catch([]),
              policyVersion: z.number().optional().catch(undefined),
              graphSeq: z.number().optional().catch(undefined),
            })
            .optional()
            .catch(undefined),
        })
        .optional()
        .catch(undefined),
    })
    .optional()
    .catch(undefined),
});

/** A line of the live list. */
export interface EventLine {
  readonly id: string;
  readonly time: number;
  readonly classId: number;
  readonly message: string;
  /** `end`: what was let in before has ended. */
  readonly outcome: 'permit' | 'deny' | 'failure' | 'end' | 'none';
  readonly who: string;
  readonly what: string;
  readonly request: string;
  readonly address: string;
  readonly reasons: readonly {
    readonly code: string;
    readonly detail?: string | undefined;
    readonly policyId?: string | undefined;
    readonly remedy?: string | undefined;
  }[];
  readonly policies: readonly string[];
  readonly errors: readonly { readonly policyId: string; readonly message: string }[];
  readonly policyVersion: number | undefined;
  /** How long something was open, how much went each way and who ended it; empty where the event says none of it. */
  readonly lasted: string;
  readonly correlationId: string | undefined;
  readonly event: Event;
}

/** Reads an event for people. */
export function eventLine(event: Event): EventLine {
  const parsed = readable.safeParse(event);
  const data = parsed.success ? parsed.data : readable.parse({});
  const { cordon } = data.unmapped ?? {};
  const decision = cordon?.decision;
  const context = cordon?.request?.context;
  const person = data.actor?.user ?? data.user;
  const who = cordon?.who || person?.email_addr || person?.name || person?.uid || '';
  const what = cordon?.what || data.http_request?.url?.hostname || context?.host || '';
  const method = data.http_request?.http_method || context?.method || '';
  const path = data.http_request?.url?.path || context?.path || '';
  const codes = data.status_code === '' ? [] : [{ code: data.status_code }];
  return {
    id: event.metadata.uid,
    time: event.time,
    classId: event.class_uid,
    message: event.message,
    outcome: cordon?.end === undefined ? outcomeOf(data.action_id, data.status_id, decision?.effect) : ('end' as const),
    who: who !== '' || what === '' || event.class_uid !== HTTP_ACTIVITY ? who : 'somebody',
    what,
    request: `${method} ${path}`.trim(),
    address: data.src_endpoint?.ip ?? '',
    reasons: decision === undefined || decision.reasons.length === 0 ? codes : decision.reasons,
    policies: decision?.policies ?? [],
    errors: decision?.errors ?? [],
    policyVersion: decision?.policyVersion,
    lasted: lastedOf(data),
    correlationId: event.metadata.correlation_uid,
    event,
  };
}

const ENDERS: Readonly<Record<string, string>> = {
  client: 'ended by the client',
  app: 'ended by the app',
  deadline: 'ended by a deadline',
};

function lastedOf({ duration, cumulative_traffic: traffic, unmapped }: z.infer<typeof readable>): string {
  if (duration === undefined) return '';
  const end = unmapped?.cordon?.end;
  return [
    `open for ${amount(duration)}`,
    ...(traffic === undefined ? [] : [`${bytes(traffic.bytes_out)} to the app`, `${bytes(traffic.bytes_in)} back`]),
    ...(end === undefined ? [] : [ENDERS[end.by] ?? 'ended']),
    ...(end?.whole === false ? ['broken off'] : []),
  ].join(', ');
}

function bytes(count: number): string {
  return `${count.toLocaleString('en')} ${count === 1 ? 'byte' : 'bytes'}`;
}

function outcomeOf(
  action: number | undefined,
  status: number | undefined,
  effect: string | undefined,
): EventLine['outcome'] {
  if (effect === 'permit' || effect === 'forbid') return effect === 'permit' ? 'permit' : 'deny';
  if (action === 1) return 'permit';
  if (action === 2) return 'deny';
  return status === 2 ? 'failure' : 'none';
}
