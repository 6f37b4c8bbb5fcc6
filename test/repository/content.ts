import { isTest, places, type SourceFile } from './source.ts';

const MOST_LINES = 500;
const MOST_FUNCTION_LINES = 80;
const MOST_COMPONENT_LINES = 150; // markup is long, but it does not branch
const MOST_BYTES = 1024 * 1024;

function isCode(file: SourceFile): boolean {
  return /\.(?:ts|tsx|js)$/.test(file.path);
}

/** Exports of src and bench without a comment that says what they are. */
export function undocumentedExports(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => /^(?:src|bench|console\/src)\//.test(file.path) && isCode(file) && !isTest(file.path))
    .flatMap((file) => {
      const lines = file.text.split('\n');
      return lines.flatMap((line, index) => {
        const name = /^export (?:declare |abstract |async )*(?:const|let|function\*?|class|interface|type) (\w+)/.exec(
          line,
        )?.[1];
        const before =
          lines.slice(0, index).findLast((other) => !/^\/\/ (?:biome-ignor[e]|oxlint-disabl[e])/.test(other)) ?? '';
        if (name === undefined || before.trimEnd().endsWith('*/')) return [];
        const isOverload = lines.slice(0, index).some((other) => new RegExp(`^export function ${name}\\b`).test(other));
        return isOverload ? [] : [`${file.path}:${index + 1} exports \`${name}\` without a comment`];
      });
    });
}

/** Files and functions that are too long, and files too big for a repository. */
export function sizeProblems(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    if (file.bytes > MOST_BYTES)
      return [`${file.path} has ${file.bytes} bytes; at most 1 MiB belongs into a repository`];
    if (!isCode(file)) return [];
    const lines = file.bare.split('\n');
    const count = file.text.trimEnd().split('\n').length;
    const long = isTest(file.path) ? [] : longFunctions(file, lines);
    return count > MOST_LINES ? [`${file.path} has ${count} lines; at most ${MOST_LINES}`, ...long] : long;
  });
}

const FUNCTION_START =
  /^(\s*)(?:export )?(?:async )?(?:function\b|(?:[\w#.]+ )*(?:static |async |get |set |\*)*[\w#]+\(.*\{$|const \w+.*=>\s*\{$)/;
const NO_FUNCTION = /^\s*(?:if|for|while|switch|return|await|try|catch|else|do|throw|yield)\b/;

/** Sources are formatted, so that a function ends where a brace stands in the column in which it began. */
function longFunctions(file: SourceFile, lines: readonly string[]): string[] {
  const most = file.path.endsWith('.tsx') ? MOST_COMPONENT_LINES : MOST_FUNCTION_LINES;
  return lines.flatMap((line, index) => {
    const indent = FUNCTION_START.exec(line)?.[1];
    if (indent === undefined || NO_FUNCTION.test(line)) return [];
    const rest = lines.slice(index + 1);
    const length = rest.findIndex((later) => later.startsWith(`${indent}}`) && /^\s*\}[;,)]*$/.test(later)) + 2;
    return length > most ? [`${file.path}:${index + 1} begins a function of ${length} lines; at most ${most}`] : [];
  });
}

const FORBIDDEN: readonly { readonly pattern: RegExp; readonly instead: string }[] = [
  { pattern: /\bDate\.now\b|\bnew Date\(\s*\)|(?<![.\w])Date\(\s*\)/g, instead: 'take a Clock' },
  {
    pattern: /\bprocess\s*(?:\.\s*env\b|\[)|\{[^}]*\benv\b[^}]*\} = process\b/g,
    instead: 'take the value as an argument',
  },
  {
    pattern: /\bMath\.random\b|\brandom(?:Bytes|UUID|UUIDv7|Int|Fill|FillSync)\b|\bgetRandomValues\b/g,
    instead: 'use `newId`, `newToken` or `randomOctets` of #base',
  },
];

/** Reading the time, the environment or randomness outside base and main.ts. */
export function impurities(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => path.startsWith('src/') && !isTest(path))
    .filter(({ path }) => !path.startsWith('src/base/') && path !== 'src/main.ts')
    .flatMap((file) =>
      FORBIDDEN.flatMap(({ pattern, instead }) =>
        places(file, file.bare, pattern).map(({ at, match }) => `${at} uses \`${match[0]}\`: ${instead}`),
      ),
    );
}

// Written so that they do not match themselves.
const MACHINE: readonly { readonly pattern: RegExp; readonly what: string }[] = [
  {
    pattern: /(?<![\w.~*-])\/(?:wor[k]|hom[e]\/[a-z]+|roo[t]|User[s]\/[A-Za-z]+)\/[\w.-]+/g,
    what: 'a path of one machine',
  },
  {
    pattern: /\bhttps?:\/\/[\w.-]*(?:registr[y]|artifactor[y]|nexu[s]|verdacci[o])[\w.-]*/g,
    what: 'the host of a registry',
  },
  {
    pattern: /"resolve[d]": "/g,
    what: 'the registry a package came from; npm leaves it out with the .npmrc of this repository',
  },
  { pattern: /-----BEGIN (?:\w+ )*PRIVATE KE[Y]-----\n[A-Za-z0-9+/]/g, what: 'a private key' },
];

/** Traces of one machine or network: a clone must work anywhere. */
export function machineTraces(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => path !== 'LICENSE')
    .flatMap((file) =>
      MACHINE.flatMap(({ pattern, what }) =>
        places(file, file.text, pattern)
          .slice(0, 3)
          .map(({ at, match }) => `${at} holds ${what}: \`${match[0].trim()}\``),
      ),
    );
}

const BANNED_NAMES = /^(?:utils?|helpers?|common|misc|types?|shared|lib)$/;

/** Files of our code whose name is not kebab-case, or says nothing. */
export function nameProblems(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => isCode(file))
    .flatMap(({ path }) => {
      const parts = path.split('/').map((part) => part.replace(/(?:\.test)?\.(?:ts|tsx|js)$/, ''));
      const odd = parts.find((part) => !/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(part) && part !== 'vite.config');
      const empty = parts.find((part) => BANNED_NAMES.test(part));
      if (odd !== undefined) return [`${path}: \`${odd}\` is not kebab-case`];
      return empty === undefined ? [] : [`${path}: \`${empty}\` says nothing; name it after what it holds`];
    });
}

/** Switched-off checks without a reason, and things to do without an issue. */
export function looseEnds(files: readonly SourceFile[]): string[] {
  const rules: readonly { readonly pattern: RegExp; readonly what: string }[] = [
    { pattern: /@ts-(?:ignor[e]|nochec[k])/g, what: 'is never used; correct the types' },
    { pattern: /@ts-expect-erro[r](?!:? +\w)/g, what: 'needs a reason behind it' },
    { pattern: /(?:oxlint|eslint)-disabl[e](?:-next-line|-line)?(?![^\n]* -- \S)/g, what: 'needs ` -- reason`' },
    { pattern: /biome-ignor[e](?! [\w/]+: \S)/g, what: 'needs `: reason`' },
    { pattern: /\b(?:TOD[O]|FIXM[E]|XX[X])\b(?! ?\(?#\d+)/g, what: 'needs the number of its issue, `#12`' },
  ];
  return files
    .filter((file) => isCode(file))
    .flatMap((file) =>
      rules.flatMap(({ pattern, what }) =>
        places(file, file.text, pattern).map(({ at, match }) => `${at}: \`${match[0]}\` ${what}`),
      ),
    );
}
