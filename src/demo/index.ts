/**
 * demo: a synthetic estate to look at: two clouds, twenty workloads, ten people, a day of traffic.
 *
 * Owns what `--demo` puts into an empty installation. Never touches one that holds anything, and never makes an account that somebody
 * could sign in to: its people have no credentials.
 */
export { type DemoSummary, type DemoTarget, holdsDemo, seedDemo } from './seed.ts';
export { DEMO_SOURCE } from './source.ts';
