import { isJsonObject, type Problem } from '#base';
import { loadPolicies, replay } from '#policy';
import { ApiFailure, refused } from '../failure.ts';
import type { Caller } from '../caller.ts';
import type { ApiServices } from '../services.ts';

type Texts = Readonly<Record<string, string>>;

/** At most this many journalled decisions are re-decided in one replay; the newest count. */
const MAX_REPLAYED = 200_000;

/** The bundle in force, with the built-in guardrails. */
export function activePolicies({ graph, policies }: ApiServices): object {
  const activation = graph.get('policyActivation', 'active');
  const bundle = activation === undefined ? undefined : graph.get('policyBundle', activation.bundleId);
  return {
    version: activation?.version ?? 0,
    author: bundle?.author ?? '',
    message: bundle?.message ?? '',
    ...(activation === undefined ? {} : { activatedAt: activation.at }),
    texts: bundle?.texts ?? {},
    policies: (policies()?.policies ?? []).map(({ id, effect, action, title, builtin }) => ({
      id,
      effect,
      action,
      title,
      builtin,
    })),
  };
}

/** Parses and validates; nothing is activated. */
export function checkPolicies(texts: Texts): { ok: boolean; problems: Problem[]; policies: number } {
  const loaded = loadPolicies({ texts, version: 0 });
  if (!loaded.ok) return { ok: false, problems: [...loaded.error], policies: 0 };
  return { ok: true, problems: [], policies: loaded.value.policies.filter((policy) => !policy.builtin).length };
}

/** Re-decides the journalled requests of the last hours against edited policies. */
export async function replayPolicies(
  { journal, clock }: ApiServices,
  texts: Texts,
  sinceHours: number,
): Promise<ReturnType<typeof replay>> {
  const candidate = loadPolicies({ texts, version: 0 });
  if (!candidate.ok) throw refused('policy-invalid', 'the policies do not validate', candidate.error);
  const since = clock.now() - sinceHours * 3_600_000;
  const rows = await journal.query(
    'select uid, time, event from events where class_uid = 4002 and time >= ? order by time desc limit ?',
    [since, MAX_REPLAYED],
  );
  const records = rows.flatMap((row) => {
    const event: unknown = typeof row['event'] === 'string' ? JSON.parse(row['event']) : row['event'];
    if (!isJsonObject(event)) return [];
    const unmapped = event['unmapped'];
    const record = isJsonObject(unmapped) ? unmapped['cordon'] : undefined;
    return isJsonObject(record) ? [{ eventId: String(row['uid']), time: Number(row['time']), record }] : [];
  });
  return replay({ records, candidate: candidate.value });
}

/** Activates edited policies as a new bundle, with author and message, in one transaction. */
export async function activatePolicies(
  { store, graph, clock }: ApiServices,
  caller: Caller,
  input: { texts: Texts; message: string },
): Promise<{ version: number }> {
  const loaded = loadPolicies({ texts: input.texts, version: 0 });
  if (!loaded.ok) throw refused('policy-invalid', 'the policies do not validate; the active ones stay', loaded.error);
  if (Object.keys(input.texts).length === 0)
    throw new ApiFailure(422, 'policy-invalid', 'a bundle without any file would deny everything', {
      hint: 'send at least one file',
    });
  return await store.transact(caller.actor, async (tx) => {
    const version = 1 + Math.max(0, ...[...graph.all('policyBundle')].map((bundle) => bundle.version));
    const now = clock.now();
    await tx.put('policyBundle', {
      id: `policy-${version}`,
      version,
      texts: input.texts,
      author: caller.actor,
      message: input.message,
      createdAt: now,
    });
    await tx.put('policyActivation', {
      id: 'active',
      bundleId: `policy-${version}`,
      version,
      by: caller.actor,
      at: now,
    });
    return { version };
  });
}
