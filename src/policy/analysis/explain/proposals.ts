import { isJsonObject } from '#base';
import type { EstScope } from '../../engine.ts';
import type { CedarQuestion } from '../../mapping.ts';
import { BOUNDS } from '../bounds.ts';
import type { Clause } from '../clause/clause.ts';
import { expressionText, part, uidText } from '../clause/expression-text.ts';
import { type Act, withContext, withEntity } from './acts.ts';

/** Parts of the context that only change as a whole, by an act of the person. */
const PERSONAL: readonly string[] = ['session', 'device', 'risk'];

/** What would make the principal be in the scope of a policy. To be a particular other person is nothing anybody can do. */
export function proposalsForScope(scope: EstScope): Act[] {
  const entity = scope.op === 'is' ? scope.in?.entity : scope.entity;
  return entity?.type === 'Group' ? [joining(entity.id)] : [];
}

/**
 * What could make a clause hold, or, when it holds and should not, fail: guesses by the form of the expression. A guess that does not help
 * costs one question; whoever proposes asks the policies again.
 */
export function proposalsFor({ kind, est }: Clause, isWanted: boolean): Act[] {
  return propose(est, (kind === 'when') === isWanted);
}

function propose(est: unknown, isWanted: boolean): Act[] {
  const [form = '', body] = isJsonObject(est) ? (Object.entries(est)[0] ?? []) : [];
  const [left, right] = [part(body, 'left'), part(body, 'right')];
  switch (form) {
    case '!':
      return propose(part(body, 'arg'), !isWanted);
    case '&&':
    case '||':
      return [...propose(left, isWanted), ...propose(right, isWanted)];
    case 'in':
      return isWanted && part(left, 'Var') === 'principal' ? entitiesOf(right).map(joining) : [];
    case '.':
      return setting(est, isWanted, est, isWanted);
    case 'hasTag':
      return isWanted ? tagging(left, right, 'any') : [];
    case 'like':
      return isWanted ? setting(left, patternOf(part(body, 'pattern')), est, isWanted) : [];
    case 'contains':
      return isWanted ? literals(left).flatMap((value) => setting(right, value, est, isWanted)) : [];
    case 'isInRange':
    case 'isLoopback':
      return isWanted ? arriving(form, body) : [];
    default:
      return compared(form, est, isWanted);
  }
}

const MIRRORED: Readonly<Record<string, string>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' };

/** `x == 1`, `x < 1` and the like, with the literal on either side: the nearest value of x that meets it. */
function compared(form: string, est: unknown, isWanted: boolean): Act[] {
  const body = isJsonObject(est) ? est[form] : undefined;
  const [left, right] = [part(body, 'left'), part(body, 'right')];
  const isMirrored = isLiteral(left);
  const [subject, literal] = isMirrored ? [right, left] : [left, right];
  if (!isLiteral(literal)) return [];
  const value = nearest(isMirrored ? (MIRRORED[form] ?? form) : form, literal, isWanted);
  return value === undefined ? [] : setting(subject, value, est, isWanted);
}

function nearest(operator: string, literal: unknown, isWanted: boolean): unknown {
  const value = part(literal, 'Value') ?? extensionOf(literal);
  if (operator === '==' || operator === '!=') return (operator === '==') === isWanted ? value : undefined;
  const isUp = (operator === '>' || operator === '>=') === isWanted;
  const isStrict = (operator === '<' || operator === '>') === isWanted;
  if (typeof value === 'number') return value + (isStrict ? (isUp ? 1 : -1) : 0);
  return ['<', '<=', '>', '>='].includes(operator) ? { around: value, by: isStrict ? (isUp ? 1 : -1) : 0 } : undefined;
}

function isLiteral(est: unknown): boolean {
  const value = part(est, 'Value');
  return (value !== undefined && part(value, '__entity') === undefined) || extensionOf(est) !== undefined;
}

/** `datetime("…")` and `duration("…")` as `__extn`. */
function extensionOf(est: unknown): unknown {
  for (const fn of ['datetime', 'duration', 'ip', 'decimal']) {
    const parts = part(est, fn);
    const arg: unknown = Array.isArray(parts) ? part(parts[0], 'Value') : undefined;
    if (typeof arg === 'string') return { __extn: { fn, arg } };
  }
  return undefined;
}

/** Gives a value to what an expression reads: something of the request, or an attribute or tag of the resource. */
function setting(subject: unknown, value: unknown, est: unknown, isWanted: boolean): Act[] {
  const path = pathOf(subject);
  if (path === undefined) {
    const tags = part(subject, 'getTag');
    return tags === undefined
      ? timing(subject, value, est, isWanted)
      : tagging(part(tags, 'left'), part(tags, 'right'), value);
  }
  const [root, ...names] = path;
  if (root === 'context') return PERSONAL.includes(names[0] ?? '') ? [] : requesting(names, value, est, isWanted);
  if (root !== 'resource' || names.length === 0 || isJsonObject(value)) return [];
  const [least, most] = BOUNDS[expressionText(subject)] ?? [-Infinity, Infinity];
  if (typeof value === 'number' && (value < least || value > most)) return [];
  const words = `\`${expressionText(subject)}\` would have to be \`${textOf(value)}\``;
  return [
    {
      words,
      about: 'app',
      slot: expressionText(subject),
      cost: 8,
      apply: (question) => onTarget(question, names.slice(0, -1), names.at(-1) ?? '', value),
    },
  ];
}

function onTarget(question: CedarQuestion, way: readonly string[], name: string, value: unknown): CedarQuestion {
  const uid = targetOf(question, way);
  if (uid === undefined) return question;
  return withEntity(question, uid, (entity) => ({ ...entity, attrs: { ...entity.attrs, [name]: value } }));
}

/** The entity at the end of `resource.asset`; undefined when the resource has none. */
function targetOf(question: CedarQuestion, way: readonly string[]): { type: string; id: string } | undefined {
  let uid: { type: string; id: string } | undefined = question.resource;
  for (const name of way) {
    const entity = question.entities.find(({ uid: one }) => one.type === uid?.type && one.id === uid.id);
    const next = part(entity?.attrs[name], '__entity');
    uid = isJsonObject(next) ? { type: String(next['type']), id: String(next['id']) } : undefined;
  }
  return uid;
}

function tagging(owner: unknown, key: unknown, value: unknown): Act[] {
  const [path, name] = [pathOf(owner), part(key, 'Value')];
  if (path === undefined || path[0] !== 'resource' || typeof name !== 'string' || typeof value !== 'string') return [];
  const words = `the label \`${name}\` of \`${expressionText(owner)}\` would have to be \`${value}\``;
  const apply = (question: CedarQuestion): CedarQuestion => {
    const uid = targetOf(question, path.slice(1));
    if (uid === undefined) return question;
    return withEntity(question, uid, (entity) => ({ ...entity, tags: { ...entity.tags, [name]: value } }));
  };
  return [{ words, about: 'app', slot: words, cost: 8, apply }];
}

const REQUEST_WORDS: Readonly<Record<string, (value: string) => string>> = {
  method: (value) => `use the method \`${value}\``,
  path: (value) => `open \`${value}\``,
  host: (value) => `open the host \`${value}\``,
  secure: (value) => (value === 'true' ? 'use HTTPS' : 'use plain HTTP'),
};

function requesting(names: readonly string[], value: unknown, est: unknown, isWanted: boolean): Act[] {
  const [name = ''] = names;
  if (isJsonObject(value)) return timing(undefined, value, est, isWanted);
  const words = REQUEST_WORDS[name]?.(String(value)) ?? `ask so that ${truth(est, isWanted)}`;
  return [request(words, names.join('.'), (question) => withContext(question, names, value))];
}

function request(words: string, slot: string, apply: Act['apply']): Act {
  return { words, about: 'request', slot, cost: 4, apply };
}

function arriving(form: string, body: unknown): Act[] {
  const parts: readonly unknown[] = Array.isArray(body) ? body : [];
  const [subject, range] = parts;
  if (pathOf(subject)?.join('.') !== 'context.ip') return [];
  const network = form === 'isLoopback' ? '127.0.0.1' : part(part(extensionOf(range), '__extn'), 'arg');
  if (typeof network !== 'string') return [];
  const words = form === 'isLoopback' ? 'come from the machine that Cordon runs on' : `come from \`${network}\``;
  const address = network.replace(/\/.*$/, '');
  const apply = (question: CedarQuestion): CedarQuestion =>
    withContext(question, ['ip'], { __extn: { fn: 'ip', arg: address } });
  return [request(words, 'ip', apply)];
}

/** Another moment: for a comparison of `context.now` or of its time of day. */
function timing(subject: unknown, value: unknown, est: unknown, isWanted: boolean): Act[] {
  const around = part(part(value, 'around') ?? value, '__extn');
  const [fn, arg] = [part(around, 'fn'), part(around, 'arg')];
  if (typeof arg !== 'string' || !expressionText(est).includes('context.now')) return [];
  const by = part(value, 'by');
  const shift = typeof by === 'number' ? by : 0;
  const words = `ask when ${truth(est, isWanted)}`;
  const apply = (question: CedarQuestion): CedarQuestion => {
    const now = Date.parse(String(part(part(question.context['now'], '__extn'), 'arg')));
    const moment = fn === 'datetime' ? Date.parse(arg) : startOfDay(now) + durationMs(arg);
    if (!Number.isFinite(moment)) return question;
    const text = new Date(moment + shift).toISOString();
    return withContext(question, ['now'], { __extn: { fn: 'datetime', arg: text } });
  };
  return subject === undefined || fn === 'datetime' || fn === 'duration' ? [request(words, 'now', apply)] : [];
}

const DAY = 86_400_000;

function startOfDay(time: number): number {
  return time - (((time % DAY) + DAY) % DAY);
}

const UNITS: Readonly<Record<string, number>> = { d: DAY, h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

function durationMs(text: string): number {
  let total = 0;
  for (const [, amount = '', unit = ''] of text.matchAll(/([0-9]+)(d|h|ms|m|s)/g))
    total += Number(amount) * (UNITS[unit] ?? 0);
  return total;
}

function joining(group: string): Act {
  const parent = { type: 'Group', id: group };
  return {
    words: `be in the group \`${group}\``,
    about: 'group',
    slot: uidText(parent),
    cost: 6,
    apply: (question) =>
      withEntity(question, question.principal, (entity) => ({ ...entity, parents: [...entity.parents, parent] })),
  };
}

/** Groups among the entities that an expression names. */
function entitiesOf(est: unknown): string[] {
  const set = part(est, 'Set');
  if (Array.isArray(set)) return set.flatMap(entitiesOf);
  const uid = part(part(est, 'Value'), '__entity');
  return part(uid, 'type') === 'Group' ? [String(part(uid, 'id'))] : [];
}

function literals(est: unknown): unknown[] {
  const set = part(est, 'Set');
  return Array.isArray(set) ? set.flatMap((item: unknown) => (isLiteral(item) ? [part(item, 'Value')] : [])) : [];
}

/** `resource.asset.tier` as its names. */
function pathOf(est: unknown): readonly string[] | undefined {
  const variable = part(est, 'Var');
  if (typeof variable === 'string') return [variable];
  const access = part(est, '.');
  const before = access === undefined ? undefined : pathOf(part(access, 'left'));
  return before === undefined ? undefined : [...before, String(part(access, 'attr'))];
}

/** A text that a pattern matches. */
function patternOf(pattern: unknown): string {
  const pieces: readonly unknown[] = Array.isArray(pattern) ? pattern : [];
  return pieces
    .map((piece) => part(piece, 'Literal'))
    .filter((text) => typeof text === 'string')
    .join('');
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : String(value);
}

function truth(est: unknown, isWanted: boolean): string {
  return isWanted ? `\`${expressionText(est)}\` holds` : `\`${expressionText(est)}\` does not hold`;
}
