import type { EntityJson } from '../../entity-store.ts';
import { type CedarQuestion, NEVER_SECONDS } from '../../mapping.ts';

/** Something that could be otherwise, in words and as a change of the question. */
export interface Act {
  /** For example `sign in with a passkey`. */
  readonly words: string;
  /** Whose it is: the person's own, of the request, a membership, or what is stored about the app. */
  readonly about: 'person' | 'request' | 'group' | 'app';
  /** At most one act of a slot makes sense: nobody signs in twice. */
  readonly slot: string;
  /** Among changes of equal size, the one that costs least is proposed. */
  readonly cost: number;
  readonly apply: (question: CedarQuestion) => CedarQuestion;
}

type Context = Readonly<Record<string, unknown>>;

/** Puts values into one record of the context, such as `session`. */
export function withContext(question: CedarQuestion, path: readonly string[], value: unknown): CedarQuestion {
  return { ...question, context: withPath(question.context, path, value) };
}

function withPath(record: Context, [key = '', ...rest]: readonly string[], value: unknown): Context {
  if (rest.length === 0) return { ...record, [key]: value };
  return { ...record, [key]: withPath(Object(record[key]) as Context, rest, value) };
}

/** Changes one entity of the question. */
export function withEntity(
  question: CedarQuestion,
  uid: { readonly type: string; readonly id: string },
  change: (entity: EntityJson) => EntityJson,
): CedarQuestion {
  const entities = question.entities.map((entity) =>
    entity.uid.type === uid.type && entity.uid.id === uid.id ? change(entity) : entity,
  );
  return { ...question, entities };
}

function merged(name: string, values: Context): Act['apply'] {
  return (question) => withContext(question, [name], { ...(Object(question.context[name]) as Context), ...values });
}

const STRENGTHS = {
  factor: {
    acr: 'urn:cordon:aal2',
    aal: 2,
    phishingResistant: false,
    deviceBoundKey: false,
    userVerified: false,
    amr: ['pwd', 'otp', 'mfa'],
  },
  passkey: {
    acr: 'urn:cordon:aal2-phr',
    aal: 2,
    phishingResistant: true,
    deviceBoundKey: false,
    userVerified: true,
    amr: ['swk', 'user', 'mfa'],
  },
  key: {
    acr: 'urn:cordon:aal3',
    aal: 3,
    phishingResistant: true,
    deviceBoundKey: true,
    userVerified: true,
    amr: ['hwk', 'user', 'mfa'],
  },
};

const HEALTHY = { known: true, managed: true, healthy: true, postureAgeSeconds: 0, failing: [] };
const BROWSER = { known: true, managed: false, healthy: false, postureAgeSeconds: NEVER_SECONDS, failing: [] };

/** What a person can do about session, device and risk, whatever the policies say. Each leaves a question that the product can ask. */
export const PERSONAL_ACTS: readonly Act[] = [
  act('sign in again', 'session', 1, merged('session', { ageSeconds: 0 })),
  act('sign in with a second factor', 'session', 2, merged('session', { ...STRENGTHS.factor, ageSeconds: 0 })),
  act('sign in with a passkey', 'session', 3, merged('session', { ...STRENGTHS.passkey, ageSeconds: 0 })),
  act(
    'sign in with a security key or a passkey that stays on its device',
    'session',
    4,
    merged('session', { ...STRENGTHS.key, ageSeconds: 0 }),
  ),
  act('use a device that Cordon knows', 'device', 3, merged('device', BROWSER)),
  act('let the device be checked again, healthy', 'device', 2, checkedAgain),
  act('use a managed, healthy device', 'device', 5, merged('device', HEALTHY)),
  act('wait until the risk has decayed', 'risk', 4, merged('risk', { user: 0, device: 0 })),
];

function act(words: string, slot: string, cost: number, apply: Act['apply']): Act {
  return { words, about: 'person', slot, cost, apply };
}

/** Only a managed device of the person can be made healthy; another one stays what it is. */
function checkedAgain(question: CedarQuestion): CedarQuestion {
  const { managed } = Object(question.context['device']) as { readonly managed?: unknown };
  return managed === true ? merged('device', HEALTHY)(question) : question;
}
