/** A piece of a `like` pattern in Cedar's JSON: `*`, or text, which may come one character at a time. */
export type PatternPiece = 'Wildcard' | { readonly Literal: string };

/**
 * Compiles a pattern to a test that takes time linear in the text for each literal, whatever the pattern: the first and last literals
 * are anchored, those between are found from left to right, each as early as possible.
 */
export function compileLike(pieces: readonly PatternPiece[]): (text: string) => boolean {
  const literals = [''];
  for (const piece of pieces) {
    if (piece === 'Wildcard') literals.push('');
    else literals.push(`${literals.pop() ?? ''}${piece.Literal}`);
  }
  const [first = '', ...rest] = literals;
  const last = rest.pop();
  if (last === undefined) return (text) => text === first;
  const middle = rest.filter((literal) => literal !== '');
  const shortest = first.length + last.length;
  return (text) => {
    if (text.length < shortest || !text.startsWith(first) || !text.endsWith(last)) return false;
    let from = first.length;
    for (const literal of middle) {
      const at = text.indexOf(literal, from);
      if (at === -1) return false;
      from = at + literal.length;
    }
    return from <= text.length - last.length;
  };
}
