import { posix } from 'node:path';
import { isTest, places, type SourceFile } from './source.ts';

/** The ranks of docs/architecture.md: a file imports lower ranks or its own area. */
const RANKS: Readonly<Record<string, number>> = {
  base: 0,
  model: 1,
  policy: 2,
  // The second front of policy, for those who study policies instead of asking them.
  'policy-analysis': 2,
  store: 2,
  journal: 2,
  wire: 2,
  assets: 3,
  identity: 3,
  devices: 3,
  config: 3,
  segmentation: 4,
  monitor: 4,
  gateway: 5,
  review: 5,
  api: 6,
  demo: 6,
  server: 7,
  cli: 7,
  main: 8,
};
/** The host agent stands beside the ranks: it runs elsewhere and reaches only these. */
const AGENT_REACH = ['base', 'model', 'wire'];
/** Imports between equal ranks that are meant, each with its reason. There is none; think twice before adding one. */
const MEANT: Readonly<Record<string, string>> = {};

interface Import {
  readonly at: string;
  readonly from: string;
}

/** Every module a file names, in imports, exports and `import()`. */
export function importsOf(file: SourceFile): Import[] {
  const pattern = /(?:^|[\s;}])(?:from|import)\s*\(?\s*(['"])([^'"\n]+)\1/g;
  return places(file, file.code, pattern).map(({ at, match }) => ({ at, from: match[2] ?? '' }));
}

/** The area of a path below `src`; `main` for src/main.ts, `contract` for what the console may see. */
function areaOf(path: string): string | undefined {
  if (path.startsWith('src/api/contract/')) return 'contract';
  return /^src\/(?:([a-z-]+)\/|(main)\.ts$)/
    .exec(path)
    ?.slice(1)
    .find((name) => name !== undefined);
}

/** Imports that go up, sideways or out of an area. */
export function rankProblems(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const area = areaOf(file.path);
    if (area === undefined) return outsiders(file);
    return importsOf(file).flatMap(({ at, from }) => {
      const wrong = from.startsWith('#')
        ? wrongArea(area, from.slice(1), isTest(file.path))
        : wrongPath(file, area, from);
      return wrong === undefined ? [] : [`${at} imports \`${from}\`: ${wrong}`];
    });
  });
}

/** Tests and benchmarks use an area as everybody does; only the scripts that write its reference look inside. */
function outsiders(file: SourceFile): string[] {
  if (!/^(?:test|bench)\//.test(file.path)) return [];
  return importsOf(file)
    .filter(({ from }) => from.startsWith('.') && posix.join(posix.dirname(file.path), from).startsWith('src/'))
    .filter(({ from }) => !from.endsWith('src/main.ts') && !/\/src\/(?:agent|demo)\/index\.ts$/.test(from))
    .map(({ at, from }) => `${at} imports \`${from}\`: outside src an area is entered by its \`#\` name`);
}

function wrongArea(area: string, target: string, fromTest: boolean): string | undefined {
  if (area === 'agent') {
    const reach = AGENT_REACH.includes(target) || (fromTest && target === 'agent');
    return reach ? undefined : `the agent reaches only ${AGENT_REACH.join(', ')}`;
  }
  if (target === area) return fromTest ? undefined : 'inside an area files import each other by path';
  if (target === 'agent') return area === 'main' ? undefined : 'only main.ts hands the agent to others';
  if (target === 'contract')
    return (RANKS[area] ?? 0) >= 6 ? undefined : 'only api, cli and the console use the contract';
  const [own, other] = [RANKS[area === 'contract' ? 'api' : area], RANKS[target]];
  if (own === undefined) return `the area \`${area}\` has no rank; give it one in test/repository/layout.ts`;
  if (other === undefined) return `there is no area \`${target}\``;
  if (own > other || MEANT[`${area} -> ${target}`] !== undefined) return undefined;
  return `\`${area}\` has rank ${own}, \`${target}\` rank ${other}; pass what is needed as an argument instead`;
}

function wrongPath(file: SourceFile, area: string, from: string): string | undefined {
  if (!from.startsWith('.')) return undefined;
  const target = posix.join(posix.dirname(file.path), from);
  const there = areaOf(target);
  if (area === 'main' && (there === 'agent' || there === 'demo')) return undefined; // no `#` name: nobody else needs them
  if (there === area && target !== `src/${area}.ts`) return undefined;
  if (area === 'api' && there === 'contract') return undefined;
  return 'this path leaves the area; import the front file by its `#` name';
}

/** The console sees the API through its contract, and the contract sees nothing of the server. */
export function consoleProblems(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const isContract = file.path.startsWith('src/api/contract/');
    if (!isContract && !file.path.startsWith('console/')) return [];
    if (isTest(file.path)) return [];
    return importsOf(file).flatMap(({ at, from }) => {
      if (isContract) {
        const isOwn = from.startsWith('./') || from === 'zod';
        return isOwn
          ? []
          : [`${at} imports \`${from}\`: the contract is bundled into the console; it imports only zod`];
      }
      if (from.startsWith('#')) return from === '#contract' ? [] : [`${at} imports \`${from}\`: only \`#contract\``];
      if (from.startsWith('node:'))
        return file.path.endsWith('config.ts') ? [] : [`${at} imports \`${from}\`: no Node here`];
      const leaves = from.startsWith('.') && !posix.join(posix.dirname(file.path), from).startsWith('console/');
      return leaves ? [`${at} imports \`${from}\`: the path leaves console/`] : [];
    });
  });
}

/** Each `#` name of package.json is a front file, and each area with a front file has its name. */
export function frontNameProblems(files: readonly SourceFile[], imports: Readonly<Record<string, string>>): string[] {
  const paths = new Set(files.map(({ path }) => path));
  const named = Object.entries(imports).flatMap(([name, target]) =>
    paths.has(target.replace(/^\.\//, ''))
      ? []
      : [`package.json#imports: \`${name}\` names ${target}, which is not there`],
  );
  const targets = new Set(Object.values(imports).map((target) => target.replace(/^\.\//, '')));
  const unnamed = [...new Set(files.map(({ path }) => /^src\/[a-z-]+\//.exec(path)?.[0] ?? ''))].flatMap((folder) => {
    const front = `${folder}index.ts`;
    if (folder === '') return [];
    if (!paths.has(front)) return [`${folder} has no front file index.ts`];
    const isForMain = folder === 'src/agent/' || folder === 'src/demo/';
    return targets.has(front) || isForMain ? [] : [`package.json#imports has no name for ${front}`];
  });
  return [...named, ...unnamed];
}

const MOST_VALUES = 14;
/** The vocabularies everybody is written in; their fronts are lists of words. */
const VOCABULARIES = ['src/base/index.ts', 'src/model/index.ts', 'src/api/contract/index.ts'];

/** Front files that do not say what the area is for, owns and never does, or that export too much. */
export function frontFileProblems(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const area = /^src\/(?:api\/)?([a-z-]+)\/index\.ts$/.exec(file.path)?.[1];
    if (area === undefined) return [];
    const comment = /^\/\*\*([\s\S]*?)\*\//.exec(file.text)?.[1] ?? '';
    const problems: string[] = [];
    if (!new RegExp(`^\\s*\\*?\\s*${area}: `).test(comment)) {
      problems.push(`${file.path} does not begin with a comment \`${area}: what it is for\``);
    } else if (!/\bowns?\b/i.test(comment) || !/\bnever\b/i.test(comment)) {
      problems.push(`${file.path}: its first comment does not say what the area owns and what it never does`);
    }
    const values = [...file.code.matchAll(/export \{([^}]*)\}/g)]
      .flatMap((list) => (list[1] ?? '').split(','))
      .filter((name) => name.trim() !== '' && !name.trim().startsWith('type '));
    if (!VOCABULARIES.includes(file.path) && values.length > MOST_VALUES) {
      problems.push(`${file.path} exports ${values.length} values; at most ${MOST_VALUES} make a front file`);
    }
    return problems;
  });
}
