import assert from 'node:assert/strict';
import { authorize, authorizeWithoutIndex, type CedarRequest, type CedarResponse } from '../../authorize.ts';
import { type CompiledPolicies, compilePolicies, type TemplateLink } from '../../compile.ts';
import { type EntityJson, entityStore } from '../../entity-store.ts';
import { oracleOf } from '../../fuzz/oracle.ts';
import { exactJson } from '../../fuzz/told.ts';

/** What a question is asked about. */
export interface Setting {
  readonly entities?: readonly EntityJson[];
  readonly context?: object;
  readonly principal?: { readonly type: string; readonly id: string };
  readonly resource?: { readonly type: string; readonly id: string };
  readonly action?: { readonly type: string; readonly id: string };
  readonly schema?: string;
  readonly links?: readonly TemplateLink[];
}

/** The request of a setting. */
function requestOf(setting: Setting): CedarRequest {
  const { principal, action, resource, context } = setting;
  return {
    principal: principal ?? { type: 'User', id: 'ada' },
    action: action ?? { type: 'Action', id: 'read' },
    resource: resource ?? { type: 'Doc', id: 'plan' },
    context: context ?? {},
  };
}

/** Compiles policies that must be good. */
export function compiled(policies: string | Record<string, string>, setting: Setting = {}): CompiledPolicies {
  const { schema, links = [] } = setting;
  const result = compilePolicies({ policies, templateLinks: links, ...(schema === undefined ? {} : { schema }) });
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

/** Asks the engine with and without its index, and Cedar; all three have to say the same. `refused`: the question is wrong. */
export function askBoth(policies: Record<string, string>, setting: Setting = {}): Answer {
  const request = requestOf(setting);
  const set = compiled(policies, setting);
  const store = entityStore(setting.entities ?? [], setting.schema);
  assert.ok(store.ok, JSON.stringify(store));
  const found = answerOf(authorize(set, store.value, request));
  assert.deepEqual(answerOf(authorizeWithoutIndex(set, store.value, request)), found, 'the index changes nothing');
  assert.deepEqual(found, askCedar(policies, setting), 'Cedar says the same');
  return found;
}

/** An answer, apart from its messages. */
export type Answer = 'refused' | { decision: 'allow' | 'deny'; reason: string[]; errors: string[] };

function answerOf({ decision, reason, errors }: CedarResponse): Answer {
  if (errors[0]?.policyId === '') return 'refused';
  return { decision, reason: reason.toSorted(), errors: errors.map(({ policyId }) => policyId).sort() };
}

function askCedar(policies: Record<string, string>, setting: Setting): Answer {
  const isTemplate = (text: string): boolean => /\?(?:principal|resource)/.test(text);
  const chosen = (wants: boolean): Record<string, string> =>
    Object.fromEntries(Object.entries(policies).filter(([, text]) => isTemplate(text) === wants));
  const ask = oracleOf({
    parts: { staticPolicies: chosen(false), templates: chosen(true), templateLinks: setting.links ?? [] },
    policySchema: setting.schema,
    entitySchema: setting.schema,
    entities: exactJson(setting.entities ?? []) as object[],
  });
  const { principal, action, resource, context } = requestOf(setting);
  const told = ask({ principal, action, resource, context: exactJson(context) as object });
  if (told === undefined) return 'refused';
  return { decision: told.decision, reason: told.reason.toSorted(), errors: told.errors.toSorted() };
}

/** Whether a condition is true or false, or errs; Cedar has to say the same. */
export function conditionBoth(condition: string, setting: Setting = {}): 'true' | 'false' | 'error' | 'refused' {
  const answer = askBoth({ p: `permit (principal, action, resource) when { ${condition} };` }, setting);
  if (answer === 'refused') return answer;
  return answer.errors.length > 0 ? 'error' : answer.decision === 'allow' ? 'true' : 'false';
}
