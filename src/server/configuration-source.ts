import { readdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Problem, Result } from '#base';
import { type Configuration, defaultConfiguration, loadConfiguration, parseConfiguration } from '#config';
import { RULES } from '#monitor';

/** The parts of a configuration that name what else belongs to it. */
type Watched = Pick<Configuration, 'policyDirectory' | 'authzen'>;

/** Where the configuration comes from, read as often as wanted. */
export interface ConfigurationSource {
  /** What it is called in messages. */
  readonly name: string;
  read(): Result<Configuration, readonly Problem[]>;
  /** A text that changes when what `read` reads changes. Looks at names, sizes and times only. */
  fingerprint(inForce: Watched): string;
}

const DETECTIONS = RULES.map(({ id }) => id);

/** `cordon.yaml` and the policies beside it. */
export function fileSource(file: string): ConfigurationSource {
  return {
    name: file,
    read: () => loadConfiguration(file, { detections: DETECTIONS }),
    fingerprint: ({ policyDirectory, authzen }) =>
      [
        stampOf(file),
        ...stampsBelow(policyDirectory ?? dirname(resolve(file))),
        ...authzen.flatMap((model) => [...model.files.map(stampOf), ...stampsBelow(model.policyDirectory)]),
      ].join('\n'),
  };
}

/** The embedded defaults, with their data in `dataDirectory`. */
export function defaultSource(dataDirectory: string): ConfigurationSource {
  return {
    name: 'built-in defaults',
    read: () => inDirectory(defaultConfiguration(dirname(dataDirectory)), dataDirectory),
    fingerprint: () => '',
  };
}

/** A document that comes with the program. */
export function textSource(
  document: { readonly text: string; readonly policies: Readonly<Record<string, string>> },
  dataDirectory: string,
): ConfigurationSource {
  const directory = dirname(dataDirectory);
  return {
    name: 'built-in document',
    read: () =>
      inDirectory(
        parseConfiguration({ file: 'built-in defaults', directory, detections: DETECTIONS, ...document }),
        dataDirectory,
      ),
    fingerprint: () => '',
  };
}

function inDirectory(
  result: Result<Configuration, readonly Problem[]>,
  data: string,
): Result<Configuration, readonly Problem[]> {
  return result.ok ? { ok: true, value: { ...result.value, data } } : result;
}

function stampOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? `${path} missing` : `${path} ${stat.ino} ${stat.size} ${stat.mtimeMs}`;
}

function stampsBelow(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true, recursive: true })
      .filter((entry) => /\.cedar(?:test\.yaml)?$/.test(entry.name))
      .map((entry) => stampOf(resolve(entry.parentPath, entry.name)))
      .sort();
  } catch {
    return [`${directory} unreadable`]; // `read` says why
  }
}
