import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { err, ok, type Problem, type Result } from '#base';
import { TEST_ENDING } from '#policy-analysis';

/** Deeper than anybody sorts policies, and the end of a symbolic link that leads back up. */
const DEEPEST = 8;
const HINT = 'create the directory with at least one `.cedar` file, or set `policies`';

const ENDINGS: readonly string[] = ['.cedar', TEST_ENDING];

/**
 * Reads the `*.cedar` files below `directory`, and their tests: relative path -> text, in order. Names that begin with a dot are left out (editors and
 * mounted volumes keep their own there); symbolic links are followed, because mounted volumes consist of them. Refuses with
 * `policies-unreadable` when anything cannot be read: a `forbid` must not get lost in silence.
 */
export function readPolicies(directory: string): Result<Readonly<Record<string, string>>, Problem> {
  const texts: [string, string][] = [];
  const problem = readFolder(directory, { below: '', depth: 0 }, texts);
  if (problem !== undefined) return err(problem);
  return ok(Object.fromEntries(texts.sort(([a], [b]) => (a < b ? -1 : 1))));
}

function readFolder(
  directory: string,
  { below, depth }: { readonly below: string; readonly depth: number },
  texts: [string, string][],
): Problem | undefined {
  let path = join(directory, below);
  if (depth > DEEPEST) {
    return {
      code: 'policies-unreadable',
      message: `\`${path}\` lies more than ${DEEPEST} folders deep`,
      source: { file: path },
      hint: 'see whether a symbolic link leads back up',
    };
  }
  try {
    for (const name of readdirSync(path)) {
      if (name.startsWith('.')) continue;
      path = join(directory, below, name);
      const kind = statSync(path);
      if (kind.isDirectory()) {
        const problem = readFolder(directory, { below: join(below, name), depth: depth + 1 }, texts);
        if (problem !== undefined) return problem;
      } else if (kind.isFile() && ENDINGS.some((ending) => name.endsWith(ending)))
        texts.push([join(below, name), readFileSync(path, 'utf8')]);
    }
    return undefined;
  } catch (cause) {
    return unreadable('policies-unreadable', path, {
      cause,
      hint: path === directory ? HINT : 'correct or remove it',
    });
  }
}

/** A problem with what the operating system said about a file. */
export function unreadable(
  code: string,
  file: string,
  why: { readonly cause: unknown; readonly hint: string },
): Problem {
  const reason = why.cause instanceof Error ? why.cause.message : String(why.cause);
  return {
    code,
    message: `cannot read \`${file}\`: ${reason.replace(/^E[A-Z]+: /, '').replace(/, .*$/, '')}`,
    source: { file },
    hint: why.hint,
  };
}
