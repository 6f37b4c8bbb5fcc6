import type { Posture } from '#model';
import type { Facts } from '#wire';
import { type PostureCheck, resultOf } from './check.ts';
import { diskEncryption } from './disk-encryption.ts';
import { firewall } from './firewall.ts';
import { osVersion } from './os-version.ts';
import { securityUpdates } from './security-updates.ts';
import { sshd } from './sshd.ts';
import { timeSync } from './time-sync.ts';

/** Every posture check, in the order results are shown. `docs/reference/posture.md` lists the same. */
export const POSTURE_CHECKS: readonly PostureCheck[] = [
  osVersion,
  securityUpdates,
  diskEncryption,
  firewall,
  sshd,
  timeSync,
];

/** Judges facts: any fail is `unhealthy`; else a required check that is unknown is `unknown`; else `healthy`. */
export function judgeFacts(facts: Facts, o: { collectedAt: number; now: number }): Posture {
  const judged = POSTURE_CHECKS.map((check) => ({ check, judgement: check.judge(facts, o.now) }));
  const failed = judged.some(({ judgement }) => judgement.outcome === 'fail');
  const open = judged.some(({ check, judgement }) => check.required && judgement.outcome === 'unknown');
  return {
    collectedAt: o.collectedAt,
    results: judged.map(({ check, judgement }) => resultOf(check, judgement)),
    verdict: failed ? 'unhealthy' : open ? 'unknown' : 'healthy',
  };
}
