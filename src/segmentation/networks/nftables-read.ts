import {
  err,
  type IpSet,
  ipSet,
  ipSetOf,
  isJsonObject,
  type Json,
  ok,
  parseAddress,
  parseCidr,
  type Result,
} from '#base';

/** A rule with a verdict, or without one when it only counts. */
export interface NftRule {
  readonly expr: readonly Json[];
}

/** A base chain: where it hooks in, what happens to packets no rule decides, and its rules in order. */
export interface NftChain {
  readonly name: string;
  readonly type: string;
  readonly hook: string;
  readonly policy: string;
  readonly rules: NftRule[];
}

/** A named set. A dynamic one changes by itself, so no verdict may depend on it. */
export interface NftSet {
  readonly isDynamic: boolean;
  readonly elements: Json[];
}

/** The one table of a document. */
export interface NftTable {
  readonly family: string;
  readonly name: string;
  readonly chains: Map<string, NftChain>;
  readonly sets: Map<string, NftSet>;
}

/**
 * Reads a document of commands (`add`, and `delete` of the table before it is made anew) or the output of
 * `nft -j list table`. Refuses, by naming it, everything it does not understand: an unread construct could be an open door.
 */
export function readTable(document: Json, family: string, name: string): Result<NftTable, string> {
  const entries = get(document, 'nftables');
  if (!Array.isArray(entries)) return err('the document has no `nftables` array');
  let table: NftTable | undefined;
  for (const entry of list(entries)) {
    const [verb, inner] = only(entry);
    const isCommand = verb === 'add' || verb === 'delete';
    const [kind, body] = isCommand ? only(inner) : [verb, inner];
    if (kind === 'metainfo') continue;
    const owner = kind === 'table' ? get(body, 'name') : get(body, 'table');
    if (get(body, 'family') !== family || owner !== name)
      return err(`the document touches something outside table \`${family} ${name}\``);
    if (verb === 'delete' && kind !== 'table') return err(`the command \`delete ${kind}\` is not understood`);
    if (kind === 'table') {
      if (get(body, 'flags') !== null) return err('the table has flags (a dormant table filters nothing)');
      if (verb === 'delete') table = undefined;
      else table ??= { family, name, chains: new Map(), sets: new Map() };
      continue;
    }
    if (table === undefined) return err(`\`${kind}\` comes before its table`);
    const problem = addObject(table, kind, body);
    if (problem !== undefined) return err(problem);
  }
  return table === undefined ? err(`there is no table \`${family} ${name}\``) : ok(table);
}

function addObject(table: NftTable, kind: string, body: Json): string | undefined {
  const name = get(body, 'name');
  switch (kind) {
    case 'chain': {
      const [type, hook, policy] = ['type', 'hook', 'policy'].map((key) => get(body, key));
      if (typeof name !== 'string' || typeof type !== 'string' || typeof hook !== 'string')
        return 'a chain that is not a base chain is not understood';
      if (get(body, 'dev') !== null || table.chains.has(name)) return `chain \`${name}\` is not understood`;
      // The kernel's default policy is accept.
      table.chains.set(name, { name, type, hook, policy: typeof policy === 'string' ? policy : 'accept', rules: [] });
      return undefined;
    }
    case 'set': {
      if (typeof name !== 'string' || table.sets.has(name)) return `set \`${String(name)}\` is not understood`;
      const flags = get(body, 'flags');
      const isStatic =
        flags === null || (Array.isArray(flags) && flags.every((flag) => flag === 'interval' || flag === 'constant'));
      table.sets.set(name, {
        isDynamic: !isStatic || get(body, 'timeout') !== null,
        elements: [...list(get(body, 'elem'))],
      });
      return undefined;
    }
    case 'element': {
      const set = typeof name === 'string' ? table.sets.get(name) : undefined;
      if (set === undefined) return `elements of an unknown set \`${String(name)}\``;
      set.elements.push(...list(get(body, 'elem')));
      return undefined;
    }
    case 'rule': {
      const chain = table.chains.get(String(get(body, 'chain')));
      const expr = get(body, 'expr');
      if (chain === undefined || !Array.isArray(expr)) return 'a rule outside the known chains is not understood';
      chain.rules.push({ expr });
      return undefined;
    }
    default:
      return `\`${kind}\` is not understood`;
  }
}

/** Reads address elements: a text, a `prefix` or a `range`. */
export function readAddresses(elements: readonly Json[]): Result<IpSet, string> {
  const ranges: { from: bigint; to: bigint }[] = [];
  for (const element of elements) {
    const one = readAddressElement(element);
    if (one === undefined) return err(`the element \`${JSON.stringify(element)}\` is not an address`);
    ranges.push(...one);
  }
  return ok(ipSet.of(ranges));
}

function readAddressElement(element: Json): IpSet | undefined {
  if (typeof element === 'string') {
    const address = parseAddress(element);
    return address.ok ? ipSetOf([address.value]) : undefined;
  }
  const [kind, body] = only(element);
  if (kind === 'prefix') {
    const cidr = parseCidr(`${String(get(body, 'addr'))}/${String(get(body, 'len'))}`);
    return cidr.ok ? ipSetOf([cidr.value]) : undefined;
  }
  const ends = Array.isArray(body) && body.length === 2 ? body.map((end: Json) => parseAddress(String(end))) : [];
  const [first, last] = ends;
  if (kind !== 'range' || first?.ok !== true || last?.ok !== true) return undefined;
  if (first.value.family !== last.value.family || first.value.value > last.value.value) return undefined;
  const [start] = ipSetOf([first.value]);
  const [end] = ipSetOf([last.value]);
  return start === undefined || end === undefined ? undefined : [{ from: start.from, to: end.to }];
}

/** The key and value of an object with one key. */
export function only(value: Json): readonly [string, Json] {
  const entries = isJsonObject(value) ? Object.entries(value) : [];
  return entries.length === 1 && entries[0] !== undefined ? entries[0] : ['something unreadable', null];
}

/** An own property, or null. */
export function get(value: Json, key: string): Json {
  return isJsonObject(value) && Object.hasOwn(value, key) ? (value[key] ?? null) : null;
}

function list(value: Json): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : value === null ? [] : [value];
}
