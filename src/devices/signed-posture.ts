import type { KeyObject } from 'node:crypto';
import { compactVerify } from 'jose';
import { err, ok, type Problem, type Result } from '#base';
import { parseMessage, POSTURE_TYPE, type PostureClaims, type Report } from '#wire';
import type { DeviceMemory } from './device-memory.ts';

/** How far the clock of a host may be from ours, and how old a signature may be. */
export const FRESH_MS = 2 * 60_000;
/** How long before it was signed a posture may have been collected: looking takes a while. */
const COLLECTING_MS = 5 * 60_000;
/** `iat` counts whole seconds. */
const SECOND = 1000;

/**
 * Verifies a signed posture: by the device's key, of the right type, fresh, for this device and this report. `err`: `posture-invalid`,
 * `posture-stale`. Whether it was seen before is `admit`'s to say.
 * @see RFC 7515 section 5.2, RFC 7519 section 4.1
 */
export async function verifyPosture(
  report: Report,
  o: { readonly deviceId: string; readonly key: KeyObject; readonly now: number },
): Promise<Result<PostureClaims, Problem>> {
  const payload = await verifiedPayload(report.posture, o.key);
  if (payload === undefined) return invalid('is not signed by the key of the device');
  const parsed = parseMessage('postureClaims', payload);
  if (!parsed.ok) return invalid(`does not hold its claims: ${parsed.error[0]?.message ?? ''}`);
  const claims = parsed.value;
  const signedAt = claims.iat * SECOND;
  if (claims.sub !== o.deviceId) return invalid('is of another device');
  if (claims.sequence !== report.sequence || claims.collectedAt !== report.collectedAt) {
    return invalid('belongs to another report');
  }
  if (Math.abs(o.now - signedAt) > FRESH_MS) return stale('was not signed within the last two minutes');
  if (claims.collectedAt >= signedAt + SECOND) return invalid('was signed before it was collected');
  if (claims.collectedAt < signedAt - COLLECTING_MS) return stale('was collected long before it was signed');
  return ok(claims);
}

async function verifiedPayload(jws: string, key: KeyObject): Promise<string | undefined> {
  try {
    // INVARIANT: the key is the one that was enrolled; a key in the header counts for nothing.
    const { payload, protectedHeader } = await compactVerify(jws, key, { algorithms: ['ES256'] });
    // Whatever else the key may sign, now or later, is no posture.
    if (protectedHeader.typ !== POSTURE_TYPE) return undefined;
    return new TextDecoder('utf-8', { fatal: true }).decode(payload);
  } catch {
    // Malformed, another algorithm, a wrong signature, not UTF-8: there is nothing to be believed, and no more to be said.
    return undefined;
  }
}

/**
 * Admits verified claims once. Without an await, so that of two equal reports exactly one is admitted. `err`: `posture-replayed`.
 * A restart forgets what was seen since the sequence was last stored. Nothing is gained by that: whatever changes a verdict stores it.
 */
export function admit(memory: DeviceMemory, claims: PostureClaims, now: number): Result<PostureClaims, Problem> {
  const { jti, sequence } = claims;
  if (sequence <= memory.sequence || memory.seen.has(jti)) {
    return err({
      code: 'posture-replayed',
      message: 'the report, or a later one of this device, was seen before',
      hint: 'when the state of the agent was restored from a copy, enrol the host again',
    });
  }
  memory.sequence = sequence;
  memory.seen.set(jti, now + 2 * FRESH_MS);
  return ok(claims);
}

function invalid(why: string): Result<never, Problem> {
  return err({
    code: 'posture-invalid',
    message: `the posture ${why}`,
    hint: 'restart the agent; when it stays, enrol the host again',
  });
}

function stale(why: string): Result<never, Problem> {
  return err({
    code: 'posture-stale',
    message: `the posture ${why}`,
    hint: 'check the clock of the host and of the server',
  });
}
