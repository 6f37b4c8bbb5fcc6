import { createRequire } from 'node:module';
import type * as CedarWasm from '@cedar-policy/cedar-wasm/nodejs';
import { err, type Json, ok, type Result } from '#base';

// The one file that knows cedar-wasm. Everything else in this area talks to Cedar through it.

type CedarModule = typeof CedarWasm;
type PolicySet = Parameters<CedarModule['checkParsePolicySet']>[0];
type DetailedError = Extract<ReturnType<CedarModule['checkParsePolicySet']>, { type: 'failure' }>['errors'][number];

/** What Cedar says is wrong. Offsets count bytes of UTF-8 in the text of the policy or schema. */
export interface CedarComplaint {
  readonly message: string;
  readonly hint?: string;
  readonly startByte?: number;
  readonly endByte?: number;
  /** Present when the complaint is about one policy of a set. */
  readonly policyId?: string;
}

/** Cedar's JSON form of one policy. */
export interface PolicyEst {
  readonly effect: 'permit' | 'forbid';
  readonly principal: EstScope;
  readonly action: EstScope;
  readonly resource: EstScope;
  readonly conditions: readonly { readonly kind: 'when' | 'unless'; readonly body: unknown }[];
  readonly annotations?: Readonly<Record<string, string | null>>;
}

/** The head of a policy says which principals, actions and resources it is about. */
export interface EstScope {
  readonly op: 'All' | '==' | 'in' | 'is';
  readonly entity?: EntityUid;
  readonly entities?: readonly EntityUid[];
  readonly slot?: string;
  readonly entity_type?: string;
  readonly in?: { readonly entity?: EntityUid; readonly slot?: string };
}

/** Names one entity, as Cedar's JSON does. */
export interface EntityUid {
  readonly type: string;
  readonly id: string;
}

/** A policy set in parts: every text is exactly one policy or template. */
export interface PolicyParts {
  readonly staticPolicies: Readonly<Record<string, string>>;
  readonly templates: Readonly<Record<string, string>>;
  readonly templateLinks: readonly {
    readonly templateId: string;
    readonly newId: string;
    readonly values: Readonly<Record<string, EntityUid>>;
  }[];
}

/** A Cedar schema: its text, or its JSON form. */
export type SchemaSource = string | object;

let cedar: CedarModule | undefined;
let generation = 0;

function load(): CedarModule {
  if (cedar !== undefined) return cedar;
  // A new `require` each time: the old one would keep every discarded instance, with its memory, alive.
  const require = createRequire(import.meta.url);
  const path = require.resolve('@cedar-policy/cedar-wasm/nodejs');
  Reflect.deleteProperty(require.cache, path);
  const loaded = require(path) as CedarModule;
  Reflect.deleteProperty(require.cache, path);
  cedar = loaded;
  generation += 1;
  return loaded;
}

/**
 * Runs one call. INVARIANT: after a call threw, that instance is never used again. A stack overflow inside WebAssembly leaves
 * its stack pointer where it was, so every later call of the same instance fails too (or, worse, works on overwritten memory).
 */
export function guarded<T>(call: (cedar: CedarModule) => T): Result<T, string> {
  try {
    return ok(call(load()));
  } catch (cause) {
    cedar = undefined;
    return err(cause instanceof Error ? cause.message.toLowerCase() : 'unknown failure');
  }
}

function complaint(error: DetailedError, policyId?: string): CedarComplaint {
  const place = error.sourceLocations?.[0];
  const expected = place?.label ?? null;
  const hint = error.help ?? expected;
  return {
    message: error.message,
    ...(hint === null ? {} : { hint }),
    ...(place === undefined ? {} : { startByte: place.start, endByte: place.end }),
    ...(policyId === undefined ? {} : { policyId }),
  };
}

/** Flattens Cedar's nested errors: related ones are problems of their own. */
function complaints(errors: readonly DetailedError[], policyId?: string): CedarComplaint[] {
  return errors.flatMap((error) => [complaint(error, policyId), ...complaints(error.related ?? [], policyId)]);
}

function failed(message: string): CedarComplaint[] {
  return [{ message: `the policy engine failed: ${message}` }];
}

/** Parses one policy or template. Integers beyond 2^53 are rounded. */
export function parsePolicy(text: string, isTemplate: boolean): Result<PolicyEst, CedarComplaint[]> {
  const answer = guarded((cedar) => (isTemplate ? cedar.templateToJson(text) : cedar.policyToJson(text)));
  if (!answer.ok) return err(failed(answer.error));
  if (answer.value.type === 'failure') return err(complaints(answer.value.errors));
  // The declared type of cedar-wasm allows forms (`__entity` wrappers) that its printer never produces.
  return ok(answer.value.json as unknown as PolicyEst);
}

/** Parses a schema and resolves every name in it. Cedar resolves only the text form, so JSON is written as text first. */
export function resolveSchema(schema: SchemaSource): Result<Json, CedarComplaint[]> {
  const answer = guarded((cedar) => {
    const checked = cedar.checkParseSchema(schema as string);
    if (checked.type === 'failure') return checked;
    const text =
      typeof schema === 'string' ? ({ type: 'success', text: schema } as const) : cedar.schemaToText(schema as never);
    return text.type === 'failure' ? text : cedar.schemaToJsonWithResolvedTypes(text.text);
  });
  if (!answer.ok) return err(failed(answer.error));
  if (answer.value.type === 'failure') return err(complaints(answer.value.errors));
  return ok(answer.value.json as unknown as Json);
}

/** What Cedar says of policies. */
export interface PolicyVerdict {
  /** Why they cannot be read at all. */
  readonly unreadable: CedarComplaint[];
  readonly errors: CedarComplaint[];
  /** What is legal but suspicious, such as a policy that can never apply. */
  readonly warnings: CedarComplaint[];
}

/** Parses policies, and no more. */
export function checkPolicies(parts: PolicyParts): PolicyVerdict {
  const answer = guarded((cedar) => cedar.checkParsePolicySet(parts as unknown as PolicySet));
  if (!answer.ok) return { unreadable: failed(answer.error), errors: [], warnings: [] };
  const unreadable = answer.value.type === 'failure' ? complaints(answer.value.errors) : [];
  return { unreadable, errors: [], warnings: [] };
}

/** Parses policies and validates them strictly against a schema. */
export function validatePolicies(parts: PolicyParts, schema: SchemaSource): PolicyVerdict {
  const answer = guarded((cedar) =>
    cedar.validate({
      schema: schema as string,
      policies: parts as unknown as PolicySet,
      validationSettings: { mode: 'strict' },
    }),
  );
  if (!answer.ok) return { unreadable: failed(answer.error), errors: [], warnings: [] };
  if (answer.value.type === 'failure') return { unreadable: complaints(answer.value.errors), errors: [], warnings: [] };
  return {
    unreadable: [],
    errors: answer.value.validationErrors.flatMap(({ policyId, error }) => complaints([error], policyId)),
    warnings: answer.value.validationWarnings.flatMap(({ policyId, error }) => complaints([error], policyId)),
  };
}
