import { isJsonObject, type Json, type Problem } from '#base';
import type { ParsedPolicy } from './compile.ts';
import type { EntityUid, EstScope } from './engine.ts';
import { problemAt, type Token } from './lexer.ts';

/** A policy on `Action::"connect"` in Cedar's JSON form, checked against the network profile. */
export interface ConnectPolicy {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  /** The scopes, as Cedar's JSON has them: `{op: "in", entity: {type: "Segment", id: …}}`. */
  readonly principal: Json;
  readonly resource: Json;
  readonly conditions: readonly { readonly kind: 'when' | 'unless'; readonly body: Json }[];
  readonly text: string;
}

/** What no firewall can enforce: in words, and the word of the text it stands at. */
interface Refused {
  readonly what: string;
  readonly word: string;
}

const HINT =
  'connect policies may use `context.protocol`, `context.port`, `hasTag` and `getTag` of either end with a literal, `in Segment::"…"` and `==`';

/** Checks one connect policy against the network profile. All clauses outside it are returned, each with its position. */
export function checkNetworkProfile(policy: ParsedPolicy): Problem[] {
  const problems: Problem[] = [];
  const clauses = clauseTokens(policy.statement.tokens);
  const report = ({ what, word }: Refused, tokens: readonly Token[]): void => {
    const token = tokens.find((candidate) => candidate.text === word) ?? tokens[0];
    problems.push(
      problemAt(
        { place: policy.place, statement: policy.statement, token },
        { code: 'network-profile', message: `a firewall cannot enforce ${what}`, hint: HINT },
      ),
    );
  };
  for (const side of ['principal', 'resource'] as const) {
    const refused = scopeRefusal(policy.est[side], side);
    if (refused !== undefined) report(refused, clauses.head);
  }
  for (const [index, { body }] of policy.est.conditions.entries()) {
    const refused: Refused[] = [];
    checkCondition(body, refused);
    for (const one of refused) report(one, clauses.conditions[index] ?? policy.statement.tokens);
  }
  return problems;
}

/** Splits a policy's tokens into its head and its `when` and `unless` clauses, in order. */
function clauseTokens(tokens: readonly Token[]): { head: Token[]; conditions: Token[][] } {
  const head: Token[] = [];
  const conditions: Token[][] = [];
  for (const token of tokens) {
    if (token.depth === 0 && (token.text === 'when' || token.text === 'unless')) conditions.push([]);
    (conditions.at(-1) ?? head).push(token);
  }
  return { head, conditions };
}

function scopeRefusal(scope: EstScope, side: string): Refused | undefined {
  const entity = scope.op === 'is' ? scope.in?.entity : scope.entity;
  if (scope.slot !== undefined || scope.in?.slot !== undefined) return { what: 'a template slot', word: `?${side}` };
  if (scope.op === 'is' && scope.entity_type !== 'Workload')
    return { what: `\`${side}\` of another type than Workload`, word: scope.entity_type ?? side };
  if (entity === undefined) return undefined;
  return isEnd(entity, scope.op === '==' ? 'Workload' : 'Segment') ? undefined : refusedEntity(entity, side);
}

function isEnd(entity: EntityUid, type: string): boolean {
  return entity.type === type;
}

function refusedEntity(entity: EntityUid, side: string): Refused {
  return { what: `\`${side}\` compared with \`${entity.type}::"${entity.id}"\``, word: entity.type };
}

/** The grammar of conditions. Every form that is not named here is refused. */
function checkCondition(expression: unknown, refused: Refused[]): void {
  const [operator, body] = only(expression);
  switch (operator) {
    case 'Value':
      if (typeof body !== 'boolean') refused.push({ what: 'a value where a condition is expected', word: '' });
      return;
    case '!':
      return checkCondition(part(body, 'arg'), refused);
    case '&&':
    case '||':
      checkCondition(part(body, 'left'), refused);
      return checkCondition(part(body, 'right'), refused);
    case 'hasTag':
      if (!isTagOf(body)) refused.push({ what: '`hasTag` with a computed name', word: 'hasTag' });
      return;
    case 'in':
      return checkMembership(body, refused);
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return checkComparison(operator, body, refused);
    case 'contains':
      return checkContains(body, refused);
    default:
      refused.push(describe(operator, body));
  }
}

/** `principal in Segment::"x"`, or a literal set of segments. */
function checkMembership(body: unknown, refused: Refused[]): void {
  const [, items] = only(part(body, 'right'));
  const targets = Array.isArray(items) ? items : [part(body, 'right')];
  const entities = targets.map(entityOf);
  if (isEndVariable(part(body, 'left')) && entities.every((entity) => entity?.type === 'Segment')) return;
  refused.push({ what: '`in` other than an end in a segment', word: 'in' });
}

/** The flow's protocol or port, or a label, compared with a literal; or an end compared with one workload. */
function checkComparison(operator: string, body: unknown, refused: Refused[]): void {
  const left = part(body, 'left');
  const right = part(body, 'right');
  const [subject, other] = isLiteral(left) || entityOf(left) !== undefined ? [right, left] : [left, right];
  const isEquality = operator === '==' || operator === '!=';
  if (isEquality && isEndVariable(subject) && entityOf(other)?.type === 'Workload') return;
  if (!isOperand(subject)) {
    refused.push(describe(...only(subject)));
    return;
  }
  if (isLiteral(other) && (isEquality || isPort(subject))) return;
  refused.push({ what: `\`${operator}\` with something else than a literal`, word: operator });
}

/** `["tcp", "udp"].contains(context.protocol)`. */
function checkContains(body: unknown, refused: Refused[]): void {
  const [operator, items] = only(part(body, 'left'));
  const operand = part(body, 'right');
  if (operator === 'Set' && Array.isArray(items) && items.every(isLiteral) && isOperand(operand)) return;
  if (operator === 'Value' && Array.isArray(items) && isOperand(operand)) return;
  refused.push({
    what: '`contains` other than a literal set containing a label, the protocol or the port',
    word: 'contains',
  });
}

function isOperand(expression: unknown): boolean {
  const [operator, body] = only(expression);
  if (operator === 'getTag') return isTagOf(body);
  if (operator !== '.') return false;
  const attribute = part(body, 'attr');
  return isVariable(part(body, 'left'), 'context') && (attribute === 'protocol' || attribute === 'port');
}

function isPort(expression: unknown): boolean {
  return part(only(expression)[1], 'attr') === 'port';
}

function isTagOf(body: unknown): boolean {
  return isEndVariable(part(body, 'left')) && typeof part(part(body, 'right'), 'Value') === 'string';
}

function isLiteral(expression: unknown): boolean {
  const value = part(expression, 'Value');
  return typeof value === 'string' || typeof value === 'number';
}

function isVariable(expression: unknown, name: string): boolean {
  return part(expression, 'Var') === name;
}

function isEndVariable(expression: unknown): boolean {
  return isVariable(expression, 'principal') || isVariable(expression, 'resource');
}

function entityOf(expression: unknown): { readonly type: string } | undefined {
  const type = part(part(part(expression, 'Value'), '__entity'), 'type');
  return typeof type === 'string' ? { type } : undefined;
}

/** Names a refused expression by the word a reader finds in the text. */
function describe(operator: string, body: unknown): Refused {
  const attribute = part(body, 'attr');
  if (operator === '.' && typeof attribute === 'string')
    return { what: `the attribute \`${attribute}\``, word: attribute };
  if (operator === 'Var' && typeof body === 'string') return { what: `\`${body}\` here`, word: body };
  if (operator === 'if-then-else') return { what: '`if`', word: 'if' };
  if (operator === 'Value') return { what: 'this value here', word: '' };
  return { what: `\`${operator}\``, word: operator };
}

/** The operator and body of an expression, which is an object with exactly one key. */
function only(expression: unknown): [string, unknown] {
  const entries = isJsonObject(expression) ? Object.entries(expression) : [];
  return entries[0] !== undefined && entries.length === 1 ? entries[0] : ['an unreadable expression', undefined];
}

function part(value: unknown, key: string): unknown {
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}
