import { createHash } from 'node:crypto';
import { canonicalJson, type Clock, CordonError, err, type Json, ok, type Problem, type Result } from '#base';
import { applyConfiguration, type Configuration, restartProblems } from '#config';
import type { Journal } from '#journal';
import { type Actor, buildEvent, type TrustGraph } from '#model';
import type { Store } from '#store';
import type { ConfigurationSource } from './configuration-source.ts';

/** The private row that remembers which document was applied last. */
const APPLIED = { kind: 'configuration', id: 'applied' } as const;

interface Applied {
  readonly hash: string;
}

/** Why the newest document is not in force. */
interface ConfigurationProblem {
  readonly at: number;
  readonly problems: readonly Problem[];
}

/** The configuration in force, and how it follows its source. */
export interface Settings {
  current(): Configuration;
  problem(): ConfigurationProblem | undefined;
  /** Reads the source again and applies what changed; resolves with the number of changes. The last good one stays in force otherwise. */
  reload(by: Actor): Promise<Result<number, readonly Problem[]>>;
  /** Reloads when the source looks different than at the last time. */
  follow(): Promise<void>;
  /** Takes up what a document says that is not in the store: network defaults, certificates and models. Throws `tls-files-invalid`. */
  adopt(next: Configuration): Promise<void>;
}

/** What settings work with. */
export interface SettingsOptions {
  readonly source: ConfigurationSource;
  readonly store: Store;
  readonly graph: TrustGraph;
  readonly journal: Pick<Journal, 'append'>;
  readonly clock: Clock;
  /** Told when another document is in force. */
  readonly onChange: (configuration: Configuration) => Promise<void>;
  /** Told of every reload: the number of changes, or why the last good document stays. */
  readonly onReload: (result: Result<number, readonly Problem[]>) => void;
}

/** Reads a document for the start. Throws `configuration-invalid` with every problem. */
export function readForStart(source: ConfigurationSource): Configuration {
  const read = source.read();
  if (read.ok) return read.value;
  throw invalid(source, read.error);
}

/**
 * Applies the document of the start and keeps it. A document that is in force already is not applied again: what was changed since in the
 * console or by a command stays until the document itself changes.
 */
export async function openSettings(options: SettingsOptions, first: Configuration): Promise<Settings> {
  const { source } = options;
  let configuration = first;
  let problem: ConfigurationProblem | undefined;
  let fingerprint = source.fingerprint(first);
  const started = await applyIfNew(options, first, 'system');
  if (!started.ok) throw invalid(source, started.error);

  const fail = (problems: readonly Problem[]): Result<never, readonly Problem[]> => {
    problem = { at: options.clock.now(), problems };
    return err(problems);
  };
  const read = async (by: Actor): Promise<Result<number, readonly Problem[]>> => {
    fingerprint = source.fingerprint(configuration);
    const next = source.read();
    if (!next.ok) return fail(next.error);
    const fixed = restartProblems(configuration, next.value);
    if (fixed.length > 0) return fail(fixed);
    try {
      const applied = await applyIfNew(options, next.value, by);
      if (!applied.ok) return fail(applied.error);
      configuration = next.value;
      await options.onChange(configuration);
      problem = undefined;
      return applied;
    } catch (error) {
      if (error instanceof CordonError) return fail([{ code: error.code, message: error.message }]);
      throw error;
    }
  };
  const reload = async (by: Actor): Promise<Result<number, readonly Problem[]>> => {
    const result = await read(by);
    options.onReload(result);
    return result;
  };
  return {
    current: () => configuration,
    problem: () => problem,
    reload,
    follow: async () => {
      if (source.fingerprint(configuration) !== fingerprint) await reload('system');
    },
    adopt: async ({ external, managementSources, tls, authzen, probe }) => {
      const before = configuration;
      configuration = { ...before, external, managementSources, tls, authzen, probe };
      try {
        await options.onChange(configuration);
      } catch (cause) {
        configuration = before;
        await options.onChange(before);
        throw cause;
      }
    },
  };
}

async function applyIfNew(
  options: SettingsOptions,
  configuration: Configuration,
  by: Actor,
): Promise<Result<number, readonly Problem[]>> {
  const { store, journal, clock, source } = options;
  const hash = hashOf(configuration);
  const last = await store.read(async (tx) => await tx.getPrivate<Applied>(APPLIED.kind, APPLIED.id));
  if (last?.hash === hash) return ok(0);
  const message = `from ${source.name}`;
  const applied = await applyConfiguration(configuration, { store }, { actor: by, message, now: clock.now() });
  if (!applied.ok) return applied;
  await store.transact(by, async (tx) => {
    await tx.putPrivate(APPLIED.kind, APPLIED.id, { hash } satisfies Applied);
  });
  await journal.append(
    buildEvent({
      class: 'entityManagement',
      activity: 'update',
      time: clock.now(),
      message: `configuration applied ${message}: ${applied.value.length} changes`,
      status: 'success',
      attributes: { entity: { type: 'configuration', name: source.name } },
      cordon: { actor: by, changes: applied.value.slice(0, 500).map((change) => ({ ...change })) },
    }),
  );
  return ok(applied.value.length);
}

/** A hash of what the document says about entities and policies. Where it listens and what it is called do not count. */
function hashOf({ apps, groups, segments, workloads, responses, policies }: Configuration): string {
  // These are plain data of strings, numbers and lists; the cast says so to the encoder.
  const said = { apps, groups, segments, workloads, responses, policies } as unknown as Json;
  return createHash('sha256').update(canonicalJson(said)).digest('hex');
}

function invalid(source: ConfigurationSource, problems: readonly Problem[]): CordonError {
  const [only] = problems;
  if (only?.code === 'configuration-unreadable') {
    return new CordonError(only.code, only.message, only.hint === undefined ? {} : { hint: only.hint });
  }
  return new CordonError('configuration-invalid', `the configuration \`${source.name}\` is not valid`, {
    problems,
    hint: 'correct what is listed; `cordon check -c FILE` checks without starting',
  });
}
