import type { DetectionRule } from './rule.ts';
import { deniedAccessBurst } from './rules/denied-access-burst.ts';
import { detectionMemoryFull } from './rules/detection-memory-full.ts';
import { distributedGuessing } from './rules/distributed-guessing.ts';
import { passwordGuessing } from './rules/password-guessing.ts';
import { passwordSpraying } from './rules/password-spraying.ts';
import { portProbe } from './rules/port-probe.ts';
import { routeExposed } from './rules/route-exposed.ts';
import { secondFactorGuessing } from './rules/second-factor-guessing.ts';

/** Every detection, in the order people see them. `docs/reference/detections.md` lists the same. */
export const RULES: readonly DetectionRule[] = [
  passwordGuessing,
  distributedGuessing,
  passwordSpraying,
  secondFactorGuessing,
  portProbe,
  deniedAccessBurst,
  routeExposed,
  detectionMemoryFull,
];
