import type { Configuration } from '#config';
import type { Limits } from '#gateway';

/** What `gateway.limits` says, as the gateway counts it. Each process that runs a gateway counts for itself. */
export function gatewayLimits(said: Configuration['gateway']['limits']): Partial<Limits> {
  const none = Number.POSITIVE_INFINITY;
  return {
    connectionsPerSession: said.requestsAtOncePerSession,
    connectionsPerAddress: said.requestsAtOncePerAddress,
    requestsAtOnce: said.requestsAtOnce,
    requestsPerSecondPerConnection: said.requestsPerSecondPerConnection ?? none,
    requestsPerSecondPerAddress: said.requestsPerSecondPerAddress ?? none,
    requestsPerSecondPerAccount: said.requestsPerSecondPerAccount ?? none,
    requestsPerSecondPerApp: said.requestsPerSecondPerApp ?? none,
    bodyBytes: said.bodyBytes ?? none,
    idleTimeoutMs: said.idleTimeoutMs,
  };
}
