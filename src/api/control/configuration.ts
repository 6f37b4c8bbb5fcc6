import { dirname, isAbsolute } from 'node:path';
import {
  applyConfiguration,
  type Configuration,
  type ConfigurationChange,
  diffConfiguration,
  parseConfiguration,
  restartProblems,
} from '#config';
import type { CONTROL_ROUTES } from '#contract';
import { RULES } from '#monitor';
import { ApiFailure, refused } from '../failure.ts';
import type { Handlers } from '../register.ts';
import type { ApiServices } from '../services.ts';
import { actEvent } from './acts.ts';
import type { PolicyThread } from './policy-thread.ts';

type Routes = Handlers<typeof CONTROL_ROUTES>;

/** Changes that an event names one by one. */
const MOST_NAMED = 500;

/** `cordon.yaml` as text: what it would change, and changing it. */
export function configurationRoutes(
  services: ApiServices,
  thread: PolicyThread,
): Pick<Routes, 'diffConfiguration' | 'applyConfiguration'> {
  const { graph, store, journal, clock } = services;
  return {
    diffConfiguration: async ({ body }) => {
      const configuration = await checked(thread, body);
      return { changes: [...diffConfiguration(configuration, graph)] };
    },
    applyConfiguration: async (call) => {
      const { file, message } = call.body;
      const configuration = await checked(thread, call.body);
      // Where the data lies is this process's business, whatever the document says.
      const fixed = restartProblems(services.configuration(), configuration, 'data');
      if (fixed.length > 0) throw refused('restart-needed', 'the document was not applied', fixed);
      await services.adopt(configuration);
      const changes = diffConfiguration(configuration, graph);
      if (changes.length === 0) return { changes: [] };
      // Before: nothing changes that cannot be recorded.
      await journal.append(
        actEvent(services, call, {
          class: 'entityManagement',
          activity: 'update',
          message: `${call.caller.actor} applied ${file}: ${summary(changes)}`,
          severity: 'medium',
          attributes: { entity: { uid: 'configuration', name: file, type: 'configuration' }, comment: message },
          // An event has a longest size; the counts above are of all.
          cordon: { changes: changes.slice(0, MOST_NAMED).map((change) => ({ ...change })) },
        }),
      );
      const by = { actor: call.caller.actor, message, now: clock.now() };
      const applied = await applyConfiguration(configuration, { store }, by);
      if (!applied.ok) throw refused('configuration-invalid', 'the document was not applied', applied.error);
      return { changes: [...applied.value] };
    },
  };
}

async function checked(
  thread: PolicyThread,
  { file, text, policies }: { file: string; text: string; policies?: Record<string, string> | undefined },
): Promise<Configuration> {
  if (policies === undefined && !isAbsolute(file)) {
    throw new ApiFailure(400, 'request-invalid', `\`${file}\` is not an absolute path`, {
      hint: 'name the file from the root on, or send the policies: the server has another working directory',
    });
  }
  const detections = RULES.map(({ id }) => id);
  const source = { file, text, directory: dirname(file), detections, ...(policies === undefined ? {} : { policies }) };
  const parsed = parseConfiguration(source);
  if (!parsed.ok) throw refused('configuration-invalid', 'the document does not load', parsed.error);
  const { problems, failures } = await thread.ask({ texts: parsed.value.policies });
  if (problems.length > 0) throw refused('policy-invalid', 'the policies do not validate', problems);
  if (failures.length > 0) throw refused('policy-test-failed', 'the policies fail their own tests', failures);
  return parsed.value;
}

function summary(changes: readonly ConfigurationChange[]): string {
  const count = (op: ConfigurationChange['op']): number => changes.filter((change) => change.op === op).length;
  return `${count('add')} added, ${count('change')} changed, ${count('remove')} removed`;
}
