import { isAlias, isMap, LineCounter, parseDocument, visit, type Document } from 'yaml';
import { err, ok, type Problem, type Result, type SourceSpan } from '#base';
import type { Locate } from './check.ts';

/** Each alias repeats what its anchor holds; a few of them, nested, could repeat it a million times. */
const MAX_ALIASES = 50;

/** A YAML document as a value, and where its keys stand. */
export interface YamlDocument {
  readonly value: unknown;
  readonly locate: Locate;
}

/** Reads one YAML document; an empty one is an empty map. Every syntax error becomes `yaml-invalid` with its place. */
export function readYaml(text: string, file: string): Result<YamlDocument, readonly Problem[]> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const invalid = (message: string, offset: number): Problem => {
    const { line, col } = lines.linePos(offset);
    return { code: 'yaml-invalid', message, source: { file, line, column: col } };
  };
  // A warning is a tag that nothing here knows: what its author meant by it would be lost without a word.
  const wrong = [...document.errors, ...document.warnings].map(({ message, pos }) =>
    invalid(lowerFirst(message), pos[0]),
  );
  if (wrong.length === 0) wrong.push(...aliasProblems(document, invalid));
  if (wrong.length > 0) return err(wrong);
  // The library counts from one; with as many aliases as are taken it would throw.
  const value: unknown = document.contents === null ? {} : document.toJS({ maxAliasCount: MAX_ALIASES + 1 });
  return ok({
    value,
    locate: (path) => ({ file, ...locate(document, lines, path) }),
  });
}

/** Aliases to nothing (`host: *.example.org` is one) and more of them than a person writes; `toJS` would throw at both, without a place. */
function aliasProblems(document: Document, invalid: (message: string, offset: number) => Problem): Problem[] {
  const problems: Problem[] = [];
  let count = 0;
  visit(document, {
    Alias(_key, alias) {
      count++;
      // Finding what an alias means takes a walk through the document.
      if (count > MAX_ALIASES) return visit.BREAK;
      const offset = alias.range?.[0] ?? 0;
      const target = alias.resolve(document);
      if (target === undefined) {
        problems.push({
          ...invalid(`\`*${alias.source}\` is an alias of something that is not there`, offset),
          hint: 'put quotes around a text that begins with `*`',
        });
      } else if (holdsAlias(target)) {
        problems.push(invalid(`\`*${alias.source}\` repeats something that repeats something else`, offset));
      }
      return undefined;
    },
  });
  if (count > MAX_ALIASES) problems.push(invalid(`more than ${MAX_ALIASES} aliases`, 0));
  return problems;
}

function holdsAlias(node: Parameters<typeof visit>[0]): boolean {
  let isFound = false;
  visit(node, {
    Node(_key, inner) {
      if (isAlias(inner)) isFound = true;
      return isFound ? visit.BREAK : undefined;
    },
  });
  return isFound;
}

/** The position of the key at `path`, or of the nearest ancestor that exists. */
function locate(
  document: Document,
  lines: LineCounter,
  path: readonly PropertyKey[],
): Pick<SourceSpan, 'line' | 'column'> {
  for (let depth = path.length; depth > 0; depth--) {
    const parent = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
    if (!isMap(parent)) continue;
    const key = parent.items.find((item) => String(item.key) === String(path[depth - 1]))?.key;
    const range =
      typeof key === 'object' && key !== null && 'range' in key
        ? (key.range as readonly number[] | undefined)
        : undefined;
    if (range?.[0] !== undefined) {
      const { line, col } = lines.linePos(range[0]);
      return { line, column: col };
    }
  }
  return {};
}

/** The voice of messages: libraries begin theirs with a capital letter. */
export function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
