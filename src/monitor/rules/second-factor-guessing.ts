import { factorIds, HOUR, MINUTE, PASSWORD_FACTOR, shortened, textAt, userName, within } from '../fields.ts';
import type { DetectionRule } from '../rule.ts';

const windowMs = 15 * MINUTE;
const REFUSALS: ReadonlySet<string | undefined> = new Set(['code-wrong', 'passkey-refused']);

/** Somebody knows the password and tries the second factor. */
export const secondFactorGuessing: DetectionRule = {
  id: 'second-factor-guessing',
  title: 'Second factor guessing',
  severity: 'high',
  description:
    'Wrong second factors followed the right password: somebody else probably knows it. The account is a high risk until it decays; have the person choose a new password.',
  attack: 'T1110.001',
  counts: 'wrong second factors for one account after the right password',
  windowMs,
  threshold: 4,
  subjectKind: 'user',
  risk: { score: 85, halfLifeMs: 4 * HOUR },
  falsePositives: 'An authenticator app on a phone whose clock is wrong.',
  classes: ['authentication'],
  match(event) {
    if (!REFUSALS.has(event.status_code)) return undefined;
    const factors = factorIds(event);
    // Only behind a password: without one, anybody could do this to anybody.
    if (factors.length < 2 || factors[0] !== PASSWORD_FACTOR) return undefined;
    const userId = textAt(event, 'user', 'uid');
    return userId === undefined ? undefined : { key: userId, subjectId: userId, value: event.metadata.uid };
  },
  detail({ subjectId, values, event, graph }) {
    const from = shortened(textAt(event, 'src_endpoint', 'ip') ?? 'no address');
    return `${values.length} wrong second factors for ${userName(graph, subjectId)} after the right password ${within(windowMs)}, last from ${from}`;
  },
};
