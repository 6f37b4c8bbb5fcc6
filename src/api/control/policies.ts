import { isDeepStrictEqual } from 'node:util';
import { isJsonObject, type Problem } from '#base';
import type { CONTROL_ROUTES } from '#contract';
import type { PolicyBundle, TrustGraph } from '#model';
import type { JournalledDecision } from '#policy';
import { policyTexts } from '#policy-analysis';
import type { Call } from '../caller.ts';
import { ApiFailure, notFound, refused } from '../failure.ts';
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

/** The policies in force, those before them, and what others would say. */
export function policyRoutes(
  services: ApiServices,
  thread: PolicyThread,
): Pick<
  Routes,
  'policies' | 'checkPolicies' | 'policyHistory' | 'replayPolicies' | 'activatePolicies' | 'rollbackPolicies'
> {
  return {
    policies: async () => await Promise.resolve(activePolicies(services)),
    checkPolicies: async ({ body }) => {
      const { problems, failures, warnings, policies, tests } = await thread.ask({
        texts: body.texts,
        known: knownEntities(services.graph),
      });
      const inTheWay = [...problems, ...failures];
      return { ok: inTheWay.length === 0, problems: copies(inTheWay), warnings: copies(warnings), policies, tests };
    },
    policyHistory: async () => await Promise.resolve(history(services)),
    replayPolicies: async ({ body }) => {
      const { sinceHours } = body;
      const texts = candidateOf(services, body);
      const { records, left } = await journalledDecisions(services, services.clock.now() - sinceHours * HOUR);
      const { problems, report } = await thread.ask({ texts, records });
      if (report === undefined) throw refused('policy-invalid', 'the policies do not validate', problems);
      const older = left > 0 ? [{ reason: 'too-many', count: left }] : [];
      return {
        replayed: report.replayed,
        unchanged: report.unchanged,
        gains: report.gains.map(copyOfRow),
        losses: report.losses.map(copyOfRow),
        notReplayable: [...copies(report.notReplayable), ...older],
      };
    },
    activatePolicies: async (call) => {
      const { texts, message } = call.body;
      await mustBeGood(thread, texts);
      return { version: await activate(services, call, { texts, message }) };
    },
    rollbackPolicies: async (call) => {
      const target = rollbackTarget(services.graph, call.body.version);
      await mustBeGood(thread, target.texts);
      const message = `back to version ${target.version}: ${call.body.message}`;
      return { version: await activate(services, call, { texts: target.texts, message }), from: target.version };
    },
  };
}

/** Refuses what must not become active: nothing, what does not validate, and what fails its own tests. */
async function mustBeGood(thread: PolicyThread, texts: Texts): Promise<void> {
  if (Object.keys(policyTexts(texts)).length === 0) {
    throw new ApiFailure(422, 'policy-invalid', 'a bundle without any policy file would deny everything', {
      hint: 'send at least one file',
    });
  }
  const { problems, failures } = await thread.ask({ texts });
  if (problems.length > 0) {
    throw refused('policy-invalid', 'the policies do not validate; the active ones stay', problems);
  }
  if (failures.length > 0) {
    throw refused('policy-test-failed', 'the policies fail their own tests; the active ones stay', failures);
  }
}

/** Ids that policies may name, by Cedar type. */
function knownEntities(graph: TrustGraph): Readonly<Record<string, readonly string[]>> {
  const ids = (kind: 'group' | 'user' | 'app' | 'segment' | 'workload' | 'device' | 'asset'): string[] =>
    Array.from(graph.all(kind), ({ id }) => id);
  return {
    Group: ids('group'),
    User: ids('user'),
    App: ids('app'),
    Segment: ids('segment'),
    Workload: ids('workload'),
    Device: ids('device'),
    Asset: ids('asset'),
  };
}

function history({ graph }: ApiServices): Answer<(typeof CONTROL_ROUTES)['policyHistory']> {
  const active = graph.get('policyActivation', 'active')?.version;
  const items = [...graph.all('policyBundle')]
    .sort((a, b) => b.version - a.version)
    .map(({ version, author, message, createdAt, texts }) => ({
      version,
      author,
      message,
      createdAt,
      files: Object.keys(texts),
      active: version === active,
    }));
  return { items, total: items.length };
}

/** The bundle to go back to: the one of that version, or the newest before the active one that says something else. */
function rollbackTarget(graph: TrustGraph, version: number | undefined): PolicyBundle {
  const activation = graph.get('policyActivation', 'active');
  const active = activation === undefined ? undefined : graph.get('policyBundle', activation.bundleId);
  if (version !== undefined) {
    const bundle = graph.get('policyBundle', `policy-${version}`);
    if (bundle === undefined) throw notFound('policy version', String(version));
    if (bundle.version === active?.version) {
      throw new ApiFailure(409, 'policy-version-active', `version ${version} is in force already`, {
        hint: 'see `cordon policy history`',
      });
    }
    return bundle;
  }
  const earlier = [...graph.all('policyBundle')]
    .filter((bundle) => bundle.version < (active?.version ?? 0) && !isDeepStrictEqual(bundle.texts, active?.texts))
    .sort((a, b) => b.version - a.version);
  if (earlier[0] === undefined) throw notFound('policy version', 'before the active one');
  return earlier[0];
}

/** The texts that a replay decides by. */
function candidateOf(
  { graph }: ApiServices,
  { texts, version }: { readonly texts?: Texts | undefined; readonly version?: number | undefined },
): Texts {
  if ((texts === undefined) === (version === undefined)) {
    throw new ApiFailure(400, 'request-invalid', 'a replay needs either `texts` or `version`');
  }
  const bundle = texts === undefined ? graph.get('policyBundle', `policy-${version ?? 0}`)?.texts : texts;
  if (bundle === undefined) throw notFound('policy version', String(version));
  return bundle;
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

/** The end of what was open for long is no decision. */
const IS_REQUEST = "class_uid = 4002 and (event->>'activity_name') <> 'end'";

/** The newest decisions of the gateway since `since`, as they were recorded, and how many older ones were left out. */
async function journalledDecisions(
  { journal }: ApiServices,
  since: number,
): Promise<{ readonly records: readonly JournalledDecision[]; readonly left: number }> {
  const records: JournalledDecision[] = [];
  let before = Number.MAX_SAFE_INTEGER;
  while (records.length < MAX_REPLAYED) {
    const rows = await journal.query(
      `select seq, uid, time, event->'unmapped'->'cordon' as record from events
       where ${IS_REQUEST} and time >= $1 and seq < $2 order by seq desc limit ${PAGE}`,
      [since, before],
    );
    for (const { uid, time, record } of rows) {
      if (isJsonObject(record)) records.push({ eventId: String(uid), time: Number(time), record });
    }
    if (rows.length < PAGE) return { records, left: 0 };
    before = Number(rows.at(-1)?.['seq']);
  }
  const [older] = await journal.query(
    `select count(*) as n from events where ${IS_REQUEST} and time >= $1 and seq < $2`,
    [since, before],
  );
  return { records, left: Number(older?.['n'] ?? 0) };
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
