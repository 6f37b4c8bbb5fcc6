import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson, isJsonObject, type Json, parseJson, randomOctets } from '#base';
import type { HostProgram } from '#wire';
import { type CommandResult, outputOf, type RunCommand } from '../command.ts';
import type { StateDirectory } from '../state.ts';

/** What the kernel holds of table `inet cordon`. */
export interface TableListing {
  /** Changes with every rule, chain, set and element of a set that is not filled by traffic. */
  readonly digest: string;
  readonly objects: readonly Json[];
}

/** nftables, as far as the agent uses it. Every function resolves; a refusal is one line of text. */
export interface Nft {
  /** Asks whether the kernel would take a document. */
  check(document: HostProgram['document']): Promise<string | undefined>;
  /** Applies a document in one transaction: all of it, or nothing. */
  apply(document: HostProgram['document']): Promise<string | undefined>;
  /** Lists the table; undefined when there is none. */
  list(): Promise<TableListing | undefined | { readonly error: string }>;
}

/** A document goes to nft by a file: it cannot read every kind of standard input. */
const FILE = 'program.nft.json';
const MOST_BYTES = 64 * 1024 * 1024;
const LIMITS = { timeoutMs: 30_000, maxBytes: MOST_BYTES };

/** nftables of this host. */
export function nftables(run: RunCommand, state: StateDirectory): Nft {
  const feed = async (flags: readonly string[], document: HostProgram['document']): Promise<string | undefined> => {
    const file = await writeDocument(state, JSON.stringify({ nftables: document.nftables }));
    if (file.path === undefined) return file.error;
    const printed = outputOf('nft', await run('nft', [...flags, '-j', '-f', file.path], LIMITS));
    await file.remove();
    return 'unknown' in printed ? printed.unknown : undefined;
  };
  return {
    check: async (document) => await feed(['-c'], document),
    apply: async (document) => await feed([], document),
    list: async () => {
      const result = await run('nft', ['-j', 'list', 'table', 'inet', 'cordon'], LIMITS);
      if (isMissingTable(result)) return undefined;
      const printed = outputOf('nft', result);
      if ('unknown' in printed) return { error: printed.unknown };
      const json = parseJson(printed.text);
      const objects = json.ok && isJsonObject(json.value) ? json.value['nftables'] : undefined;
      if (!Array.isArray(objects)) return { error: '`nft` printed something that is not its JSON' };
      return { digest: digestOf(objects as readonly Json[]), objects: objects as readonly Json[] };
    },
  };
}

/** A full disk must not keep a program from being applied, a quarantine least of all: memory serves as well. */
async function writeDocument(
  state: StateDirectory,
  text: string,
): Promise<{ path: string; remove(): Promise<void> } | { path: undefined; error: string }> {
  try {
    await state.write(FILE, text);
    return { path: join(state.path, FILE), remove: async () => await Promise.resolve() };
  } catch {
    const path = `/run/cordon-agent-${randomOctets(8).toString('hex')}.json`;
    try {
      await writeFile(path, text, { mode: 0o600, flag: 'wx' });
      return { path, remove: async () => await rm(path, { force: true }) };
    } catch (error) {
      return { path: undefined, error: `no file can be written: ${error instanceof Error ? error.message : ''}` };
    }
  }
}

/** Whether `nft list table` failed because there is no such table. */
export function isMissingTable(result: CommandResult): boolean {
  return result.outcome === 'exited' && result.code !== 0 && /No such file or directory/.test(result.stderr);
}

/** The document that takes the table away. */
export const NO_TABLE: HostProgram['document'] = {
  nftables: [
    { add: { table: { family: 'inet', name: 'cordon' } } },
    { delete: { table: { family: 'inet', name: 'cordon' } } },
  ],
};

/** Handles and counters differ between two listings of one table; sets with a timeout are filled by traffic. */
function digestOf(objects: readonly Json[]): string {
  const lasting = objects
    .filter((object) => isJsonObject(object) && object['metainfo'] === undefined)
    .map(withoutState);
  return createHash('sha256').update(canonicalJson(lasting)).digest('hex');
}

function withoutState(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(withoutState);
  if (!isJsonObject(value)) return value;
  const isFilled = value['timeout'] !== undefined;
  const entries = Object.entries(value)
    .filter(([key]) => key !== 'handle' && !(isFilled && key === 'elem'))
    .map(([key, inner]): [string, Json] => [key, key === 'counter' ? null : withoutState(inner)]);
  return Object.fromEntries(entries);
}
