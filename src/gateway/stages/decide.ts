import { isIPv4 } from 'node:net';
import type { Decision } from '#model';
import type { AccessRequest } from '#policy';
import { type Exchange, need, type Refusal, type Stage, type StageResult } from '../exchange.ts';
import { decide as decideBound } from '../passage.ts';

/** Asks the policies, with what the stages before found. */
export const decide: Stage = {
  name: 'decide',
  run: (exchange, { basis }): StageResult => {
    exchange.access = accessRequest(exchange);
    exchange.decision = decideBound(basis(), exchange.access);
    return exchange.decision.effect === 'permit' ? undefined : denied(exchange.decision);
  },
};

/** The refusal that a denial becomes. */
export function denied(decision: Decision): Refusal {
  return { status: statusOf(decision), reasons: decision.reasons, decision };
}

function accessRequest(exchange: Exchange): AccessRequest {
  const { session, device, address, client } = exchange;
  return {
    ...(session === undefined ? {} : { session }),
    ...(device === undefined ? {} : { device }),
    app: need(exchange, 'app'),
    // A tunnel writes as well as it reads: what a policy says about GET must not open one.
    method: exchange.purpose === 'tunnel' ? 'CONNECT' : client.method,
    path: need(exchange, 'path'),
    host: need(exchange, 'authority').host,
    address,
    secure: exchange.transport === 'tls' || isLoopback(address),
  };
}

const FAULTS: ReadonlySet<string> = new Set(['no-policies', 'replica-stale', 'cannot-record']);

function statusOf({ reasons, remedies }: Decision): number {
  const code = reasons[0]?.code ?? 'internal';
  if (code === 'internal' || code === 'policy-error') return 500;
  if (FAULTS.has(code)) return 503;
  return remedies.includes('sign-in') || remedies.includes('step-up') ? 401 : 403;
}

function isLoopback(address: string): boolean {
  return address === '::1' || (address.startsWith('127.') && isIPv4(address));
}
