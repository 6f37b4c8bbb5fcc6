/**
 * monitor: what the journal means.
 *
 * Owns the catalogue of detections, the windows they count in, alerts, the risk held against people, devices and workloads, and
 * what the response rules do about it. It learns of everything from the journal and tells everything through the store and the journal.
 * Never talks to the gateway, never denies a request itself, never judges its own events, and never forgets a detection silently.
 */
export { createMonitor, type Monitor, type MonitorOptions } from './monitor.ts';
export { RULES } from './catalogue.ts';
export type { RuleSummary } from './rule.ts';
