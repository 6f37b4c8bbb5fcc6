/**
 * model: the nouns of Cordon, shared by everything that decides, enforces or reports.
 *
 * Owns the entity types, the change feed's shape, the trust graph, decisions and their reasons, the Cedar schema and OCSF events.
 * Never touches disk or network, and never decides anything.
 */
export type { Actor, AnyEntity, Change, ChangeWithEntity, Snapshot } from './change.ts';
export type { Decision, Reason, Remedy } from './decision.ts';
export {
  ACR_VALUES,
  type Acr,
  type Alert,
  type App,
  type AppSession,
  type Asset,
  type AssetRelation,
  type Device,
  ENTITY_KINDS,
  effectiveTier,
  type EntityKind,
  type EntityOf,
  type Group,
  IDENTITY_HEADER_PRESETS,
  type IdentityHeaderPreset,
  type LedgerRow,
  type PolicyActivation,
  type PolicyBundle,
  type Posture,
  type PostureOutcome,
  type PostureResult,
  PROGRAM_TOKEN_PREFIX,
  type ResponseRule,
  type Risk,
  type RiskContribution,
  type RiskLevel,
  riskLevel,
  riskScore,
  type Segment,
  type Session,
  type Tier,
  type TierOverride,
  type UpstreamOptions,
  type User,
  type Workload,
  SSH_EXTENSIONS,
  type SshExtension,
} from './entity.ts';
export { buildEvent, EVENT_CLASSES, type EventClass, type EventInput, OCSF_VERSION, type OcsfEvent } from './event.ts';
export { isEntityKind, type Touched, TrustGraph } from './graph.ts';
export { REASONS, type ReasonCode } from './reason.ts';
export { CEDAR_SCHEMA } from './schema.ts';
export { type StreamFate, streamsOf } from './streams.ts';
export { writeEvent, type WrittenEvent, type WrittenEventInput } from './written-event.ts';
