/**
 * gateway: the door in front of every app: who, from which device, may do this now, and for how long.
 *
 * Owns the stages a request passes, the app hosts' part of the sign-in hand-off, identity assertions, the page a denied person sees,
 * and every open connection, which it cuts when the answer changes. Never trusts a header or an address, never keeps durable state,
 * and never reaches an upstream without a proven permit.
 */
export {
  type AssertionClaims,
  type AssertionSigner,
  createAssertionSigner,
  generateAssertionKey,
} from './assertion.ts';
export { answerEnvoy } from './forward-auth/grpc.ts';
export { answerProxies } from './forward-auth/http.ts';
export { createGateway, type Gateway, type GatewayOptions } from './gateway.ts';
export {
  createHandoff,
  HANDOFF,
  type Handoff,
  type HandoffStep,
  type Redeemer,
  type Transport,
} from './handoff.ts';
export { type CanonicalHost, canonicalHost } from './host.ts';
export type { Limits } from './limits.ts';
export { hear, type Hearers } from './listen.ts';
export type { CutFilter, LiveConnection } from './live.ts';
export type { Measurements } from './measurements.ts';
export { createMemory, type Memory } from './memory.ts';
export { type Denial, deniedPage } from './pages/denied.ts';
export { type CanonicalTarget, canonicalTarget } from './path.ts';
export type { Page } from './pages/page.ts';
export { hardenServer, SERVER_OPTIONS } from './server-options.ts';
export type { TracedRequest, Tracer } from './trace.ts';
export type { TimesByLabel } from './timings.ts';
