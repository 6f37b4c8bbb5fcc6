import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import type { ReactNode } from 'react';

/** What a page keeps in its address, so that a view can be linked to and survives a reload. All values are text. */
export type UrlState = Readonly<Record<string, string | undefined>>;

/** Reads a query string without guessing types: `tier=0` stays text. */
export function parseUrlState(query: string): UrlState {
  return Object.fromEntries(new URLSearchParams(query));
}

/** Writes it back; what is empty is left out. */
export function formatUrlState(state: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(state).flatMap(([key, value]) =>
    typeof value === 'string' && value !== '' ? [[key, value]] : [],
  );
  const text = new URLSearchParams(entries).toString();
  return text === '' ? '' : `?${text}`;
}

/** The page's state in the address, and a way to change parts of it; an empty value removes one. */
export function useUrlState(): [UrlState, (changes: UrlState) => void] {
  const state: UrlState = useSearch({ strict: false });
  const navigate = useNavigate();
  const change = (changes: UrlState) => {
    navigate({ to: '.', search: (old: UrlState) => ({ ...old, ...changes }), replace: true, resetScroll: false }).catch(
      () => undefined,
    );
  };
  return [state, change];
}

/** A link that opens the detail of a row; its whole row can be pressed. */
export function RowLink({ id, children }: { id: string; children: ReactNode }): ReactNode {
  return (
    <Link to="." search={(old: UrlState) => ({ ...old, id })} resetScroll={false} className="row-link">
      {children}
    </Link>
  );
}
