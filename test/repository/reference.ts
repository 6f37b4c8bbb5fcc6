import { posix } from 'node:path';
import { importsOf } from './layout.ts';
import { isTest, places, type SourceFile } from './source.ts';

const CODE = '[a-z][a-z0-9]*(?:-[a-z0-9]+)*';
/** Where a failure gets its code: `new CordonError('…'`, `code: '…'`, also by a condition, or a function that says so. */
const FAILURE_CODE = new RegExp(
  `(?:\\bCordonError\\(\\s*|\\bcode: (?:[^'"\\n]*\\? )?|\\bcode: [^\\n]*'${CODE}' : |` +
    `\\b(?:problem|refus\\w*|fail\\w*|bad|\\w*[eE]rror|\\w*[pP]roblem|note)\\(\\s*(?:\\w+, )?)'(${CODE})'`,
  'g',
);

/** The codes of a reference page: the first cell of each row. */
function documentedCodes(page: string): string[] {
  return [...page.matchAll(/^\| `([^`]+)` \|/gm)].map((row) => row[1] ?? '');
}

/** Every error code the sources make, with the first place of each. */
function errorCodes(files: readonly SourceFile[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const file of files) {
    if (!/^(?:src|console\/src)\//.test(file.path) || isTest(file.path)) continue;
    for (const { at, match } of places(file, file.code, FAILURE_CODE)) {
      const code = match[1] ?? '';
      if (code.includes('-') && !found.has(code)) found.set(code, at);
    }
  }
  return found;
}

/**
 * Codes that only one of page and sources knows. A refusal may carry a reason of the catalogue; those have their own
 * page, and need no row in this one.
 */
export function errorCodeProblems(files: readonly SourceFile[], page: string, reasons: ReadonlySet<string>): string[] {
  const documented = documentedCodes(page);
  const undocumented = [...errorCodes(files)]
    .filter(([code]) => !documented.includes(code) && !reasons.has(code))
    .map(([code, at]) => `${at} makes the error \`${code}\`, which docs/reference/errors.md does not list`);
  const sources = files
    .filter(({ path }) => /^(?:src|console\/src)\//.test(path) && !isTest(path))
    .map(({ code }) => code)
    .join('\n');
  const stale = documented
    .filter((code) => !new RegExp(`['"\`]${code}['"\`]`).test(sources))
    .map((code) => `docs/reference/errors.md lists \`${code}\`, which no source makes`);
  const unsorted = documented
    .filter((code, index) => index > 0 && (documented[index - 1] ?? '') >= code)
    .map((code) => `docs/reference/errors.md: \`${code}\` stands twice or not in order`);
  return [...undocumented, ...stale, ...unsorted];
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** Dependencies without a line that says why, lines without a dependency, and versions that are not exact. */
export function dependencyProblems(manifest: Manifest, page: string): string[] {
  const all = { ...manifest.dependencies, ...manifest.devDependencies };
  const documented = documentedCodes(page);
  return [
    ...Object.keys(all)
      .filter((name) => !documented.includes(name))
      .map((name) => `docs/reference/dependencies.md has no row that says why \`${name}\` is needed`),
    ...documented
      .filter((name) => all[name] === undefined)
      .map((name) => `docs/reference/dependencies.md names \`${name}\`, which package.json does not`),
    ...Object.entries(all)
      .filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))
      .map(([name, version]) => `package.json: \`${name}\` is \`${version}\`; pin one exact version`),
  ];
}

/** Packages that the server imports although they are there for development only, or not at all. */
export function undeclaredImports(files: readonly SourceFile[], manifest: Manifest): string[] {
  return files.flatMap((file) => {
    if (!file.path.startsWith('src/') || isTest(file.path)) return [];
    return importsOf(file).flatMap(({ at, from }) => {
      if (/^(?:\.|#|node:)/.test(from)) return [];
      const name = from
        .split('/')
        .slice(0, from.startsWith('@') ? 2 : 1)
        .join('/');
      return manifest.dependencies[name] === undefined ? [`${at} imports \`${name}\`, which is no dependency`] : [];
    });
  });
}

/** Links between pages, and pages that sources name, which lead nowhere. */
export function brokenLinks(files: readonly SourceFile[]): string[] {
  const paths = files.map(({ path }) => path);
  const isThere = (path: string): boolean => paths.some((one) => one === path || one.startsWith(`${path}/`));
  return files.flatMap((file) => {
    if (file.path.endsWith('.md')) {
      return places(file, file.text, /\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)/g).flatMap(({ at, match }) => {
        const target = posix.join(posix.dirname(file.path), match[1] ?? '').replace(/\/$/, '');
        return isThere(target) ? [] : [`${at} links to \`${match[1]}\`, which is not there`];
      });
    }
    if (!/^(?:src|console|scripts|bench)\//.test(file.path)) return [];
    return places(file, file.text, /\bdocs\/[\w/-]+\.md\b/g).flatMap(({ at, match }) =>
      isThere(match[0]) ? [] : [`${at} names \`${match[0]}\`, which is not there`],
    );
  });
}
