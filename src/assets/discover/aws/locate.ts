import { NO_ASSETS, OPERATIONS } from './operations.ts';
import type { Row } from './row.ts';

/** What a file's path says about its content. */
export interface Located {
  /** Path before the region: separates several accounts saved side by side. */
  readonly scope: string;
  readonly region: string;
  /** The operation's name, or the file's stem when it is in PascalCase. */
  readonly name: string;
  readonly argument: string | undefined;
}

const REGION = /^(?:af|ap|ca|cn|eu|il|me|mx|sa|us)(?:-[a-z]+)+-\d$/;
const BY_OPERATION: ReadonlyMap<string, Row> = new Map(OPERATIONS.map((row) => [row.operation, row]));
const BY_LIST: ReadonlyMap<string, Row> = new Map(
  OPERATIONS.flatMap((row): [string, Row][] => (row.list === undefined ? [] : [[row.list, row]])).reverse(),
);

/** True for names of AWS regions. */
export function isRegion(name: string): boolean {
  return REGION.test(name);
}

/**
 * Reads `<scope>/<region>/<operation>.json` and `<region>/<operation>/<url-encoded argument>` off a path.
 * `rootRegion` stands in when the imported directory itself is the region.
 */
export function locate(file: string, rootRegion: string): Located | undefined {
  const parts = file.split('/');
  const at = parts.findIndex(isRegion);
  const rest = parts.slice(at + 1);
  const [first, ...deeper] = rest;
  if (first === undefined) return undefined;
  const name = deeper.length === 0 ? first.replace(/\.json$/i, '') : first;
  const argument = deeper.length === 0 ? undefined : decodedPath(deeper);
  return {
    scope: parts.slice(0, Math.max(at, 0)).join('/'),
    region: at < 0 ? rootRegion : (parts[at] ?? ''),
    name,
    argument,
  };
}

/** The row for a located file: by operation, or by the top-level list of a file whose name is in PascalCase. */
export function rowFor(name: string, topLevel: readonly string[]): Row | undefined {
  const row = BY_OPERATION.get(name);
  if (row !== undefined || !/^[A-Z][A-Za-z]*$/.test(name)) return row;
  for (const key of topLevel) {
    const byList = BY_LIST.get(key);
    if (byList !== undefined) return byList;
  }
  return undefined;
}

/** Why a file of this name holds no assets, when that is known. */
export function reasonWithoutAssets(name: string, topLevel: readonly string[]): string | undefined {
  if (Object.hasOwn(NO_ASSETS, name)) return NO_ASSETS[name];
  if (!/^[A-Z][A-Za-z]*$/.test(name)) return undefined;
  const key = topLevel.find((item) => Object.hasOwn(NO_ASSETS, item));
  if (key !== undefined) return NO_ASSETS[key];
  return name === 'ClassicLinkInstances' ? 'EC2-Classic is gone' : undefined;
}

function decodedPath(parts: readonly string[]): string {
  return parts
    .map((part, index) => {
      const plain = index === parts.length - 1 ? part.replace(/\.json$/i, '') : part;
      try {
        return decodeURIComponent(plain);
      } catch {
        return plain; // not URL-encoded: the name is the argument as it stands
      }
    })
    .join('/');
}
