import { type Exchange, type GatewayParts, need, type Refusal } from '../exchange.ts';
import { cutRefusal } from '../forward-http.ts';
import { changeSince } from '../judge.ts';
import type { LiveEntry } from '../live.ts';
import { decide, isFresh } from '../passage.ts';
import { denied } from './decide.ts';

/** Decides again when anything may have changed since the decision, while the journal was waited for. The refusal, or undefined to go on. */
export function lookAgain(
  exchange: Exchange,
  parts: GatewayParts,
  opened: Pick<LiveEntry, 'access' | 'appSessionId' | 'origin'>,
): Refusal | undefined {
  const basis = parts.basis();
  if (isFresh(need(exchange, 'decision'), basis)) return undefined;
  const changed = changeSince(basis, opened);
  if (changed !== undefined) return cutRefusal({ reason: changed });
  exchange.decision = decide(basis, need(exchange, 'access'));
  return exchange.decision.effect === 'permit' ? undefined : denied(exchange.decision);
}
