import { useState } from 'react';

/** Cedar text by file name. */
export type Texts = Readonly<Record<string, string>>;

/** The draft and what can be done to it. */
export interface Draft {
  readonly texts: Texts;
  /** Names of files that differ from the ones in force, removed ones included. */
  readonly changed: readonly string[];
  readonly set: (texts: Texts) => void;
  readonly reset: () => void;
}

/** Keeps a draft through a reload or a step-up in this tab; it belongs to the version it was begun on. */
export function useDraft(version: number, active: Texts): Draft {
  const key = `cordon.policies.${version}`;
  const [texts, setTexts] = useState<Texts>(() => readDraft(key) ?? active);
  const names = [...new Set([...Object.keys(active), ...Object.keys(texts)])];
  return {
    texts,
    changed: names.filter((name) => texts[name] !== active[name]),
    set: (next) => {
      sessionStorage.setItem(key, JSON.stringify(next));
      setTexts(next);
    },
    reset: () => {
      sessionStorage.removeItem(key);
      setTexts(active);
    },
  };
}

function readDraft(key: string): Texts | undefined {
  const stored = sessionStorage.getItem(key);
  return stored === null ? undefined : (JSON.parse(stored) as Texts);
}
