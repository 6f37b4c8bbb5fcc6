import type { Json } from '#base';
import type { AuthzenModel } from '#config';
import type { ForeignVerdict } from '#policy';
import type { DecisionModel } from './decision-model.ts';
import type { Evaluation, JsonObject } from './request.ts';
import { deny, NO_PERMIT, PERMIT, type Verdict } from './verdict.ts';

type Names = ReadonlyMap<string, string>;

/** Answers from the model of an application: its types and actions as the configuration maps them to Cedar. */
export function foreignDecisions({ model, types, actions }: AuthzenModel): DecisionModel {
  return {
    evaluate: ({ subject, action, resource, context }) => {
      const principal = types.get(subject.type);
      if (principal === undefined) return unknownType(subject.type);
      const target = types.get(resource.type);
      if (target === undefined) return unknownType(resource.type);
      const mapped = actions.get(action.name);
      if (mapped === undefined) return deny('action-unknown', `\`${shortened(action.name)}\``);
      const answer = model.decide({
        principal: { type: principal.entity, id: subject.id },
        action: mapped.action,
        resource: { type: target.entity, id: resource.id },
        context: contextOf(mapped, action, context),
        principalAttributes: picked(principal.properties, subject.properties),
        resourceAttributes: picked(target.properties, resource.properties),
      });
      return verdictOf(answer);
    },
    idsOf: (_sought, type) => {
      const mapped = types.get(type);
      return mapped === undefined ? undefined : model.idsOf(mapped.entity);
    },
    actions: [...actions.keys()].sort(),
    formsOf: (_sought, found) => [found],
  };
}

function verdictOf({ code, policies, detail }: ForeignVerdict): Verdict {
  if (code === 'permit') return PERMIT;
  return code === 'no-permit' ? NO_PERMIT : deny(code, detail, policies);
}

function unknownType(type: string): Verdict {
  return deny('type-unknown', `\`${shortened(type)}\``);
}

function shortened(name: string): string {
  return name.length > 100 ? `${name.slice(0, 100)}…` : name;
}

const EMPTY = {};

function contextOf(
  { properties, context }: { readonly properties: Names; readonly context: Names },
  action: Evaluation['action'],
  said: JsonObject | undefined,
): object {
  if (properties.size === 0 && context.size === 0) return EMPTY;
  return { ...picked(properties, action.properties), ...picked(context, said) };
}

/** Only what the configuration names, under the name it has in the model. Nothing (`null`) is as good as absent: Cedar has no such value. */
function picked(names: Names, said: JsonObject | undefined): Readonly<Record<string, Json>> | undefined {
  if (said === undefined || names.size === 0) return undefined;
  let found: Record<string, Json> | undefined;
  for (const [name, attribute] of names) {
    const value = Object.hasOwn(said, name) ? said[name] : undefined;
    if (value === undefined || value === null) continue;
    found ??= {};
    found[attribute] = value;
  }
  return found;
}
