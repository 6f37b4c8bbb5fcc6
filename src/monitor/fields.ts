import { formatAddress, formatCidr, formatDuration, isJsonObject, type Json, parseAddress } from '#base';
import type { OcsfEvent, TrustGraph } from '#model';

/** The value at a path of an event; undefined when anything on the way is missing. */
export function valueAt(event: OcsfEvent, ...path: readonly string[]): Json | undefined {
  let value: unknown = event;
  for (const name of path) {
    if (!isJsonObject(value)) return undefined;
    value = Object.hasOwn(value, name) ? value[name] : undefined;
  }
  // An event is JSON by construction: what is inside of it is too.
  return value as Json | undefined;
}

/** The text at a path of an event; undefined when it is missing, empty or something else. */
export function textAt(event: OcsfEvent, ...path: readonly string[]): string | undefined {
  const value = valueAt(event, ...path);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The OCSF ids of the factors of an authentication event, in order. */
export function factorIds(event: OcsfEvent): readonly number[] {
  const factors = valueAt(event, 'auth_factors');
  if (!Array.isArray(factors)) return [];
  return factors.flatMap((factor) => {
    const id = isJsonObject(factor) ? factor['factor_type_id'] : undefined;
    return typeof id === 'number' ? [id] : [];
  });
}

/** OCSF `auth_factor.factor_type_id` of a password. */
export const PASSWORD_FACTOR = 11;

/** The network an address stands for: itself, or its /64, because whoever has one IPv6 address has 2^64 of them. */
export function networkOf(address: string): string | undefined {
  const parsed = parseAddress(address, { mapped: 'unmap' });
  if (!parsed.ok) return undefined;
  const { family, value } = parsed.value;
  if (family === 4) return formatAddress(parsed.value);
  return formatCidr({ family, value: (value >> 64n) << 64n, prefix: 64 });
}

const LISTED = 8;
const LISTED_LENGTH = 80;

/** Names for a sentence, the last ones when there are many. They may come from an attacker: control characters go, and each is cut. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(-LISTED).map(shortened);
  const rest = names.length - shown.length;
  return rest > 0 ? `${shown.join(', ')} and ${rest} more` : shown.join(', ');
}

/** A text somebody else chose, fit for one line. */
export function shortened(text: string): string {
  const clean = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\uFFFD');
  return clean.length > LISTED_LENGTH ? `${clean.slice(0, LISTED_LENGTH - 1)}…` : clean;
}

/** What people call a user: the e-mail address while there is one. */
export function userName(graph: TrustGraph, userId: string): string {
  return graph.get('user', userId)?.email ?? userId;
}

/** What people call a workload. */
export function workloadName(graph: TrustGraph, workloadId: string): string {
  return graph.get('workload', workloadId)?.name ?? workloadId;
}

/** A window in words. */
export function within(windowMs: number): string {
  return `within ${formatDuration(windowMs)}`;
}

const SECOND = 1000;
/** A minute, milliseconds. */
export const MINUTE: number = 60 * SECOND;
/** An hour, milliseconds. */
export const HOUR: number = 60 * MINUTE;
