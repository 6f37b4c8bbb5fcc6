import { factorIds, HOUR, MINUTE, networkOf, PASSWORD_FACTOR, shortened, textAt, userName, within } from '../fields.ts';
import type { DetectionRule } from '../rule.ts';

const windowMs = 10 * MINUTE;

/** Somebody tries passwords for one account. */
export const passwordGuessing: DetectionRule = {
  id: 'password-guessing',
  title: 'Password guessing',
  severity: 'medium',
  description:
    'One address gave wrong passwords for one account, again and again. The account is a medium risk for a while, so what asks for low risk is closed to it.',
  attack: 'T1110.001',
  counts: 'wrong passwords for one account from one address (IPv6: one /64)',
  windowMs,
  threshold: 6,
  subjectKind: 'user',
  risk: { score: 35, halfLifeMs: 3 * HOUR },
  falsePositives: 'A person who has forgotten the password, or a program that still uses an old one.',
  classes: ['authentication'],
  match(event) {
    if (event.status_code !== 'password-wrong' || factorIds(event)[0] !== PASSWORD_FACTOR) return undefined;
    const userId = textAt(event, 'user', 'uid');
    if (userId === undefined) return undefined;
    // Without an address (a Unix socket) all attempts are one attacker's.
    const network = networkOf(textAt(event, 'src_endpoint', 'ip') ?? '') ?? 'no address';
    return { key: `${userId} ${network}`, subjectId: userId, value: event.metadata.uid };
  },
  detail({ subjectId, values, event, graph }) {
    const from = shortened(textAt(event, 'src_endpoint', 'ip') ?? 'no address');
    return `${values.length} wrong passwords for ${userName(graph, subjectId)} from ${from} ${within(windowMs)}`;
  },
};
