import { useState } from 'react';
import { z } from 'zod';

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
  return {
    texts,
    changed: changedNames(active, texts),
    set: (next) => {
      writeDraft(key, next);
      setTexts(next);
    },
    reset: () => {
      sessionStorage.removeItem(key);
      setTexts(active);
    },
  };
}

/** Names of files that are other, new or gone. */
export function changedNames(active: Texts, texts: Texts): string[] {
  const names = new Set([...Object.keys(active), ...Object.keys(texts)]);
  return [...names].filter((name) => texts[name] !== active[name]);
}

const stored = z.record(z.string(), z.string());

/** The draft kept in this tab. What is not one is as good as none: it must not keep the page from opening. */
export function readDraft(key: string): Texts | undefined {
  try {
    return stored.safeParse(JSON.parse(sessionStorage.getItem(key) ?? '')).data;
  } catch {
    return undefined;
  }
}

function writeDraft(key: string, texts: Texts): void {
  try {
    sessionStorage.setItem(key, JSON.stringify(texts));
  } catch {
    // The tab has no room for it. The draft lives on in the page, only not through a reload.
  }
}
