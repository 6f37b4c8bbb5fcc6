import type { Random } from './random.ts';
import type { FuzzType } from './schema.ts';
import { type Term, term, type Uid } from './term.ts';

// Few different values, so that comparisons often hold; each list has the borders of its type.
const LONGS = ['0', '1', '2', '3', '-1', '7', '24', '-26', '60', '1000', '2147483648', '86400000'];
const EDGE_LONGS = [
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '-9007199254740993',
  '4611686018427387904',
  '3037000500',
  '9223372036854775806',
  '9223372036854775807',
  '-9223372036854775807',
  '-9223372036854775808',
];
const STRINGS = [
  '',
  'a',
  'b',
  'ab',
  'abc',
  'a*b',
  '*',
  '\\',
  '"',
  'é',
  'e\u0301',
  '😀',
  'a\nb',
  '\u0000',
  '__proto__',
  'L9007199254740993',
  '\u0001',
  '\u00010',
  'red',
  '1',
];
const DECIMALS = [
  '0.0',
  '1.0',
  '1.00',
  '1.5',
  '-1.5',
  '0.0001',
  '-0.0',
  '12.34',
  '922337203685477.5807',
  '-922337203685477.5808',
];
const IPS = [
  '10.0.0.1',
  '10.0.0.0/8',
  '10.0.0.1/8',
  '10.0.0.0/24',
  '0.0.0.0/0',
  '127.0.0.1',
  '127.0.0.0/7',
  '127.0.0.0/8',
  '224.0.0.1',
  '224.0.0.0/3',
  '255.255.255.255',
  '::1',
  '::',
  '::/0',
  'ff00::/8',
  'ff02::1',
  'fe80::1/10',
  '2001:db8::1',
  '2001:DB8:0:0:0:0:0:1',
  '2001:db8::/32',
  '::1/127',
];
const DATETIMES = [
  '1970-01-01',
  '2024-02-29',
  '2024-10-15',
  '2024-10-15T11:38:02Z',
  '2024-10-15T11:38:02.101Z',
  '2024-10-15T11:38:02.101-1134',
  '2024-10-15T11:38:02+0130',
  '1969-12-31T23:59:59.999Z',
  '0000-01-01',
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999-2359',
];
const DURATIONS = [
  '0ms',
  '1ms',
  '-1ms',
  '1s',
  '1000ms',
  '1m',
  '60s',
  '1h',
  '1d',
  '-1d',
  '1d2h3m4s5ms',
  '-1d2h3m4s5ms',
  '24h',
  '0d',
  '9223372036854775807ms',
  '-9223372036854775808ms',
  '106751991167d',
  '-0ms',
  '-90m',
  '-59m',
  '-1500ms',
  '-36h',
];
const BAD: Readonly<Record<string, readonly string[]>> = {
  decimal: ['', '1', '1.', '.5', '1.00000', '+1.0', '1.0 ', '922337203685477.5808', '1e1', '--1.0', '٣.٠'],
  ip: [
    '',
    '1',
    '10.0.0',
    '10.0.0.01',
    '10.0.0.256',
    '10.0.0.1/33',
    '10.0.0.1/08',
    '10.0.0.1/+8',
    '::1/129',
    ':::',
    '::ffff:1.2.3.4',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    ' ::1',
    'fe80::1%1',
    '10.0.0.1/',
    '1:2:3:4:5:6:7::8/128',
    '::/00',
  ],
  datetime: [
    '',
    '2024',
    '2024-02-30',
    '2023-02-29',
    '2024-1-01',
    '2024-10-15T11:38:02',
    '2024-10-15T24:00:00Z',
    '2024-10-15T11:60:00Z',
    '2024-10-15T11:38:60Z',
    '2024-10-15T11:38:02.1Z',
    '2024-10-15T11:38:02+2400',
    '2024-10-15T11:38:02+0160',
    '2024-10-15T11:38:02+01:30',
    '2024-10-15Z',
    '-001-01-01',
    '2024-13-01',
    '2024-00-10',
    '10000-01-01',
    '2024-10-15t11:38:02Z',
    '2024-10-15T11:38:02z',
  ],
  duration: [
    '',
    '-',
    '1',
    'd',
    '1d1d',
    '1ms1s',
    '1h1d',
    '+1d',
    '1.5h',
    '1 d',
    '9223372036854775808ms',
    '106751991168d',
    '--1d',
    '1D',
  ],
};
const TEXTS = { decimal: DECIMALS, ipaddr: IPS, datetime: DATETIMES, duration: DURATIONS } as const;
const MAKERS = { decimal: 'decimal', ipaddr: 'ip', datetime: 'datetime', duration: 'duration' } as const;

/** Where the entities come from that values name. */
export interface Uids {
  /** An entity of this type, usually one that exists. */
  readonly uidOf: (type: string) => Uid;
}

/** Chooses literals. */
export class Literals {
  readonly #random: Random;
  readonly #uids: Uids;
  /** How often an extension value is made from text that it refuses. */
  readonly #badRate: number;

  constructor(random: Random, uids: Uids, badRate: number) {
    this.#random = random;
    this.#uids = uids;
    this.#badRate = badRate;
  }

  /** The same, but another share of extension values is refused. */
  withBadRate(badRate: number): Literals {
    return new Literals(this.#random, this.#uids, badRate);
  }

  /** One of few strings, or two of them together. */
  string(): string {
    const random = this.#random;
    return random.chance(0.15) ? random.pick(STRINGS) + random.pick(STRINGS) : random.pick(STRINGS);
  }

  /** Parts of a pattern, which mostly are parts of `text`; they may overlap there, so that a match by each alone is none by all. */
  pattern(text: string): string[] {
    const random = this.#random;
    const chars = [...text];
    const piece = (): string => {
      const start = random.between(0, chars.length);
      return chars.slice(start, random.between(start, chars.length)).join('');
    };
    return random.list(random.between(0, 5), (at) => {
      if (at % 2 === text.length % 2) return random.chance(0.9) ? '' : this.string();
      return random.chance(0.8) ? piece() : this.string();
    });
  }

  /** An integer as text. */
  long(): string {
    return this.#random.pick(this.#random.chance(0.25) ? EDGE_LONGS : LONGS);
  }

  /** A value of the type: a term of literals only. */
  of(type: FuzzType): Term {
    const random = this.#random;
    switch (type.kind) {
      case 'Boolean':
        return term('bool', [String(random.chance(0.5))]);
      case 'Long':
        return term('long', [this.long()]);
      case 'String':
        return term('string', [this.string()]);
      case 'Set':
        return this.#set(type.of);
      case 'Record': {
        const fields = type.fields.filter(({ isRequired }) => isRequired || random.chance(0.6));
        return term(
          'record',
          fields.map(({ name }) => name),
          fields.map((field) => this.of(field.type)),
        );
      }
      case 'Entity': {
        const { type: name, id } = this.#uids.uidOf(type.name);
        return term('entity', [name, id]);
      }
      default:
        return this.#extension(type.kind);
    }
  }

  /** Items may repeat, and sometimes are more than a dozen. */
  #set(of: FuzzType): Term {
    const random = this.#random;
    const items = random.list(random.chance(0.08) ? random.between(13, 20) : random.between(1, 4), () => this.of(of));
    return term('set', [], random.chance(0.3) ? [...items, ...items.slice(0, 1)] : items);
  }

  #extension(kind: keyof typeof TEXTS): Term {
    const maker = MAKERS[kind];
    const texts = this.#random.chance(this.#badRate) ? (BAD[maker] ?? []) : TEXTS[kind];
    return term(maker, [], [term('string', [this.#random.pick(texts)])]);
  }
}

/**
 * A literal in Cedar's JSON. `isImplicit` says whether to leave out `__entity` and `__extn`, which only a schema makes up for.
 * Integers beyond 2^53 are bigint.
 */
export function literalJson(literal: Term, isImplicit: () => boolean): unknown {
  const { op, words, args } = literal;
  const [word = ''] = words;
  switch (op) {
    case 'bool':
      return word === 'true';
    case 'long':
      return Number.isSafeInteger(Number(word)) ? Number(word) : BigInt(word);
    case 'string':
      return word;
    case 'set':
      return args.map((arg) => literalJson(arg, isImplicit));
    case 'record':
      return Object.fromEntries(args.map((arg, at) => [words[at] ?? '', literalJson(arg, isImplicit)]));
    case 'entity': {
      const uid = { type: word, id: words[1] ?? '' };
      return isImplicit() ? uid : { __entity: uid };
    }
    default: {
      const arg = args[0]?.words[0] ?? '';
      return isImplicit() ? arg : { __extn: { fn: op, arg } };
    }
  }
}
