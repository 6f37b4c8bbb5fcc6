import type { ReactNode } from 'react';

/** A framed part of a page with its own heading. */
export function Panel({ title, children }: { title: string; children: ReactNode }): ReactNode {
  return (
    <section className="panel" aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}
