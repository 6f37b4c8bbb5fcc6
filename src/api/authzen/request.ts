import { err, isJsonObject, type Json, ok, type Result } from '#base';

/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };

/** A subject or a resource. */
export interface Party {
  readonly type: string;
  readonly id: string;
  readonly properties: JsonObject | undefined;
}

/** An action. */
export interface NamedAction {
  readonly name: string;
  readonly properties: JsonObject | undefined;
}

/** One question. */
export interface Evaluation {
  readonly subject: Party;
  readonly action: NamedAction;
  readonly resource: Party;
  readonly context: JsonObject | undefined;
}

/** Whether deciding goes on: `undefined` to the end, else until a decision is this. */
type StopOn = boolean | undefined;

/** Several questions, each read or with what is wrong with it. */
export interface Evaluations {
  readonly items: readonly Result<Evaluation, string>[];
  readonly stopOn: StopOn;
}

/** What kind of thing is looked for. */
export type Sought = 'subject' | 'resource' | 'action';

/** A search. The id of what is sought is empty, and the action's name when actions are sought. */
export interface Search extends Evaluation {
  readonly token: string | undefined;
  readonly limit: number;
}

/** Most questions of one request. */
const MOST_EVALUATIONS = 1000;
/** Results of a page, unless the request asks for fewer or more, and at most. */
const PAGE_LIMITS = { usual: 100, most: 1000 } as const;

const SEMANTICS: ReadonlyMap<unknown, StopOn> = new Map<unknown, StopOn>([
  [undefined, undefined],
  ['execute_all', undefined],
  ['deny_on_first_deny', false],
  ['permit_on_first_permit', true],
]);

type Fields = Readonly<Partial<Record<string, unknown>>>;

// Written by hand and without exceptions: this is read tens of thousands of times a second. Unknown members are ignored, as the
// standard asks; a known one of the wrong type is an error (a text is one).

/** Reads an access evaluation request. `err`: what is wrong, in words. */
export function readEvaluation(body: unknown): Result<Evaluation, string> {
  if (!isJsonObject(body)) return err('the body must be an object');
  return evaluationOf(body, NOTHING);
}

/** Reads an access evaluations request; undefined when it holds no list of evaluations and is a single one. */
export function readEvaluations(body: unknown): Result<Evaluations | undefined, string> {
  if (!isJsonObject(body)) return err('the body must be an object');
  const { evaluations, options } = body as Fields;
  if (evaluations !== undefined && !Array.isArray(evaluations)) return err('`evaluations` must be an array');
  if (options !== undefined && !isJsonObject(options)) return err('`options` must be an object');
  const semantic = options?.['evaluations_semantic'];
  if (!SEMANTICS.has(semantic)) {
    return err(
      '`options.evaluations_semantic` must be `execute_all`, `deny_on_first_deny` or `permit_on_first_permit`',
    );
  }
  if (evaluations === undefined || evaluations.length === 0) return ok(undefined);
  if (evaluations.length > MOST_EVALUATIONS) return err(`at most ${MOST_EVALUATIONS} evaluations are taken at once`);
  // What is no object can be nobody's default. What lacks something may be, for items that do not use it.
  for (const name of ['subject', 'action', 'resource', 'context'] as const) {
    if (body[name] !== undefined && !isJsonObject(body[name])) return err(`\`${name}\` must be an object`);
  }
  const items = evaluations.map(
    (item: unknown): Result<Evaluation, string> =>
      isJsonObject(item) ? evaluationOf(item, body) : err('an evaluation must be an object'),
  );
  return ok({ items, stopOn: SEMANTICS.get(semantic) });
}

/** Reads a search request. */
export function readSearch(body: unknown, sought: Sought): Result<Search, string> {
  if (!isJsonObject(body)) return err('the body must be an object');
  const { subject, action, resource, page } = body as Fields;
  const read = evaluationOf(
    {
      ...body,
      // Whatever stands there is ignored.
      ...(sought === 'subject' && isJsonObject(subject) ? { subject: { ...subject, id: '' } } : {}),
      ...(sought === 'resource' && isJsonObject(resource) ? { resource: { ...resource, id: '' } } : {}),
      action: sought === 'action' ? { name: '' } : (action as Json),
    },
    NOTHING,
  );
  if (!read.ok) return read;
  if (page !== undefined && !isJsonObject(page)) return err('`page` must be an object');
  const { token, limit = PAGE_LIMITS.usual } = page ?? {};
  if (token !== undefined && typeof token !== 'string') return err('`page.token` must be a string');
  if (typeof limit !== 'number' || !Number.isSafeInteger(limit) || limit < 1) {
    return err('`page.limit` must be a whole number above 0');
  }
  return ok({ ...read.value, token: token === '' ? undefined : token, limit: Math.min(limit, PAGE_LIMITS.most) });
}

const NOTHING: JsonObject = {};

function evaluationOf(item: JsonObject, defaults: JsonObject): Result<Evaluation, string> {
  const subject = partyOf(either(item, defaults, 'subject'), 'subject');
  if (typeof subject === 'string') return err(subject);
  const action = actionOf(either(item, defaults, 'action'));
  if (typeof action === 'string') return err(action);
  const resource = partyOf(either(item, defaults, 'resource'), 'resource');
  if (typeof resource === 'string') return err(resource);
  const context = either(item, defaults, 'context');
  if (context !== undefined && !isJsonObject(context)) return err('`context` must be an object');
  return ok({ subject, action, resource, context });
}

/** Nothing (`null`) is something of the wrong type, and no reason to take the default. */
function either(item: JsonObject, defaults: JsonObject, name: string): Json | undefined {
  const own = item[name];
  return own === undefined ? defaults[name] : own;
}

function partyOf(value: unknown, name: string): Party | string {
  if (!isJsonObject(value)) return value === undefined ? `\`${name}\` is missing` : `\`${name}\` must be an object`;
  const { type, id, properties } = value;
  if (typeof type !== 'string') return missing(`${name}.type`, type);
  if (typeof id !== 'string') return missing(`${name}.id`, id);
  if (properties !== undefined && !isJsonObject(properties)) return `\`${name}.properties\` must be an object`;
  return { type, id, properties };
}

function actionOf(value: unknown): NamedAction | string {
  if (!isJsonObject(value)) return value === undefined ? '`action` is missing' : '`action` must be an object';
  const { name, properties } = value;
  if (typeof name !== 'string') return missing('action.name', name);
  if (properties !== undefined && !isJsonObject(properties)) return '`action.properties` must be an object';
  return { name, properties };
}

function missing(path: string, value: unknown): string {
  return value === undefined ? `\`${path}\` is missing` : `\`${path}\` must be a string`;
}
