/**
 * segmentation: who may connect to whom between workloads, from intent to packet filters.
 *
 * Owns segments, the plan made of Cedar `connect` policies, traces, host firewall programs, their verification by independent
 * semantics, quarantine, and what existing networks let through. Never opens what it does not understand: an unknown clause,
 * address or rule is a named problem and denied. Never touches a host itself; agents apply programs.
 */
export { hostProgram, type Program } from './host-program.ts';
export type { ConnectPolicy } from './intent.ts';
export { planMatrix, type PlanMatrix, planText } from './plan-text.ts';
export { type ExternalTraffic, type Plan, type PlanInput, planSegments } from './plan.ts';
export { planInputs, quarantineWorkload, releaseWorkload } from './quarantine.ts';
export { reachAws, type ReachFlow, type ReachPair, type ReachReport } from './reach-aws.ts';
export { type Trace, traceFlow } from './trace.ts';
export { verifyProgram } from './verify.ts';
