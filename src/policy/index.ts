/**
 * policy: Cedar text -> checked -> compiled -> decided, explained and replayed.
 *
 * Owns Cedar's semantics (text is parsed and validated by cedar-wasm, behind `engine.ts`; `evaluate` decides), the guardrails of the tiers, the network profile, and the only
 * functions that make proven decisions. Never touches disk, network or a clock, and never answers permit when something went wrong.
 */
export { authorize, type CedarRequest, type CedarResponse } from './authorize.ts';
export { type CompiledPolicies, compilePolicies, type TemplateLink } from './compile.ts';
export {
  type AccessInput,
  type AccessRequest,
  decideAccess,
  decideManage,
  inputOf,
  type ManageInput,
} from './decide.ts';
export {
  type EntityChange,
  type EntityJson,
  type EntityStore,
  entityStore,
  updateEntities,
} from './entity-store.ts';
export { type ForeignModel, type ForeignModelTexts, type ForeignVerdict, loadForeignModel } from './foreign-model.ts';
export { type Guardrail, GUARDRAILS } from './guardrails.ts';
export { type ActivePolicies, connectPolicies, loadPolicies, type PolicySummary } from './load.ts';
export type { ConnectPolicy } from './network-profile.ts';
export { decisionRecord, decisionText } from './record.ts';
export { type JournalledDecision, replay, type ReplayReport } from './replay.ts';
