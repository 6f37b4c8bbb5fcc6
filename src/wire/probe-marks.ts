import { createHmac } from 'node:crypto';
import { type Clock, newToken, secretsEqual } from '#base';

/** Name of the field in which a probe says what it is, and an answer of Cordon's own whose it is. No upstream sees or sets it. */
export const PROBE_FIELD = 'x-cordon-probe';

/** How long a probe is one, milliseconds. */
const VALID_MS = 30_000;

/** Probes remembered as answered; the oldest is forgotten first. */
const MOST_ANSWERED = 65_536;

/** What a prober sends, and what only Cordon can answer. */
export interface Probe {
  /** Name of the field, in the question as in the answer. */
  readonly name: string;
  readonly field: string;
  readonly answer: string;
}

/**
 * Lets Cordon know its own probes, and a probe know Cordon's own answers. Both are sealed with a key that never leaves the process
 * (attack: a stranger whose requests are taken for probes leaves no trace; an upstream whose answer is taken for a refusal hides a hole).
 */
export interface ProbeMarks {
  /** A probe that nobody has sent yet. */
  ask(): Probe;
  /**
   * The seal for an answer to a request that carries this field; undefined when it is no probe of ours, an old one, or one that was
   * answered already (attack: to see a probe on its way through another proxy, and to ask without a trace in its name).
   */
  answerTo(field: string | undefined): string | undefined;
}

/** Makes the marks of everybody who holds the key: the process that probes and those that answer. */
export function createProbeMarks({ key, clock }: { readonly key: Buffer; readonly clock: Clock }): ProbeMarks {
  const seal = (purpose: string, text: string): string =>
    createHmac('sha256', key).update(`${purpose} ${text}`).digest('base64url');
  /** When each may be forgotten; in the order in which they were answered. */
  const answered = new Map<string, number>();
  const isFirst = (text: string): boolean => {
    const now = clock.now();
    for (const [old, until] of answered) {
      if (now <= until && answered.size < MOST_ANSWERED) break;
      answered.delete(old);
    }
    if (answered.has(text)) return false;
    answered.set(text, now + VALID_MS);
    return true;
  };
  return {
    ask: () => {
      const text = `${clock.now()}.${newToken()}`;
      return { name: PROBE_FIELD, field: `${text}.${seal('ask', text)}`, answer: seal('answer', text) };
    },
    answerTo: (field) => {
      const read = field === undefined ? null : /^((\d{1,15})\.[\w-]{43})\.([\w-]{43})$/.exec(field);
      if (read === null) return undefined;
      const [, text = '', time, sealed = ''] = read;
      if (!secretsEqual(seal('ask', text), sealed)) return undefined;
      const age = clock.now() - Number(time);
      return age >= 0 && age <= VALID_MS && isFirst(text) ? seal('answer', text) : undefined;
    },
  };
}
