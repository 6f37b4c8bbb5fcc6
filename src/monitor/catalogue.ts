import type { DetectionRule } from './rule.ts';

/** Every detection, in the order people see them. `docs/reference/detections.md` lists the same. */
export const RULES: readonly DetectionRule[] = [];
