import { isJsonObject, type Problem } from '#base';
import type { CONTROL_ROUTES } from '#contract';
import type { JournalledDecision } from '#policy';
import type { Call } from '../caller.ts';
import { ApiFailure, refused } from '../failure.ts';
import type { Answer, Handlers } from '../register.ts';
import type { ApiServices } from '../services.ts';
import { actEvent } from './acts.ts';
import type { PolicyThread } from './policy-thread.ts';

type Routes = Handlers<typeof CONTROL_ROUTES>;
type Texts = Readonly<Record<string, string>>;

const HOUR = 3_600_000;
/** At most this many journalled decisions are re-decided in one replay; the newest count. */
const MAX_REPLAYED = 20_000;
/** Decisions read from the journal at a time: a query answers at most 32 MiB. */
const PAGE = 2000;

/** The policies in force, and what others would say. */
export function policyRoutes(
  services: ApiServices,
  thread: PolicyThread,
): Pick<Routes, 'policies' | 'checkPolicies' | 'replayPolicies' | 'activatePolicies'> {
  return {
    policies: async () => await Promise.resolve(activePolicies(services)),
    checkPolicies: async ({ body }) => {
      const { problems, policies } = await thread.ask({ texts: body.texts });
      return { ok: problems.length === 0, problems: copies(problems), policies };
    },
    replayPolicies: async ({ body }) => {
      const { texts, sinceHours } = body;
      const records = await journalledDecisions(services, services.clock.now() - sinceHours * HOUR);
      const { problems, report } = await thread.ask({ texts, records });
      if (report === undefined) throw refused('policy-invalid', 'the policies do not validate', problems);
      return {
        replayed: report.replayed,
        unchanged: report.unchanged,
        gains: report.gains.map(copyOfRow),
        losses: report.losses.map(copyOfRow),
        notReplayable: copies(report.notReplayable),
      };
    },
    activatePolicies: async (call) => {
      const { texts } = call.body;
      if (Object.keys(texts).length === 0) {
        throw new ApiFailure(422, 'policy-invalid', 'a bundle without any file would deny everything', {
          hint: 'send at least one file',
        });
      }
      const { problems } = await thread.ask({ texts });
      if (problems.length > 0) {
        throw refused('policy-invalid', 'the policies do not validate; the active ones stay', problems);
      }
      return { version: await activate(services, call, call.body) };
    },
  };
}

function activePolicies({ graph, policies }: ApiServices): Answer<(typeof CONTROL_ROUTES)['policies']> {
  const activation = graph.get('policyActivation', 'active');
  const bundle = activation === undefined ? undefined : graph.get('policyBundle', activation.bundleId);
  return {
    version: activation?.version ?? 0,
    author: bundle?.author ?? '',
    message: bundle?.message ?? '',
    ...(activation === undefined ? {} : { activatedAt: activation.at }),
    texts: { ...bundle?.texts },
    policies: (policies()?.policies ?? []).map(({ id, effect, action, title, builtin }) => ({
      id,
      effect,
      action,
      title,
      builtin,
    })),
  };
}

/** The newest decisions of the gateway since `since`, as they were recorded. */
async function journalledDecisions({ journal }: ApiServices, since: number): Promise<JournalledDecision[]> {
  const records: JournalledDecision[] = [];
  for (let before = Number.MAX_SAFE_INTEGER; records.length < MAX_REPLAYED; ) {
    const rows = await journal.query(
      `select seq, uid, time, event->'unmapped'->'cordon' as record from events
       where class_uid = 4002 and time >= $1 and seq < $2 order by seq desc limit ${PAGE}`,
      [since, before],
    );
    for (const { uid, time, record } of rows) {
      if (isJsonObject(record)) records.push({ eventId: String(uid), time: Number(time), record });
    }
    if (rows.length < PAGE) break;
    before = Number(rows.at(-1)?.['seq']);
  }
  return records;
}

/** Activates edited policies as a new bundle, with author and message, in one transaction with its event. */
async function activate(
  services: ApiServices,
  call: Pick<Call, 'caller' | 'address' | 'correlationId'>,
  { texts, message }: { texts: Texts; message: string },
): Promise<number> {
  const { store, journal, clock } = services;
  const author = call.caller.actor;
  return await store.transact(author, async (tx) => {
    const version = 1 + Math.max(0, ...(await tx.list('policyBundle')).map((bundle) => bundle.version));
    const id = `policy-${version}`;
    const at = clock.now();
    await tx.put('policyBundle', { id, version, texts, author, message, createdAt: at });
    await tx.put('policyActivation', { id: 'active', bundleId: id, version, by: author, at });
    // Inside the transaction: policies must not change without a record of who changed them and why.
    await journal.append(
      actEvent(services, call, {
        class: 'entityManagement',
        activity: 'activate',
        message: `${author} activated policy version ${version}: ${message}`,
        severity: 'medium',
        attributes: { entity: { uid: id, name: `policies version ${version}`, type: 'policies' }, comment: message },
        cordon: { version, files: Object.keys(texts) },
      }),
    );
    return version;
  });
}

function copies<T extends Problem | { readonly reason: string; readonly count: number }>(items: readonly T[]): T[] {
  return items.map((item) => ({ ...item }));
}

function copyOfRow<T extends { readonly before: readonly string[]; readonly after: readonly string[] }>(
  row: T,
): Omit<T, 'before' | 'after'> & { before: string[]; after: string[] } {
  return { ...row, before: [...row.before], after: [...row.after] };
}
