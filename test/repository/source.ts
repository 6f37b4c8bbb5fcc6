import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';

/** A file of the repository, seen by the rules. */
export interface SourceFile {
  /** Path below the root, with `/`. */
  readonly path: string;
  readonly bytes: number;
  /** The text; empty for a file that is not text. */
  readonly text: string;
  /** The text with comments blanked; lines and columns stay. Only for TypeScript and JavaScript. */
  readonly code: string;
  /** The same with the content of strings blanked too. */
  readonly bare: string;
}

const GENERATED = new Set(['.git', 'node_modules', 'dist']);
const BINARY = new Set(['.png', '.jpg', '.gif', '.ico', '.woff2', '.wasm', '.parquet', '.gz', '.zip']);
const CODE = new Set(['.ts', '.tsx', '.js']);

/** Every file of the repository that is not generated. `data` at the root is where a local Cordon keeps its state. */
export function readRepository(root: string): SourceFile[] {
  const files: SourceFile[] = [];
  const walk = (below: string): void => {
    for (const entry of readdirSync(join(root, below), { withFileTypes: true })) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (GENERATED.has(entry.name) || path === 'data' || /(?:^|\/)\.(?:dist-|cordon-)|\.log$/.test(path)) continue;
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile())
        files.push(sourceFile(path, readText(join(root, path)), statSync(join(root, path)).size));
    }
  };
  walk('');
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function readText(path: string): string {
  return BINARY.has(extname(path)) ? '' : readFileSync(path, 'utf8');
}

/** Makes a source file from its text, as the rules see it. */
export function sourceFile(path: string, text: string, bytes: number = Buffer.byteLength(text)): SourceFile {
  const isCode = CODE.has(extname(path));
  return { path, text, bytes, code: isCode ? blank(text, false) : '', bare: isCode ? blank(text, true) : '' };
}

const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"|`(?:[^`\\]|\\[\s\S])*`|(?<=[(,=:[!&|?{};+]\s*|\breturn\s+|^\s*)\/(?![*/])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/gm;

/**
 * Blanks comments and, when asked, what stands in strings and regular expressions. It is a lexer for sources that are
 * formatted and compile; a template's `${…}` counts as part of the string, except that calls in it are kept.
 */
function blank(text: string, alsoStrings: boolean): string {
  const spaces = (part: string): string => part.replaceAll(/[^\n]/g, ' ');
  return text.replaceAll(TOKEN, (token) => {
    if (token.startsWith('//') || token.startsWith('/*')) return spaces(token);
    if (!alsoStrings) return token;
    if (!token.startsWith('`')) return token.slice(0, 1) + spaces(token.slice(1, -1)) + token.slice(-1);
    let end = 0;
    let kept = '';
    for (const hole of token.matchAll(/\$\{[^{}]*\}/g)) {
      kept += spaces(token.slice(end, hole.index)) + hole[0];
      end = hole.index + hole[0].length;
    }
    return kept + spaces(token.slice(end));
  });
}

/** The line of an offset, from 1. */
function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** Every place where `pattern` (global) matches `text`, as `path:line`, with the match. */
export function places(
  file: SourceFile,
  text: string,
  pattern: RegExp,
): { readonly at: string; readonly match: RegExpExecArray }[] {
  return [...text.matchAll(pattern)].map((match) => ({ at: `${file.path}:${lineOf(text, match.index)}`, match }));
}

/** Whether a file only serves tests. */
export function isTest(path: string): boolean {
  return /\.test\.tsx?$|(?:^|\/)testdata\/|^test\//.test(path);
}
