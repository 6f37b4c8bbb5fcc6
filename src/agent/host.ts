import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { basename, join } from 'node:path';
import { type Cidr, cidrContains, formatAddress, parseAddress, parseCidr } from '#base';
import { WIRE_LIMITS } from '#wire';
import { type RunCommand, runCommand } from './command.ts';

/** The host as the agent sees it: files below a root, commands, and addresses. Tests give it another root. */
export interface Host {
  readonly hostname: string;
  readonly run: RunCommand;
  /** The text of a file; undefined when there is none or it cannot be read. */
  read(path: string): Promise<string | undefined>;
  /** The names in a directory; none when it cannot be read. */
  list(path: string): Promise<readonly string[]>;
  /** The last part of what a symbolic link points to. */
  linkName(path: string): Promise<string | undefined>;
  /** When a file or directory last changed, and what would differ if it were another one. */
  stat(path: string): Promise<{ readonly modifiedAt: number; readonly stamp: string } | undefined>;
  /** Addresses other hosts can reach this one by. */
  addresses(): readonly string[];
}

const MOST_FILE_BYTES = 4 * 1024 * 1024;

/** Files, commands and addresses of this machine. */
export function thisHost(root = '/'): Host {
  const at = (path: string): string => join(root, path);
  return {
    hostname: hostname().slice(0, 253),
    run: runCommand,
    read: async (path) => {
      const text = await orNothing(readFile(at(path), 'utf8'));
      return text === undefined || text.length > MOST_FILE_BYTES ? undefined : text;
    },
    list: async (path) => (await orNothing(readdir(at(path)))) ?? [],
    linkName: async (path) => {
      const target = await orNothing(readlink(at(path)));
      return target === undefined ? undefined : basename(target);
    },
    stat: async (path) => {
      const found = await orNothing(stat(at(path), { bigint: true }));
      if (found === undefined) return undefined;
      return { modifiedAt: Number(found.mtimeMs), stamp: `${found.ino}:${found.size}:${found.mtimeNs}` };
    },
    addresses: hostAddresses,
  };
}

/** A fact that cannot be read is not an error of the agent: whoever asked says what is missing. */
async function orNothing<T>(attempt: Promise<T>): Promise<T | undefined> {
  try {
    return await attempt;
  } catch {
    return undefined;
  }
}

const LINK_LOCAL: readonly Cidr[] = ['169.254.0.0/16', 'fe80::/10'].flatMap((text) => {
  const parsed = parseCidr(text);
  return parsed.ok ? [parsed.value] : [];
});

function hostAddresses(): string[] {
  const found = new Set<string>();
  for (const address of Object.values(networkInterfaces()).flat()) {
    if (address === undefined || address.internal) continue;
    const parsed = parseAddress(address.address);
    if (!parsed.ok || LINK_LOCAL.some((network) => cidrContains(network, parsed.value))) continue;
    found.add(formatAddress(parsed.value));
  }
  return [...found].sort().slice(0, WIRE_LIMITS.addresses);
}
