import { factorIds, listed, MINUTE, networkOf, PASSWORD_FACTOR, textAt, within } from '../fields.ts';
import type { DetectionRule } from '../rule.ts';

const windowMs = 15 * MINUTE;
const REFUSALS: ReadonlySet<string | undefined> = new Set(['password-wrong', 'account-unknown', 'user-disabled']);

/** Somebody tries a few passwords on many accounts. */
export const passwordSpraying: DetectionRule = {
  id: 'password-spraying',
  title: 'Password spraying',
  severity: 'high',
  description:
    'One address gave wrong passwords for many accounts, existing or not. The alert names the address and the accounts; see whether one of them signed in from there.',
  attack: 'T1110.003',
  counts: 'accounts for which one address (IPv6: one /64) gave a wrong password',
  windowMs,
  threshold: 6,
  subjectKind: 'address',
  falsePositives: 'Many people behind one address after everybody had to choose a new password.',
  classes: ['authentication'],
  match(event) {
    if (!REFUSALS.has(event.status_code)) return undefined;
    const factors = factorIds(event);
    if (factors.length !== 1 || factors[0] !== PASSWORD_FACTOR) return undefined;
    const network = networkOf(textAt(event, 'src_endpoint', 'ip') ?? '');
    // The address that was typed, not the id: an account that exists and one that does not count alike.
    const account = textAt(event, 'user', 'email_addr') ?? textAt(event, 'user', 'uid');
    if (network === undefined || account === undefined) return undefined;
    return { key: network, subjectId: network, value: account };
  },
  detail: ({ subjectId, values }) =>
    `wrong passwords for ${values.length} accounts from ${subjectId} ${within(windowMs)}: ${listed(values)}`,
};
