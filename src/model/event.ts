import { type Json, newId } from '#base';

/** The OCSF release all events follow. */
export const OCSF_VERSION = '1.8.0';

/** The event classes Cordon writes: OCSF class uid and the ids of the activities used. */
export const EVENT_CLASSES = {
  detectionFinding: { uid: 2004, activities: { create: 1, update: 2, close: 3 } },
  authentication: { uid: 3002, activities: { logon: 1, logoff: 2, other: 99 } },
  authorizeSession: { uid: 3003, activities: { assignPrivileges: 1, assignGroups: 2 } },
  entityManagement: {
    uid: 3004,
    activities: {
      create: 1,
      read: 2,
      update: 3,
      delete: 4,
      enroll: 6,
      unenroll: 7,
      enable: 8,
      disable: 9,
      activate: 10,
      deactivate: 11,
      other: 99,
    },
  },
  networkActivity: { uid: 4001, activities: { open: 1, close: 2, reset: 3, fail: 4, refuse: 5, traffic: 6 } },
  httpActivity: {
    uid: 4002,
    // Cordon's names for "other": `cut`, an open exchange was ended because the answer changed; `end`, one that was open for long has ended.
    activities: {
      connect: 1,
      delete: 2,
      get: 3,
      head: 4,
      options: 5,
      post: 6,
      put: 7,
      trace: 8,
      patch: 9,
      cut: 99,
      end: 99,
      other: 99,
    },
  },
  deviceConfigStateChange: { uid: 5019, activities: { log: 1 } },
  cloudInventory: { uid: 5023, activities: { log: 1, collect: 2 } },
  apiActivity: { uid: 6003, activities: { create: 1, read: 2, update: 3, delete: 4, other: 99 } },
  scanActivity: { uid: 6007, activities: { completed: 2, error: 6 } },
  remediation: { uid: 7001, activities: { isolate: 1, evict: 2, restore: 3 } },
  networkRemediation: { uid: 7004, activities: { isolate: 1, evict: 2, restore: 3 } },
} as const;

/** The name of an event class in `EVENT_CLASSES`. */
export type EventClass = keyof typeof EVENT_CLASSES;

const SEVERITIES = { unknown: 0, informational: 1, low: 2, medium: 3, high: 4, critical: 5 } as const;
/** OCSF's numbers for how something ended. */
export const STATUSES = { unknown: 0, success: 1, failure: 2 } as const;
/** OCSF's numbers for what was done about something. */
export const ACTIONS = { unknown: 0, allowed: 1, denied: 2, observed: 3, modified: 4 } as const;

/** One OCSF event. Only what every event has is typed; the classes' own attributes stand beside it by their OCSF names. */
export interface OcsfEvent {
  readonly activity_id: number;
  readonly activity_name: string;
  readonly category_uid: number;
  readonly class_uid: number;
  readonly type_uid: number;
  readonly severity_id: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly message: string;
  readonly metadata: {
    readonly uid: string;
    readonly version: string;
    readonly product: { readonly name: string; readonly vendor_name: string };
    readonly correlation_uid?: string;
    readonly profiles?: readonly string[];
  };
  readonly status_id?: number;
  /** Reason code of the catalogue, when the event records a refusal. */
  readonly status_code?: string;
  readonly action_id?: number;
  readonly actor?: Json;
  readonly user?: Json;
  readonly device?: Json;
  readonly src_endpoint?: Json;
  readonly dst_endpoint?: Json;
  /** Cordon's own attributes, under `unmapped.cordon`. */
  readonly unmapped?: { readonly cordon: { readonly [key: string]: Json } };
  readonly [attribute: string]: Json | undefined;
}

/** What a caller says about an event; the rest follows from the class. */
export interface EventInput<C extends EventClass> {
  readonly class: C;
  readonly activity: keyof (typeof EVENT_CLASSES)[C]['activities'] & string;
  readonly time: number;
  readonly message: string;
  readonly severity?: keyof typeof SEVERITIES;
  readonly status?: keyof typeof STATUSES;
  readonly statusCode?: string;
  readonly action?: keyof typeof ACTIONS;
  readonly correlationId?: string;
  /** Attributes of the class, by their OCSF names. */
  readonly attributes?: { readonly [attribute: string]: Json };
  /** Goes to `unmapped.cordon`. */
  readonly cordon?: { readonly [key: string]: Json };
}

/** Builds an OCSF event; `metadata.uid` is new and unique. */
export function buildEvent<C extends EventClass>(input: EventInput<C>): OcsfEvent {
  return {
    ...kindOf(input),
    time: input.time,
    message: input.message,
    metadata: {
      uid: newId('evt', input.time),
      version: OCSF_VERSION,
      product: { name: 'Cordon', vendor_name: 'Cordon' },
      ...(input.correlationId === undefined ? {} : { correlation_uid: input.correlationId }),
      ...(input.action === undefined ? {} : { profiles: ['security_control'] }),
    },
    ...(input.status === undefined ? {} : { status_id: STATUSES[input.status] }),
    ...(input.statusCode === undefined ? {} : { status_code: input.statusCode }),
    ...(input.action === undefined ? {} : { action_id: ACTIONS[input.action] }),
    ...input.attributes,
    ...(input.cordon === undefined ? {} : { unmapped: { cordon: input.cordon } }),
  };
}

/** How an event begins: what it is, without when and about whom. */
export function kindOf<C extends EventClass>({
  class: name,
  activity,
  severity = 'informational',
}: Pick<EventInput<C>, 'class' | 'activity' | 'severity'>): Pick<
  OcsfEvent,
  'activity_id' | 'activity_name' | 'category_uid' | 'class_uid' | 'type_uid' | 'severity_id'
> {
  const { uid, activities } = EVENT_CLASSES[name];
  const activityId = (activities as Readonly<Record<string, number>>)[activity] ?? 0;
  return {
    activity_id: activityId,
    activity_name: activity,
    category_uid: Math.floor(uid / 1000),
    class_uid: uid,
    type_uid: uid * 100 + activityId,
    severity_id: SEVERITIES[severity],
  };
}
