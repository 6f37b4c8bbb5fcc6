import { err, ok, type Result } from '#base';

/** A request target in the one form that is decided on and forwarded. */
export interface CanonicalTarget {
  /** Path: no dot segments, no empty segments, escapes upper-case and only where needed. */
  readonly path: string;
  /** Query with its `?`, as sent; empty when there is none. */
  readonly query: string;
}

const LONGEST = 8192;
const PATH_CHARACTERS = /^[A-Za-z0-9\-._~!$&'()*+,=:@%/|[\]]+$/;
const QUERY_CHARACTERS = /^[\x21\x22\x24-\x7e]*$/;
const UNRESERVED = /^[A-Za-z0-9\-_~]$/;
/** Decoded bytes that some server reads as structure: control characters, `%`, `.`, `/`, `;`, `\` and DEL. */
const AMBIGUOUS_BYTE = /^[\x00-\x1f%./;\\\x7f]$/;
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads a request target in origin form. Refuses every spelling that an upstream could resolve to another path than the
 * one decided on: encoded slashes, backslashes, dots, percent signs and controls, dot and empty segments, `;`, `#`,
 * bytes outside ASCII, and escapes that are not UTF-8 (`%c0%ae`). Escapes of unreserved characters are resolved, so
 * that `/%61dmin` is decided on as `/admin`. With `slash` the app takes `%2F` for a part of a name; it stays as it is, and no policy
 * sees a `/` in it. The error says what was wrong.
 * @see RFC 3986 section 6.2.2
 */
export function canonicalTarget(target: string, encoded?: 'slash'): Result<CanonicalTarget, string> {
  if (target.length > LONGEST) return err('the target is longer than 8192 characters');
  if (!target.startsWith('/')) return err('the target is not in origin form');
  const mark = target.indexOf('?');
  const raw = mark === -1 ? target : target.slice(0, mark);
  const query = mark === -1 ? '' : target.slice(mark);
  if (!QUERY_CHARACTERS.test(query)) return err('the query holds a `#` or a byte outside printable ASCII');
  if (!PATH_CHARACTERS.test(raw)) return err('the path holds a character that has to be escaped or is not allowed');
  if (raw.includes('//')) return err('the path holds an empty segment');
  if (/\/\.\.?(?:\/|$)/.test(raw)) return err('the path holds a dot segment');
  if (!raw.includes('%')) return ok({ path: raw, query });
  const path = resolveEscapes(raw, encoded);
  return path.ok ? ok({ path: path.value, query }) : path;
}

function resolveEscapes(raw: string, encoded: 'slash' | undefined): Result<string, string> {
  if (/%(?![0-9A-Fa-f]{2})/.test(raw)) return err('the path holds a broken escape');
  const bytes: number[] = [];
  let refused: string | undefined;
  const path = raw.replace(/%([0-9A-Fa-f]{2})/g, (escape, hex: string) => {
    const byte = Number.parseInt(hex, 16);
    const character = String.fromCharCode(byte);
    if (AMBIGUOUS_BYTE.test(character) && !(encoded === 'slash' && character === '/')) refused = escape;
    return UNRESERVED.test(character) ? character : escape.toUpperCase();
  });
  if (refused !== undefined) return err(`the path holds the ambiguous escape \`${refused}\``);
  // Attack: `/public/..%2Fadmin`, for a server that decodes first and resolves dots afterwards.
  if (path.includes('%2F') && /(?:\/|%2F)(?:\.{0,2})(?:%2F|\/|$)/.test(path.replace(/\/$/, '')))
    return err('an encoded slash stands beside a dot segment or an empty one');
  for (let i = 0; i < path.length; i++) {
    if (path[i] === '%') {
      bytes.push(Number.parseInt(path.slice(i + 1, i + 3), 16));
      i += 2;
    } else bytes.push(path.charCodeAt(i));
  }
  try {
    UTF8.decode(Uint8Array.from(bytes));
  } catch {
    return err('the escapes of the path are not UTF-8');
  }
  return ok(path);
}

/** True for paths Cordon answers itself on every host, in any case: `/.cordon` and below. */
export function isOwnPath(path: string): boolean {
  const start = path.slice(0, 9).toLowerCase();
  return start === '/.cordon/' || (start === '/.cordon' && path.length === 8);
}

/** A place to return to after sign-in: a path on the same host, or `/` for anything that could lead elsewhere. */
export function safeReturn(text: string | null | undefined): string {
  if (text === null || text === undefined || !/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(text)) return '/';
  const target = canonicalTarget(text);
  return target.ok && !isOwnPath(target.value.path) ? target.value.path + target.value.query : '/';
}
