import { type Access, accessesOf, type Surroundings, typeKey } from './access.ts';
import type { Literals } from './literal.ts';
import { type Population, tagName } from './population.ts';
import type { Random } from './random.ts';
import { type ActionKind, type EntityKind, type FuzzType, randomType } from './schema.ts';
import { type Term, term } from './term.ts';

const BOOLEAN: FuzzType = { kind: 'Boolean' };
const LONG: FuzzType = { kind: 'Long' };
const STRING: FuzzType = { kind: 'String' };
const DATETIME: FuzzType = { kind: 'datetime' };
const DURATION: FuzzType = { kind: 'duration' };
const DECIMAL: FuzzType = { kind: 'decimal' };
const IP: FuzzType = { kind: 'ipaddr' };

/** Chooses expressions of a wanted type. */
export class Expressions {
  readonly #random: Random;
  readonly #literals: Literals;
  readonly #accesses: readonly Access[];
  readonly #byType: Map<string, Access[]> = new Map();
  readonly #kinds: readonly EntityKind[];
  readonly #actions: readonly ActionKind[];
  /** How often an operand gets another type than it needs, or a value is used without asking whether it exists. */
  readonly #wildness: number;

  constructor(random: Random, about: Surroundings, population: Population, wildness: number) {
    this.#random = random;
    this.#literals = population.literals.withBadRate(wildness * 2);
    this.#kinds = about.schema.kinds;
    this.#actions = about.schema.actions;
    this.#wildness = wildness;
    this.#accesses = accessesOf(about, random);
    for (const access of this.#accesses) {
      const key = typeKey(access.type);
      this.#byType.set(key, [...(this.#byType.get(key) ?? []), access]);
    }
  }

  /** A condition, nested at most `depth` deep. */
  condition(depth: number): Term {
    return this.#of(BOOLEAN, depth);
  }

  /** Conditions that all begin by comparing the same stored value, each with a literal of its own. */
  family(): () => Term {
    const random = this.#random;
    const plain = this.#accesses.filter(({ guards }) => guards.length === 0 || this.#wildness > 0);
    const { type, value } = random.pick(plain);
    return () => {
      const literal = this.#literals.of(random.chance(this.#wildness) ? this.#anyType() : type);
      const test = term('==', [], random.chance(0.7) ? [value, literal] : [literal, value]);
      return random.chance(0.5) ? test : conjunction([test, this.#of(BOOLEAN, 2)]);
    };
  }

  #of(type: FuzzType, depth: number): Term {
    const random = this.#random;
    if (random.chance(this.#wildness)) return this.#of(this.#anyType(), depth - 1);
    const known = this.#byType.get(typeKey(type));
    if (depth <= 0 || (type.kind !== 'Boolean' && random.chance(0.5))) {
      if (known !== undefined && random.chance(0.8)) return this.#read(random.pick(known));
      return this.#literals.of(type);
    }
    if (random.chance(0.06)) return this.#choice(type, depth);
    switch (type.kind) {
      case 'Boolean':
        return this.#boolean(depth);
      case 'Long':
        return this.#long(depth);
      case 'Set':
        return term(
          'set',
          [],
          random.list(random.between(1, 4), () => this.#of(type.of, depth - 1)),
        );
      case 'Record':
        return term(
          'record',
          type.fields.map(({ name }) => name),
          type.fields.map((field) => this.#of(field.type, depth - 1)),
        );
      case 'datetime':
        return random.chance(0.5)
          ? term('offset', [], [this.#of(DATETIME, depth - 1), this.#of(DURATION, depth - 1)])
          : term('toDate', [], [this.#of(DATETIME, depth - 1)]);
      case 'duration':
        return random.chance(0.5)
          ? term('durationSince', [], [this.#of(DATETIME, depth - 1), this.#of(DATETIME, depth - 1)])
          : term('toTime', [], [this.#of(DATETIME, depth - 1)]);
      default:
        return this.#literals.of(type);
    }
  }

  #anyType(): FuzzType {
    const names = this.#kinds.map(({ name }) => name);
    return this.#random.chance(0.6) ? this.#random.pick(this.#accesses).type : randomType(this.#random, names, 1);
  }

  /** A value where it exists, and a literal of its type where it does not. */
  #read({ type, value, guards }: Access): Term {
    if (guards.length === 0 || this.#random.chance(this.#wildness * 3)) return value;
    if (type.kind === 'Boolean') return conjunction([...guards, value]);
    return term('if', [], [conjunction(guards), value, this.#literals.of(type)]);
  }

  #choice(type: FuzzType, depth: number): Term {
    return term('if', [], [this.#of(BOOLEAN, depth - 1), this.#of(type, depth - 1), this.#of(type, depth - 1)]);
  }

  #long(depth: number): Term {
    const random = this.#random;
    const choice = random.between(0, 9);
    if (choice < 2) return term('neg', [], [this.#of(LONG, depth - 1)]);
    if (choice < 6)
      return term(random.pick(['+', '-', '*']), [], [this.#of(LONG, depth - 1), this.#of(LONG, depth - 1)]);
    const method = random.pick(['toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays']);
    return term(method, [], [this.#of(DURATION, depth - 1)]);
  }

  #boolean(depth: number): Term {
    const random = this.#random;
    const choice = random.between(0, 99);
    if (choice < 22)
      return term(random.pick(['&&', '||']), [], [this.#of(BOOLEAN, depth - 1), this.#of(BOOLEAN, depth - 1)]);
    if (choice < 29) return term('!', [], [this.#of(BOOLEAN, depth - 1)]);
    if (choice < 45) return this.#equality(depth);
    if (choice < 53) return this.#order(depth);
    if (choice < 62) return this.#has();
    if (choice < 69)
      return term('like', this.#literals.pattern(this.#literals.string()), [this.#of(STRING, depth - 1)]);
    if (choice < 77) return this.#membership(depth);
    if (choice < 89) return this.#sets(depth);
    if (choice < 92) return term('hasTag', [], [this.#entity(depth), term('string', [tagName(random)])]);
    return this.#extension(depth);
  }

  /** Two values of one type; mostly one that is stored, so that the answer depends on it. */
  #equality(depth: number): Term {
    const access = this.#random.pick(this.#accesses);
    const operands = [this.#read(access), this.#of(access.type, depth - 1)];
    return term(this.#random.pick(['==', '==', '!=']), [], this.#random.chance(0.5) ? operands : operands.toReversed());
  }

  #order(depth: number): Term {
    const type = this.#random.pick([LONG, LONG, DATETIME, DURATION]);
    return term(this.#random.pick(['<', '<=', '>', '>=']), [], [this.#of(type, depth - 1), this.#of(type, depth - 1)]);
  }

  #has(): Term {
    const random = this.#random;
    const { value, type, guards } = random.pick(this.#accesses);
    if (value.op !== 'get')
      return conjunction([...guards, term('has', [random.pick(['a', 'owner', 'a b', '__proto__'])], [value])]);
    const [of, name] = [value.args[0] ?? value, value.words[0] ?? ''];
    const outer = guards.filter(({ op, words, args }) => op !== 'has' || words[0] !== name || args[0] !== of);
    return conjunction([...outer, term('has', this.#path(name, type), [of])]);
  }

  /** A path of `has`: one attribute, or two where the first holds attributes itself. */
  #path(name: string, type: FuzzType): string[] {
    const random = this.#random;
    const isName = /^[A-Za-z_]\w*$/;
    const fields = type.kind === 'Record' ? type.fields.map((field) => field.name) : ['a', 'name', 'level'];
    const next = random.maybe(fields.filter((field) => isName.test(field)));
    if (next === undefined || !isName.test(name) || !['Record', 'Entity'].includes(type.kind)) return [name];
    if (!random.chance(0.6)) return [name];
    return random.chance(0.3) ? [name, next, random.pick(['a', 'owner', 'level'])] : [name, next];
  }

  #entity(depth: number): Term {
    const entities = this.#accesses.filter(({ type }) => type.kind === 'Entity');
    if (this.#random.chance(0.75)) return this.#read(this.#random.pick(entities));
    return this.#of({ kind: 'Entity', name: this.#random.pick(this.#kinds).name }, depth - 1);
  }

  #membership(depth: number): Term {
    const random = this.#random;
    const isAction = random.chance(0.15);
    const left = isAction ? term('var', ['action']) : this.#entity(depth);
    const kind = random.pick(this.#kinds).name;
    const action = (): Term => {
      const { type, id } = random.pick(this.#actions);
      return term('entity', [type, id]);
    };
    const group = isAction ? action : (): Term => this.#of({ kind: 'Entity', name: kind }, depth - 1);
    if (!isAction && random.chance(0.3)) return term('is', [kind], random.chance(0.4) ? [left, group()] : [left]);
    if (!random.chance(0.35)) return term('in', [], [left, group()]);
    const count = random.chance(0.15) ? random.between(17, 22) : random.between(1, 3);
    return term('in', [], [left, term('set', [], random.list(count, group))]);
  }

  #sets(depth: number): Term {
    const random = this.#random;
    const stored = random.maybe(this.#accesses.filter(({ type }) => type.kind === 'Set'));
    const of = stored?.type.kind === 'Set' ? stored.type.of : this.#anyType();
    const set = (): Term =>
      stored !== undefined && random.chance(0.5) ? this.#read(stored) : this.#of({ kind: 'Set', of }, depth - 1);
    const choice = random.between(0, 4);
    if (choice === 0) return term('isEmpty', [], [set()]);
    if (choice < 3) return term('contains', [], [set(), this.#of(of, depth - 1)]);
    return term(choice === 3 ? 'containsAll' : 'containsAny', [], [set(), set()]);
  }

  #extension(depth: number): Term {
    const random = this.#random;
    const choice = random.between(0, 2);
    if (choice === 0)
      return term(
        random.pick(['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual']),
        [],
        [this.#of(DECIMAL, depth - 1), this.#of(DECIMAL, depth - 1)],
      );
    if (choice === 1) return term('isInRange', [], [this.#of(IP, depth - 1), this.#of(IP, depth - 1)]);
    return term(random.pick(['isIpv4', 'isIpv6', 'isLoopback', 'isMulticast']), [], [this.#of(IP, depth - 1)]);
  }
}

/** All of the terms; true when there is none. */
export function conjunction(terms: readonly Term[]): Term {
  const [first = term('bool', ['true']), ...rest] = terms;
  return rest.reduce((left, right) => term('&&', [], [left, right]), first);
}
