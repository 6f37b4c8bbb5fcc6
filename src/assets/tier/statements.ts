import { isJsonObject, type Json } from '#base';

/** One statement of a policy document. */
export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly actions: readonly string[];
  readonly notActions: readonly string[] | undefined;
  readonly resources: readonly string[];
  readonly notResources: readonly string[] | undefined;
  /** Context keys of the conditions. */
  readonly conditions: readonly string[];
}

/** The statements of a policy document; what is not a statement is left out. */
export function statementsOf(document: Json | undefined): Statement[] {
  if (!isJsonObject(document)) return [];
  return listOf(document['Statement']).flatMap((item) => {
    if (!isJsonObject(item)) return [];
    const effect = item['Effect'];
    if (effect !== 'Allow' && effect !== 'Deny') return [];
    const condition = item['Condition'];
    return [
      {
        effect,
        actions: textsOf(item['Action']),
        notActions: item['NotAction'] === undefined ? undefined : textsOf(item['NotAction']),
        resources: textsOf(item['Resource']),
        notResources: item['NotResource'] === undefined ? undefined : textsOf(item['NotResource']),
        conditions: isJsonObject(condition)
          ? Object.values(condition).flatMap((test) => (isJsonObject(test) ? Object.keys(test) : []))
          : [],
      },
    ];
  });
}

/** How an action is granted on resources in general: not at all, under conditions, or outright. */
export type Grant = 'no' | 'conditional' | 'yes';

/**
 * Whether `action` is granted on resources in general (`*`, or every resource of a type). An unconditional Deny of it on everything
 * takes it away; a Deny with conditions or on some resources does not, because the grant remains usable elsewhere.
 */
export function grantOf(statements: readonly Statement[], action: string): Grant {
  let grant: Grant = 'no';
  for (const statement of statements) {
    if (!coversAction(statement, action)) continue;
    if (statement.effect === 'Deny') {
      if (statement.conditions.length === 0 && statement.resources.includes('*')) return 'no';
    } else if (isBroad(statement)) {
      if (statement.conditions.length === 0) grant = 'yes';
      else if (grant === 'no') grant = 'conditional';
    }
  }
  return grant;
}

function coversAction(statement: Statement, action: string): boolean {
  if (statement.notActions !== undefined) return !statement.notActions.some((pattern) => matchesGlob(pattern, action));
  return statement.actions.some((pattern) => matchesGlob(pattern, action));
}

/** `*`, or every resource of a service or of a type: nothing specific is named. */
function isBroad(statement: Statement): boolean {
  if (statement.notResources !== undefined) return true;
  return statement.resources.some(
    (resource) => resource === '*' || /^arn:[^:]*:[^:]*:[^:]*:[^:]*:(?:[\w-]+[/:])?\*(?:\/\*)?$/.test(resource),
  );
}

/** Matches an action against a pattern with `*` and `?`, ignoring case, in linear time: patterns come from untrusted documents. */
function matchesGlob(pattern: string, text: string): boolean {
  const p = pattern.toLowerCase();
  const t = text.toLowerCase();
  let star = -1;
  let mark = 0;
  let i = 0;
  let j = 0;
  while (j < t.length) {
    if (p[i] === '*') {
      star = i++;
      mark = j;
    } else if (i < p.length && (p[i] === '?' || p[i] === t[j])) {
      i++;
      j++;
    } else if (star >= 0) {
      i = star + 1;
      j = ++mark;
    } else return false;
  }
  while (p[i] === '*') i++;
  return i === p.length;
}

function listOf(value: Json | undefined): readonly Json[] {
  if (value === undefined || value === null) return [];
  return isList(value) ? value : [value];
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function textsOf(value: Json | undefined): string[] {
  return listOf(value).filter((item) => typeof item === 'string');
}
