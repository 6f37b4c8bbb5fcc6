import { createHash } from 'node:crypto';
import { canonicalJson, err, type Json, ok, type Result } from '#base';
import type { DecisionModel } from './decision-model.ts';
import { pace } from './pace.ts';
import type { Evaluation, Party, Search, Sought } from './request.ts';
import { denialContext } from './verdict.ts';

/** Ids tried for one page: what one request may keep the process busy with. A page that ends here is not the last. */
const MOST_TRIED = 5000;

/** A page of results, as the standard writes it. */
export interface SearchPage {
  readonly results: readonly object[];
  readonly page: { readonly next_token: string; readonly count: number };
  /** Why there can be no results, when the model does not know what is sought. */
  readonly context?: object;
}

/** What is sought, of which model; `bytes`: length of the request. */
interface Asked {
  readonly modelId: string;
  readonly sought: Sought;
  readonly query: Search;
  readonly bytes: number;
}

/**
 * Finds what would be permitted, among everything the model knows, in order of id. A page says how to go on; an empty `next_token`, and
 * nothing else, says that there is no more. `err`: the token belongs to another question.
 */
export async function search(
  model: DecisionModel,
  { modelId, sought, query, bytes }: Asked,
): Promise<Result<SearchPage, string>> {
  const question = fingerprintOf(modelId, sought, query);
  if (question === undefined) return err('the request is nested too deeply');
  const after = query.token === undefined ? undefined : readToken(query.token, question);
  if (after === null) return err('`page.token` belongs to another question, or to none; begin without one');
  const ids = sought === 'action' ? model.actions : model.idsOf(sought, query[sought].type);
  if (ids === undefined) {
    return ok({ results: [], page: { next_token: '', count: 0 }, context: denialContext(model.evaluate(query)) });
  }
  const results: object[] = [];
  let at = after === undefined ? 0 : firstAfter(ids, after);
  const turn = pace(bytes);
  const end = Math.min(ids.length, at + MOST_TRIED);
  for (; at < end && results.length < query.limit; at++) {
    const pause = turn();
    if (pause !== undefined) await pause;
    const found = tryOut(model, { sought, query, id: ids[at] ?? '' });
    if (found !== undefined) results.push(found);
  }
  const last = ids[at - 1];
  const next = at < ids.length && last !== undefined ? writeToken(question, last) : '';
  return ok({ results, page: { next_token: next, count: results.length } });
}

function tryOut(
  model: DecisionModel,
  { sought, query, id }: { readonly sought: Sought; readonly query: Evaluation; readonly id: string },
): object | undefined {
  if (sought === 'action') {
    return model.evaluate({ ...query, action: { name: id, properties: undefined } }).isPermit
      ? { name: id }
      : undefined;
  }
  const found: Party = { type: query[sought].type, id, properties: query[sought].properties };
  const form = model.formsOf(sought, found).find((one) => model.evaluate({ ...query, [sought]: one }).isPermit);
  return form === undefined ? undefined : written(form);
}

/** A result is what would have to be sent to be permitted. */
function written({ type, id, properties }: Party): object {
  return { type, id, ...(properties === undefined ? {} : { properties }) };
}

/** The same for the same question only; how many results a page has is no part of it. Undefined: nested too deeply to be read. */
function fingerprintOf(
  modelId: string,
  sought: Sought,
  { subject, action, resource, context }: Search,
): string | undefined {
  // Parsed JSON, apart from members that are undefined.
  const question = [modelId, sought, subject, action, resource, context ?? null].map((part) =>
    typeof part === 'object' && part !== null ? defined(part) : part,
  );
  try {
    return createHash('sha256').update(canonicalJson(question)).digest('base64url').slice(0, 22);
  } catch {
    return undefined;
  }
}

function defined(part: object): Json {
  return Object.fromEntries(Object.entries(part).filter(([, value]) => value !== undefined)) as Json;
}

function writeToken(question: string, last: string): string {
  return `${question}.${Buffer.from(last).toString('base64url')}`;
}

/** The id after which to go on; null when the token is not of this question. */
function readToken(token: string, question: string): string | null {
  const [of, last] = token.split('.', 2);
  return of === question && last !== undefined ? Buffer.from(last, 'base64url').toString() : null;
}

/** The place of the first id greater than `after`: ids may have come and gone since the last page. */
function firstAfter(ids: readonly string[], after: string): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ids[middle] ?? '') > after) high = middle;
    else low = middle + 1;
  }
  return low;
}
