import { factorIds, HOUR, listed, networkOf, PASSWORD_FACTOR, textAt, userName, within } from '../fields.ts';
import type { DetectionRule } from '../rule.ts';

const windowMs = HOUR;

/** Somebody tries passwords for one account from many places, to stay below the threshold of each. */
export const distributedGuessing: DetectionRule = {
  id: 'distributed-guessing',
  title: 'Password guessing from many addresses',
  severity: 'medium',
  description:
    'Wrong passwords for one account came from many addresses. Whoever has a botnet guesses like this, to stay below what one address may do.',
  attack: 'T1110.001',
  counts: 'addresses (IPv6: /64) that gave a wrong password for one account',
  windowMs,
  threshold: 5,
  subjectKind: 'user',
  risk: { score: 34, halfLifeMs: 3 * HOUR },
  falsePositives: 'A person who travels with an old password stored on several devices.',
  classes: ['authentication'],
  match(event) {
    if (event.status_code !== 'password-wrong' || factorIds(event)[0] !== PASSWORD_FACTOR) return undefined;
    const userId = textAt(event, 'user', 'uid');
    const network = networkOf(textAt(event, 'src_endpoint', 'ip') ?? '');
    if (userId === undefined || network === undefined) return undefined;
    return { key: userId, subjectId: userId, value: network };
  },
  detail: ({ subjectId, values, graph }) =>
    `wrong passwords for ${userName(graph, subjectId)} from ${values.length} addresses ${within(windowMs)}: ${listed(values)}`,
};
