import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { type Clock, isJsonObject, type Json, parseJson, type Problem } from '#base';
import type { Asset } from '#model';
import { accountOf } from './aws/account.ts';
import { isRegion, locate, type Located, reasonWithoutAssets, rowFor } from './aws/locate.ts';
import { NOT_DATA } from './aws/operations.ts';
import type { Row } from './aws/row.ts';
import { assetOf, type Call, Inventory } from './inventory.ts';
import { complain, type JsonNode, objects } from './json-node.ts';
import { walk, WALK_LIMITS, type WalkLimits } from './walk.ts';

/** What an import found, and everything it could not use. */
export interface ImportReport {
  readonly provider: 'aws';
  /** In order of id; T0 with an empty ledger until `classify` has ranked them. */
  readonly assets: readonly Asset[];
  /** Files whose name or content is not supported. */
  readonly unknownFiles: readonly string[];
  /** Files that are understood but describe no asset. */
  readonly ignoredFiles: readonly { readonly file: string; readonly reason: string }[];
  readonly problems: readonly Problem[];
  readonly counts: {
    readonly files: number;
    readonly read: number;
    readonly byKind: Readonly<Record<string, number>>;
  };
  /** `<account> <region> <operation>` of each listing that was read whole: only these can prove that an asset is gone. */
  readonly listings: readonly string[];
  readonly observedAt: number;
}

/** Options of `importAws`. */
export interface ImportOptions {
  readonly clock: Clock;
  readonly onProgress?: (done: number, total: number) => void;
  readonly limits?: WalkLimits;
}

interface Saved extends Located {
  readonly file: string;
  readonly fields: { readonly [key: string]: Json };
  readonly row: Row;
}

/**
 * Imports one or more accounts from a directory of saved AWS CLI output; `docs/reference/assets.md` lists the layouts.
 * Nothing in it can stop the import: broken files, wrong shapes and unknown files are listed and the rest is imported.
 * The same files give the same assets, whatever order the directory lists them in. Fails with `asset-directory-unreadable`.
 */
export async function importAws(directory: string, options: ImportOptions): Promise<ImportReport> {
  const problems: Problem[] = [];
  const found = await walk(directory, problems, options.limits ?? WALK_LIMITS);
  const sorted: Sorted = { saved: [], unknown: [], ignored: [], problems };
  const name = basename(resolve(directory));
  const rootRegion = isRegion(name) ? name : 'unknown';
  for (const [index, { file }] of found.entries()) {
    await readOne(join(directory, file), { file, rootRegion }, sorted);
    options.onProgress?.(index + 1, found.length);
  }
  const inventory = new Inventory();
  const listings = mapAll(sorted, inventory);
  const observedAt = options.clock.now();
  const assets = inventory.drafts().map((draft) => assetOf(draft, observedAt));
  return {
    provider: 'aws',
    assets,
    unknownFiles: sorted.unknown,
    ignoredFiles: sorted.ignored,
    problems,
    counts: {
      files: found.length,
      read: sorted.saved.length - sorted.ignored.filter((item) => item.reason !== LICENCE).length,
      byKind: countKinds(assets),
    },
    listings,
    observedAt,
  };
}

const LICENCE = 'licence or description';

interface Sorted {
  readonly saved: Saved[];
  readonly unknown: string[];
  readonly ignored: { file: string; reason: string }[];
  readonly problems: Problem[];
}

async function readOne(path: string, where: { file: string; rootRegion: string }, into: Sorted): Promise<void> {
  const { file } = where;
  if (NOT_DATA.test(basename(file))) {
    into.ignored.push({ file, reason: LICENCE });
    return;
  }
  const located = locate(file, where.rootRegion);
  if (located === undefined) {
    into.unknown.push(file);
    return;
  }
  const content = await contentOf(path, file, into.problems);
  if (content === undefined) return;
  const topLevel = Object.keys(content);
  const row = rowFor(located.name, topLevel);
  const reason = reasonWithoutAssets(located.name, topLevel);
  if (row === undefined && reason === undefined) {
    into.unknown.push(file);
    return;
  }
  if (row === undefined) into.ignored.push({ file, reason: reason ?? '' });
  into.saved.push({ ...located, file, fields: content, row: row ?? { operation: located.name, map: () => undefined } });
}

async function contentOf(
  path: string,
  file: string,
  problems: Problem[],
): Promise<{ readonly [key: string]: Json } | undefined> {
  let text: string;
  try {
    text = decodeText(await readFile(path));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    problems.push({ code: 'asset-file-skipped', message: `\`${file}\` cannot be read: ${reason}`, source: { file } });
    return undefined;
  }
  // An operation that answers nothing (an absent bucket policy, say) leaves an empty file.
  if (text.trim() === '') return {};
  const parsed = parseJson(text, file);
  if (!parsed.ok) {
    problems.push(parsed.error);
    return undefined;
  }
  if (isJsonObject(parsed.value)) return parsed.value;
  problems.push({ code: 'asset-shape-invalid', message: '`$` is not an object', source: { file } });
  return undefined;
}

/** UTF-8, or UTF-16 with a byte order mark as a Windows shell writes it. */
function decodeText(bytes: Buffer): string {
  return bytes[0] === 0xff && bytes[1] === 0xfe ? bytes.toString('utf16le') : bytes.toString('utf8');
}

/** Maps listings first and details after them, each in order of path; answers the listings that were read whole. */
function mapAll(sorted: Sorted, inventory: Inventory): string[] {
  const accounts = new Map<string, string>();
  for (const scope of new Set(sorted.saved.map((item) => item.scope))) {
    const account = accountOf(sorted.saved.filter((item) => item.scope === scope));
    accounts.set(scope, account ?? 'unknown');
    if (account === undefined) sorted.problems.push(unknownAccount(scope));
    else addAccount(account, sorted.saved.find((item) => item.scope === scope)?.file ?? '', inventory);
  }
  const listings: string[] = [];
  for (const phase of [false, true])
    for (const item of sorted.saved) {
      if ((item.row.detail ?? false) !== phase) continue;
      const call = callOf(item, accounts.get(item.scope) ?? 'unknown', inventory);
      const before = sorted.problems.length;
      mapOne(item, call, sorted.problems);
      const listing = item.argument === undefined ? item.row.operation : `${item.row.operation}/${item.argument}`;
      if (sorted.problems.length === before) listings.push(`${call.account} ${call.region} ${listing}`);
    }
  return [...new Set(listings)].sort();
}

function callOf(item: Saved, account: string, inventory: Inventory): Call {
  const { operation, listing } = item.row;
  return {
    file: item.file,
    operation,
    listing: listing ?? operation,
    argument: item.argument,
    account,
    region: item.region,
    inventory,
  };
}

function mapOne(item: Saved, call: Call, problems: Problem[]): void {
  const root: JsonNode = { fields: item.fields, file: item.file, path: '$', problems };
  if (isTruncated(item.fields)) {
    problems.push({
      code: 'asset-listing-truncated',
      message: `\`${item.file}\` is one page of a longer answer`,
      source: { file: item.file },
      hint: 'save the whole answer; the CLI follows pages when `--no-paginate` and `--max-items` are absent',
    });
  }
  const { list, map } = item.row;
  if (list === undefined) {
    if (Object.keys(item.fields).length > 0) map(root, call);
    return;
  }
  if (item.fields[list] === undefined) complain(root, list, 'is missing');
  for (const node of objects(root, list)) map(node, call);
}

/** What services call the rest of an answer: a flag that there is one, or where it begins. */
const MORE_FLAGS = ['IsTruncated', 'Truncated', 'HasMoreStreams'];
const MORE_FROM = ['NextToken', 'nextToken', 'NextMarker', 'Marker', 'ContinuationToken', 'LastEvaluatedTableName'];

function isTruncated(fields: { readonly [key: string]: Json }): boolean {
  if (MORE_FLAGS.some((key) => fields[key] === true)) return true;
  return MORE_FROM.some((key) => typeof fields[key] === 'string' && fields[key] !== '');
}

function addAccount(account: string, file: string, inventory: Inventory): void {
  if (inventory.find({ account, region: 'global' }, 'account', account) !== undefined) return;
  const call: Call = {
    file,
    operation: 'account',
    listing: 'account',
    argument: undefined,
    account,
    region: 'global',
    inventory,
  };
  const node: JsonNode = { fields: {}, file, path: '$', problems: [] };
  inventory.add(call, node, { kind: 'account', arn: `arn:aws:iam::${account}:root`, native: account });
}

function unknownAccount(scope: string): Problem {
  return {
    code: 'asset-account-unknown',
    message: `nothing in \`${scope === '' ? '.' : scope}\` names the account, so its assets belong to \`unknown\``,
    hint: 'save `aws sts get-caller-identity` as `sts-get-caller-identity.json` beside the other files',
  };
}

function countKinds(assets: readonly Asset[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { kind } of assets) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}
