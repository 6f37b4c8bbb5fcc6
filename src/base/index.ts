/**
 * base: the words every other area is written in, and none of the domain's.
 *
 * Owns results and coded errors, the clock, ids and secrets, durations, JSON with positions, addresses and interval sets.
 * Never knows what a user, a policy or an asset is, and never keeps state.
 */
export { allowance, allowances } from './allowance.ts';
export {
  type Address,
  type Cidr,
  cidrContains,
  formatAddress,
  formatCidr,
  hostCidr,
  lastAddress,
  parseAddress,
  parseCidr,
} from './cidr.ts';
export { type Clock, type ManualClock, manualClock, systemClock } from './clock.ts';
export { formatDuration, parseDuration } from './duration.ts';
export { CordonError, formatProblem, type Problem, type SourceSpan } from './error.ts';
export { flat } from './flat.ts';
export { hashToken, newId, newToken, randomOctets, secretsEqual } from './id.ts';
export {
  formatPorts,
  type PortSet,
  portSet,
  type Range,
  type RangeAlgebra,
  type RangeSet,
  rangeAlgebra,
} from './interval-set.ts';
export { type IpSet, ipSet, ipSetHas, ipSetOf, ipSetToCidrs, ipSetToRanges } from './ip-set.ts';
export { canonicalJson, isJsonObject, type Json, parseJson } from './json.ts';
export { Listeners } from './listeners.ts';
export { Made } from './made.ts';
export { tuneMemory } from './memory.ts';
export { namesNoHost } from './no-host.ts';
export { assertNever, err, ok, type Result } from './result.ts';
