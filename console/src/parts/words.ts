/** The words of a search, whatever their case. */
export function searchWords(search: string): readonly string[] {
  return search.toLowerCase().split(/\s+/).filter(Boolean);
}

/** True when every word of a search occurs in one of the texts. */
export function holdsAll(texts: readonly (string | undefined)[], words: readonly string[]): boolean {
  const text = texts.join('\n').toLowerCase();
  return words.every((word) => text.includes(word));
}
