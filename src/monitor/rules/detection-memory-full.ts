import { HOUR } from '../fields.ts';
import type { DetectionRule } from '../rule.ts';

/** Raised by the monitor itself; no event matches it. */
export const detectionMemoryFull: DetectionRule = {
  id: 'detection-memory-full',
  title: 'Detection ran out of memory',
  severity: 'medium',
  description:
    'So many different accounts and addresses were active at once that the oldest counts were given up before their window ended. Something slow may have been missed while this lasted.',
  attack: 'T1499.003',
  counts: 'counts given up before their window ended',
  windowMs: HOUR,
  threshold: 1,
  subjectKind: 'system',
  falsePositives: 'An installation far larger than this version is made for.',
  classes: [],
  match: () => undefined,
  detail: () => 'counts were given up before their window ended',
};
