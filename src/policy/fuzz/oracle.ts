import type { Result } from '#base';
import { type EntityUid, guarded, type PolicyParts, type SchemaSource } from '../engine.ts';

// Cedar itself answers here. Nothing of the engine under test is used but the care with which cedar-wasm is called.

/** What Cedar is told once; questions follow. */
export interface OracleWorld {
  readonly parts: PolicyParts;
  /** Checks the policies and the requests. */
  readonly policySchema: SchemaSource | undefined;
  /** Reads the entities. Policies with a schema read them with that one. */
  readonly entitySchema: SchemaSource | undefined;
  /** Integers beyond 2^53 are raw JSON. */
  readonly entities: readonly object[];
}

/** One question to Cedar. */
export interface OracleRequest {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly context: object;
}

/** Cedar's answer; undefined when it refused the question. */
export type OracleAnswer =
  | { readonly decision: 'allow' | 'deny'; readonly reason: readonly string[]; readonly errors: readonly string[] }
  | undefined;

interface Told {
  readonly message: string;
}

type Module = Parameters<Parameters<typeof guarded>[0]>[0];
type PolicySet = Parameters<Module['checkParsePolicySet']>[0];

function called<T>(result: Result<T, string>): T {
  if (!result.ok) throw new Error(`cedar failed: ${result.error}`);
  return result.value;
}

function messages(
  answer: { readonly type: 'success' } | { readonly type: 'failure'; readonly errors: readonly Told[] },
): string[] {
  return answer.type === 'failure' ? answer.errors.map(({ message }) => message) : [];
}

/** What is wrong with the policies: why they do not parse, else why they do not validate, with the ids of the invalid ones. */
export function oraclePolicyProblems({ parts, policySchema }: OracleWorld): { messages: string[]; ids: string[] } {
  return called(
    guarded((cedar) => {
      const policies = parts as unknown as PolicySet;
      const parsed = messages(cedar.checkParsePolicySet(policies));
      if (policySchema === undefined || parsed.length > 0) return { messages: parsed, ids: [] };
      const schema = policySchema as string;
      const verdict = cedar.validate({ schema, policies, validationSettings: { mode: 'strict' } });
      if (verdict.type === 'failure') return { messages: messages(verdict), ids: [] };
      const { validationErrors: wrong } = verdict;
      return { messages: wrong.map(({ error }) => error.message), ids: wrong.map(({ policyId }) => policyId) };
    }),
  );
}

/** What is wrong with the entities. */
export function oracleEntityProblems({ entities, entitySchema }: OracleWorld): string[] {
  const schema = (entitySchema ?? null) as string | null;
  return messages(called(guarded((cedar) => cedar.checkParseEntities({ entities: entities as never, schema }))));
}

const SLOT = 'fuzz';

/** A way to ask, for as long as nobody else prepares one. */
export function oracleOf({
  parts,
  policySchema,
  entitySchema,
  entities,
}: OracleWorld): (request: OracleRequest) => OracleAnswer {
  const schema = policySchema ?? entitySchema;
  const prepare = (cedar: Module): void => {
    cedar.preparsePolicySet(SLOT, parts as unknown as PolicySet);
    if (schema !== undefined) cedar.preparseSchema(SLOT, schema as string);
  };
  called(guarded(prepare));
  return (request) => {
    const answer = called(
      guarded((cedar) =>
        cedar.statefulIsAuthorized({
          principal: request.principal,
          action: request.action,
          resource: request.resource,
          context: request.context as never,
          entities: entities as never,
          preparsedPolicySetId: SLOT,
          ...(schema === undefined ? {} : { preparsedSchemaName: SLOT }),
          validateRequest: policySchema !== undefined,
        }),
      ),
    );
    if (answer.type === 'failure') return undefined;
    const { decision, diagnostics } = answer.response;
    return { decision, reason: diagnostics.reason, errors: diagnostics.errors.map(({ policyId }) => policyId) };
  };
}
