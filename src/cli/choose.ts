import { CordonError } from '#base';

/** Something a person names on the command line. */
export interface Candidate {
  readonly id: string;
  /** Other names it goes by. */
  readonly names: readonly string[];
}

const SHOWN = 8;

/**
 * The one candidate that `text` names: by its id, else by a name, else by the last part of its id (behind `:` or `/`), else by the beginning
 * of any of them. The first kind of match that fits anything decides. Throws `id-ambiguous`; answers undefined when nothing fits.
 */
export function chooseMaybe<T extends Candidate>(what: string, text: string, candidates: readonly T[]): T | undefined {
  const lower = text.toLowerCase();
  const tail = (id: string): string => id.slice(Math.max(id.lastIndexOf(':'), id.lastIndexOf('/')) + 1);
  const rules: readonly ((candidate: T) => boolean)[] = [
    ({ id }) => id === text,
    ({ names }) => names.some((name) => name.toLowerCase() === lower),
    ({ id }) => tail(id).toLowerCase() === lower,
    ({ id, names }) => lower !== '' && [id, tail(id), ...names].some((name) => name.toLowerCase().startsWith(lower)),
  ];
  for (const rule of rules) {
    const matching = candidates.filter(rule);
    if (matching.length === 1) return matching[0];
    if (matching.length > 1) throw ambiguous(what, text, matching);
  }
  return undefined;
}

/** As `chooseMaybe`, but throws `id-unknown` when nothing fits. */
export function choose<T extends Candidate>(
  what: { readonly noun: string; readonly list: string },
  text: string,
  candidates: readonly T[],
): T {
  const found = chooseMaybe(what.noun, text, candidates);
  if (found !== undefined) return found;
  throw new CordonError('id-unknown', `no ${what.noun} \`${text}\``, {
    hint: `list them with \`cordon ${what.list}\``,
  });
}

function ambiguous(what: string, text: string, matching: readonly Candidate[]): CordonError {
  const shown = matching.slice(0, SHOWN).map(({ id, names: [name] }) => {
    return name === undefined || name === id ? `\`${id}\`` : `\`${id}\` (${name})`;
  });
  const more = matching.length > SHOWN ? ` and ${matching.length - SHOWN} more` : '';
  return new CordonError('id-ambiguous', `\`${text}\` names ${matching.length} ${what}s: ${shown.join(', ')}${more}`, {
    hint: 'write the id, or more of it',
  });
}
