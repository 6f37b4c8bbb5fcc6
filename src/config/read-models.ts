import { readFileSync } from 'node:fs';
import { join, isAbsolute, resolve } from 'node:path';
import { err, ok, type Problem, type Result } from '#base';
import { type ForeignModelTexts, loadForeignModel } from '#policy';
import { policyTexts } from '#policy-analysis';
import type { Locate } from './check.ts';
import type { AuthzenModel } from './configuration.ts';
import { invalid } from './invalid.ts';
import { readPolicies, unreadable } from './read-policies.ts';
import type { ConfigurationDocument } from './schema.ts';

type ModelDocument = ConfigurationDocument['authzen']['models'][string];

/** The model of Cordon's own apps has this id for clients; no document declares it. */
const OWN_MODEL = 'cordon';

/**
 * Reads and checks the models of `authzen.models`. Problems of a file stand in that file, those of the mapping in the document. A model
 * with a problem is left out.
 */
export function readModels(
  document: ConfigurationDocument,
  directory: string,
  locate: Locate,
): { readonly models: readonly AuthzenModel[]; readonly problems: readonly Problem[] } {
  const models: AuthzenModel[] = [];
  const problems: Problem[] = [];
  for (const [id, written] of Object.entries(document.authzen.models)) {
    const at = (...path: string[]): Problem['source'] => locate(['authzen', 'models', id, ...path]);
    if (id === OWN_MODEL) {
      problems.push(invalid(`\`${id}\` is the model of Cordon’s own apps`, at(), 'choose another id'));
      continue;
    }
    const model = readModel(id, written, directory);
    if (!model.ok) {
      problems.push(...model.error);
      continue;
    }
    const wrong = checkMapping(model.value, at);
    if (wrong.length === 0) models.push(model.value);
    problems.push(...wrong);
  }
  return { models, problems };
}

function readModel(id: string, written: ModelDocument, directory: string): Result<AuthzenModel, readonly Problem[]> {
  const policyDirectory = resolve(directory, written.policies);
  const files = [written.schema, ...(written.entities === undefined ? [] : [written.entities])].map((file) =>
    resolve(directory, file),
  );
  const texts = readTexts(written, directory);
  if (!texts.ok) return texts;
  const model = loadForeignModel(texts.value);
  if (!model.ok) return err(model.error.map((problem) => below(policyDirectory, problem)));
  const scoped = (name: string): string =>
    written.namespace === undefined || name.includes('::') ? name : `${written.namespace}::${name}`;
  return ok({
    id,
    model: model.value,
    types: new Map(
      Object.entries(written.types).map(([type, { entity, properties }]) => [
        type,
        { entity: scoped(entity), properties: new Map(Object.entries(properties)) },
      ]),
    ),
    actions: new Map(
      Object.entries(written.actions).map(([name, { action, properties, context }]) => [
        name,
        {
          action: { type: scoped('Action'), id: action },
          properties: new Map(Object.entries(properties)),
          context: new Map(Object.entries(context)),
        },
      ]),
    ),
    files,
    policyDirectory,
  });
}

/** Policies are named by their path below the directory, for their ids; a problem says where the file is. */
function below(directory: string, problem: Problem): Problem {
  const { source } = problem;
  if (source?.file === undefined || isAbsolute(source.file)) return problem;
  return { ...problem, source: { ...source, file: join(directory, source.file) } };
}

function readTexts(written: ModelDocument, directory: string): Result<ForeignModelTexts, readonly Problem[]> {
  const problems: Problem[] = [];
  const read = (file: string): string => {
    const path = resolve(directory, file);
    try {
      return readFileSync(path, 'utf8');
    } catch (cause) {
      problems.push(unreadable('model-unreadable', path, { cause, hint: 'correct the path, or remove the model' }));
      return '';
    }
  };
  const schema = { file: resolve(directory, written.schema), text: read(written.schema) };
  const entities =
    written.entities === undefined
      ? { file: 'entities', text: '[]' }
      : { file: resolve(directory, written.entities), text: read(written.entities) };
  const policyDirectory = resolve(directory, written.policies);
  const policies = readPolicies(policyDirectory);
  if (!policies.ok) problems.push(policies.error);
  if (!policies.ok || problems.length > 0) return err(problems);
  return ok({ schema, entities, policies: policyTexts(policies.value) });
}

/** A mapping to a name that the schema lacks would deny everything, and nobody would know why. */
function checkMapping(
  { model, types, actions }: AuthzenModel,
  at: (...path: string[]) => Problem['source'],
): Problem[] {
  const unknown = new Set(
    model.unknownNames({
      types: [...types.values()].map(({ entity }) => entity),
      actions: [...actions.values()].map(({ action }) => action),
    }),
  );
  const problems: Problem[] = [];
  for (const [type, { entity }] of types)
    if (unknown.has(entity)) {
      const message = `type \`${type}\`: the schema has no entity type \`${entity}\``;
      problems.push(invalid(message, at('types', type, 'entity')));
    }
  for (const [name, { action, properties, context }] of actions) {
    if (unknown.has(action.id)) {
      const message = `action \`${name}\`: the schema has no action \`${action.type}::"${action.id}"\``;
      problems.push(invalid(message, at('actions', name, 'action')));
    }
    const taken = new Set(properties.values());
    for (const attribute of context.values())
      if (taken.has(attribute)) {
        const message = `action \`${name}\`: both a property and the context would become \`${attribute}\``;
        problems.push(invalid(message, at('actions', name, 'context')));
      }
  }
  return problems;
}
