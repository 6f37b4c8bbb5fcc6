import { err, isJsonObject, type Json, ok, type Problem, type Result } from '#base';
import type { HostProgram } from '#wire';

type Document = HostProgram['document'];

const OBJECTS: readonly string[] = ['chain', 'element', 'rule', 'set'];
const HOOKS: readonly Json[] = ['input', 'output', 'forward'];
/**
 * What a rule may consist of. Not among it, and therefore refused: whatever changes, redirects or copies packets (`mangle`,
 * `dnat`, `fwd`, `dup`, `tproxy`), hands them to a program (`queue`), or gives them to another extension (`xt`).
 */
const STATEMENTS: readonly string[] = ['accept', 'counter', 'drop', 'match', 'reject', 'set'];
/** More than a host can need; it bounds what a wrong server can make the kernel hold. */
const MOST_COMMANDS = 100_000;

/**
 * Checks that a program does nothing but replace table `inet cordon`, and refuses by default what comes in and goes out.
 * It reads by permission: a command, object or statement that is not known here is refused, also one of a newer nftables.
 * `program-refused`.
 */
export function checkProgram(document: Document): Result<Document, Problem> {
  const commands = document.nftables;
  if (commands.length > MOST_COMMANDS) return refused(0, `has ${commands.length} commands, at most ${MOST_COMMANDS}`);
  for (const [index, verb] of (['add', 'delete', 'add'] as const).entries()) {
    if (!isTableCommand(commands[index], verb)) return refused(index, `must be \`${verb} table inet cordon\``);
  }
  const closed = new Set<Json>();
  for (const [index, command] of commands.entries()) {
    if (index < 3) continue;
    const wrong = problemOf(command, closed);
    if (wrong !== undefined) return refused(index, wrong);
  }
  for (const hook of ['input', 'output']) {
    if (!closed.has(hook))
      return refused(commands.length, `is missing: a chain on the ${hook} hook that drops by default`);
  }
  return ok({ nftables: commands });
}

function refused(index: number, what: string): Result<never, Problem> {
  return err({
    code: 'program-refused',
    message: `command ${index + 1} of the program ${what}`,
    hint: 'install the same release of Cordon on the server and on the host; otherwise somebody else wrote the program',
  });
}

function isTableCommand(command: Json | undefined, verb: 'add' | 'delete'): boolean {
  const table = only(only(command, verb), 'table');
  return (
    isJsonObject(table) && Object.keys(table).length === 2 && table['family'] === 'inet' && table['name'] === 'cordon'
  );
}

/** The value of an object that has this key and no other. */
function only(value: Json | undefined, key: string): Json | undefined {
  return isJsonObject(value) && Object.keys(value).length === 1 ? value[key] : undefined;
}

/** What is wrong with a command after the replacement of the table. Chains that drop by default are added to `closed`. */
function problemOf(command: Json, closed: Set<Json>): string | undefined {
  const object = only(command, 'add');
  if (!isJsonObject(object)) return 'does something else than add';
  const [kind = '', ...more] = Object.keys(object);
  const body = object[kind];
  if (more.length > 0 || !OBJECTS.includes(kind) || !isJsonObject(body)) return `adds \`${kind}\``;
  if (body['family'] !== 'inet' || body['table'] !== 'cordon') return 'is for another table than `inet cordon`';
  if (kind === 'chain') return chainProblem(body, closed);
  return kind === 'rule' ? ruleProblem(body) : undefined;
}

function chainProblem(chain: { readonly [key: string]: Json }, closed: Set<Json>): string | undefined {
  const { type, hook, policy } = chain;
  if (type === undefined && hook === undefined && policy === undefined) return undefined;
  if (type !== 'filter' || hook === undefined || !HOOKS.includes(hook))
    return 'adds a chain on a hook that is not ours';
  if (policy !== 'drop') return 'adds a chain that accepts by default';
  closed.add(hook);
  return undefined;
}

function ruleProblem(rule: { readonly [key: string]: Json }): string | undefined {
  const { expr } = rule;
  if (!Array.isArray(expr)) return 'adds a rule without an expression';
  for (const statement of expr as readonly Json[]) {
    const keys = isJsonObject(statement) ? Object.keys(statement) : [];
    const [verb = ''] = keys;
    if (keys.length !== 1 || !STATEMENTS.includes(verb)) return `adds a rule with the statement \`${keys.join(' ')}\``;
  }
  return undefined;
}
