import type { Json } from '#base';
import type { Asset, AssetRelation } from '#model';
import type { JsonNode } from './json-node.ts';

/** One saved answer of one call, located in its account and region. */
export interface Call {
  /** Path relative to the root of the import. */
  readonly file: string;
  /** `service-operation`, as in the table of operations. */
  readonly operation: string;
  /** The operation whose listing tells whether the assets of this call still exist. */
  readonly listing: string;
  /** Decoded argument of the call, for files named `service-operation/<argument>`. */
  readonly argument: string | undefined;
  readonly account: string;
  readonly region: string;
  readonly inventory: Inventory;
}

/** What a mapper says about one asset. */
export interface Finding {
  readonly kind: string;
  /** ARN where the provider has one. */
  readonly arn?: string | undefined;
  /** The provider's short id; together with account, region and kind it makes the id when there is no ARN. */
  readonly native: string;
  readonly name?: string | undefined;
  /** `global` for what belongs to no region. */
  readonly region?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly attributes?: { readonly [key: string]: Json | undefined };
  readonly relations?: readonly AssetRelation[];
}

/** An asset being put together from several calls. */
export interface Draft {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly account: string;
  readonly region: string;
  labels: Readonly<Record<string, string>>;
  readonly attributes: Map<string, Json>;
  readonly relations: Map<string, AssetRelation>;
  readonly source: string;
  /** Attribute -> `file#path` it came from; `self` is the asset's own entry. */
  readonly evidence: Map<string, string>;
}

/** The id of an asset that has no ARN. */
function nativeId(call: Pick<Call, 'account' | 'region'>, kind: string, native: string): string {
  return `aws:${call.account}:${call.region}:${kind}:${native}`;
}

/** Relations of one type to several assets without ARNs, in the call's account and region. */
export function relate(
  call: Call,
  type: string,
  kind: string,
  natives: readonly (string | undefined)[],
): AssetRelation[] {
  return natives.flatMap((native) => (native === undefined ? [] : [{ type, to: nativeId(call, kind, native) }]));
}

/** Collects drafts by id and by name, whatever order the files come in. */
export class Inventory {
  readonly #drafts = new Map<string, Draft>();
  readonly #aliases = new Map<string, Draft>();
  readonly #natives = new Map<string, Draft[]>();

  /** Adds what a listing shows. Of two findings with one id the first stays, and the second is a problem when it differs. */
  add(call: Call, node: JsonNode, finding: Finding): Draft {
    const region = finding.region ?? call.region;
    const id = finding.arn ?? nativeId({ account: call.account, region }, finding.kind, finding.native);
    const draft: Draft = {
      id,
      kind: finding.kind,
      name: finding.name ?? finding.native,
      account: call.account,
      region,
      labels: finding.labels ?? {},
      attributes: new Map(),
      relations: new Map(),
      source: call.file,
      evidence: new Map([['self', place(node)]]),
    };
    for (const [key, value] of Object.entries(finding.attributes ?? {}))
      if (value !== undefined) draft.attributes.set(key, value);
    if (!draft.attributes.has('listing')) draft.attributes.set('listing', `${call.region} ${call.listing}`);
    for (const relation of finding.relations ?? []) addRelation(draft, relation);
    const known = this.#drafts.get(id);
    if (known !== undefined) {
      if (fingerprint(known) !== fingerprint(draft)) noteDuplicate(node, known);
      return known;
    }
    this.#drafts.set(id, draft);
    const key = aliasKey(draft, '', finding.native);
    this.#natives.set(key, [...(this.#natives.get(key) ?? []), draft]);
    for (const alias of [finding.native, finding.name]) {
      if (alias !== undefined) this.#alias(draft, alias);
    }
    return draft;
  }

  #alias(draft: Draft, alias: string): void {
    const key = aliasKey(draft, draft.kind, alias);
    if (!this.#aliases.has(key)) this.#aliases.set(key, draft);
  }

  /** The draft with this id, or of this kind with this native id or name in the call's account and region. */
  find(call: Pick<Call, 'account' | 'region'>, kind: string, alias: string): Draft | undefined {
    return (
      this.#drafts.get(alias) ??
      this.#aliases.get(aliasKey(call, kind, alias)) ??
      this.#aliases.get(aliasKey({ account: call.account, region: 'global' }, kind, alias))
    );
  }

  /** Every draft with this native id in the call's account and region, whatever its kind. */
  byNative(call: Pick<Call, 'account' | 'region'>, native: string): readonly Draft[] {
    return this.#natives.get(aliasKey(call, '', native)) ?? [];
  }

  /** Adds attributes that a further call tells about an asset, with where they came from. */
  enrich(draft: Draft, node: JsonNode, attributes: { readonly [key: string]: Json | undefined }): void {
    for (const [key, value] of Object.entries(attributes)) {
      if (value === undefined) continue;
      draft.attributes.set(key, value);
      draft.evidence.set(key, place(node));
    }
  }

  /** Adds a relation that a further call tells about an asset. */
  relate(draft: Draft, type: string, to: string): void {
    addRelation(draft, { type, to });
  }

  /** Every draft, in order of id. */
  drafts(): Draft[] {
    return [...this.#drafts.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}

/**
 * The asset of a draft. It is T0 with an empty ledger until `classify` has ranked it: what has not been judged is never ordinary.
 */
export function assetOf(draft: Draft, observedAt: number): Asset {
  const evidence = Object.fromEntries([...draft.evidence].sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    id: draft.id,
    kind: draft.kind,
    name: draft.name,
    provider: 'aws',
    account: draft.account,
    region: draft.region,
    labels: draft.labels,
    attributes: { ...Object.fromEntries([...draft.attributes].sort(([a], [b]) => (a < b ? -1 : 1))), evidence },
    relations: [...draft.relations.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, relation]) => relation),
    source: draft.source,
    observedAt,
    computedTier: 0,
    impact: 100,
    confidence: 0,
    ledger: [],
  };
}

function place(node: JsonNode): string {
  return `${node.file}#${node.path}`;
}

function addRelation(draft: Draft, relation: AssetRelation): void {
  draft.relations.set(`${relation.type} ${relation.to}`, relation);
}

function aliasKey(call: Pick<Call, 'account' | 'region'>, kind: string, alias: string): string {
  return `${call.account} ${call.region} ${kind} ${alias}`;
}

function fingerprint(draft: Draft): string {
  const attributes = [...draft.attributes].filter(([key]) => key !== 'listing');
  return JSON.stringify([draft.kind, draft.name, draft.labels, attributes, [...draft.relations.keys()]]);
}

function noteDuplicate(node: JsonNode, known: Draft): void {
  node.problems.push({
    code: 'asset-duplicate',
    message: `\`${node.path}\` describes \`${known.id}\` again, and differently from \`${known.source}\``,
    source: { file: node.file },
    hint: 'the first description stays; save both calls again at the same time',
  });
}
