import { readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { CordonError, type Problem } from '#base';
import { type Configuration, parseConfiguration, readPolicies, runBundleTests } from '#config';
import { RULES } from '#monitor';
import { type ActivePolicies, loadPolicies } from '#policy';
import { policyTexts } from '#policy-analysis';
import type { CommandContext } from './command.ts';
import { configurationFile } from './control-socket.ts';
import { failureOf } from './failure.ts';

/** A configuration on disk that was checked here, with its policies. */
export interface LocalConfiguration {
  /** Absolute path. */
  readonly file: string;
  /** The path as messages name it. */
  readonly name: string;
  readonly text: string;
  readonly configuration: Configuration;
  readonly policies: ActivePolicies;
}

const HINT = 'correct it and run this again; nothing was changed';

/** Reads and checks the configuration that the options name. Throws with every problem and its place. */
export function readConfiguration(context: Pick<CommandContext, 'world' | 'args'>): LocalConfiguration {
  const file = configurationFile(context);
  if (file === undefined) {
    throw new CordonError('configuration-unreadable', `there is no \`cordon.yaml\` in \`${context.world.cwd}\``, {
      hint: 'name the configuration with `-c FILE`',
    });
  }
  const name = nameFrom(context.world.cwd, file);
  const text = readText(file, name);
  const detections = RULES.map(({ id }) => id);
  const parsed = parseConfiguration({ file: name, text, directory: dirname(file), detections });
  if (!parsed.ok) throw failureOf(parsed.error, `\`${name}\``, HINT);
  const { policies: texts, policyDirectory = '' } = parsed.value;
  const folder = nameFrom(context.world.cwd, policyDirectory);
  const policies = checkPolicies(texts, folder);
  testPolicies(policies, texts, folder);
  return { file, name, text, configuration: parsed.value, policies };
}

/** Runs the tests beside policies. Throws with everything that is not as expected: the server would refuse it too. */
function testPolicies(policies: ActivePolicies, texts: Readonly<Record<string, string>>, folder: string): void {
  const tested = runBundleTests(policies, texts);
  const problems = tested.ok ? tested.value.failures : tested.error;
  if (problems.length > 0) throw failureOf(inFolder(problems, folder), `the tests in \`${folder}\``, HINT);
}

/** Validates policies. `folder` is put before the file names in messages. Throws with every problem and its place. */
export function checkPolicies(texts: Readonly<Record<string, string>>, folder: string): ActivePolicies {
  const loaded = loadPolicies({ texts, version: 1 });
  if (!loaded.ok) throw failureOf(inFolder(loaded.error, folder), folder === '' ? 'the input' : `\`${folder}\``, HINT);
  return loaded.value;
}

/** The same problems, with the files of a policy directory named as a person sees them. */
export function inFolder(problems: readonly Problem[], folder: string): Problem[] {
  return problems.map((problem) => {
    const { file } = problem.source ?? {};
    if (file === undefined || folder === '') return problem;
    return { ...problem, source: { ...problem.source, file: join(folder, file) } };
  });
}

/** Policies of a directory, by their path in it, as the server names them. */
export function readPolicyFolder(cwd: string, folder: string): Readonly<Record<string, string>> {
  const read = readPolicies(resolve(cwd, folder));
  if (!read.ok) {
    const message = `cannot read \`${folder}\`${read.error.message.replace(/^[^:]*/, '')}`;
    throw new CordonError('policies-unreadable', message, { hint: 'name a directory that holds `*.cedar` files' });
  }
  if (Object.keys(policyTexts(read.value)).length === 0) {
    throw new CordonError('policies-unreadable', `\`${folder}\` holds no \`*.cedar\` file`, {
      hint: 'name the directory of the policies; an empty one would deny everything',
    });
  }
  return read.value;
}

/** Policies of files and directories together, by their path as given. */
export function readPolicyPaths(cwd: string, paths: readonly string[]): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const path of paths) {
    if (statSync(resolve(cwd, path), { throwIfNoEntry: false })?.isFile() === true) {
      texts[path] = readText(resolve(cwd, path), path);
      continue;
    }
    for (const [name, text] of Object.entries(readPolicyFolder(cwd, path))) texts[join(path, name)] = text;
  }
  return texts;
}

function readText(path: string, name: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new CordonError('configuration-unreadable', `cannot read \`${name}\`: ${reasonOf(cause)}`, {
      cause,
      hint: 'check the path and the permissions',
    });
  }
}

/** What the operating system said, without its code and the path. */
export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.replace(/^E[A-Z]+: /, '').replace(/, .*$/, '') : String(cause);
}

/** A path as a person in `cwd` writes it. */
export function nameFrom(cwd: string, path: string): string {
  const below = relative(cwd, path);
  return below.startsWith('..') ? path : below;
}
