import type { FuzzLink } from './policies.ts';
import type { FuzzEntity } from './population.ts';
import type { FuzzRequest } from './requests.ts';
import { isTemplate, policyText } from './term.ts';
import type { World } from './world.ts';

/** A world as the engine and Cedar are told about it, and as it is kept in a file. */
export interface Told {
  readonly schema?: object;
  /** Who is told about the schema. */
  readonly schemaFor: World['schemaFor'];
  /** Cedar text by id. */
  readonly policies: Readonly<Record<string, string>>;
  readonly templates: Readonly<Record<string, string>>;
  readonly links: readonly FuzzLink[];
  readonly entities: readonly FuzzEntity[];
  readonly isText: boolean;
  readonly isGrown: boolean;
}

/** A question that was, or is, answered differently. Without a question the world itself is judged differently. */
export interface KeptCase {
  /** What went wrong, for people. */
  readonly note: string;
  readonly world: Told;
  readonly request?: FuzzRequest;
}

/** Writes a world out. */
export function toldOf({ policies, ...world }: World): Told {
  const texts = (wantsTemplates: boolean): Record<string, string> =>
    Object.fromEntries(
      policies
        .filter((policy) => isTemplate(policy) === wantsTemplates)
        .map((policy) => [policy.id, policyText(policy)]),
    );
  return { ...world, policies: texts(false), templates: texts(true) };
}

// Not yet in TypeScript's library: https://tc39.es/proposal-json-parse-with-source/
const sourceJson = JSON as unknown as {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): object;
};

/** Plain JSON that serialises integers beyond 2^53 exactly. */
export function exactJson(value: unknown): unknown {
  if (typeof value === 'bigint') return sourceJson.rawJSON(value.toString());
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(exactJson);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, exactJson(item)]));
}

/** The text of a file that keeps a case. */
export function keptCaseText(kept: KeptCase): string {
  return `${JSON.stringify(exactJson(kept), null, 2)}\n`;
}

/** Reads what `keptCaseText` wrote; only for files of this repository. */
export function readKeptCase(text: string): KeptCase {
  return sourceJson.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) ? BigInt(source ?? '') : value,
  ) as KeptCase;
}
