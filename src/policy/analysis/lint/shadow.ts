import { type Subject, widerScopes } from './subject.ts';

/** Finds, without comparing each policy with each, the policies that hold whenever another one does. */
export class Coverers {
  readonly #byKey = new Map<string, Subject[]>();

  constructor(subjects: readonly Subject[]) {
    for (const subject of subjects) {
      for (const action of subject.actions) {
        const key = keyOf(action, subject.principal, subject.resource, subject.asks[0] ?? '');
        const known = this.#byKey.get(key);
        if (known === undefined) this.#byKey.set(key, [subject]);
        else known.push(subject);
      }
    }
  }

  /**
   * Policies other than this one that hold for every question for which it holds: their scope is as wide, and they ask for nothing that
   * it does not ask for. Sound, not complete: two different texts are never taken for the same thing.
   */
  of(subject: Subject): Subject[] {
    const [action = ''] = subject.actions;
    const found = new Set<Subject>();
    const scopes = widerScopes(subject.principal).flatMap((principal) =>
      widerScopes(subject.resource).map((resource) => [principal, resource] as const),
    );
    // The first thing that a coverer asks for is one of the things that this policy asks for, or it asks for nothing.
    for (const first of ['', ...subject.asks])
      for (const [principal, resource] of scopes)
        for (const other of this.#byKey.get(keyOf(action, principal, resource, first)) ?? [])
          if (other !== subject && covers(other, subject)) found.add(other);
    return [...found];
  }
}

function keyOf(...parts: readonly string[]): string {
  return parts.join('\n');
}

function covers(wide: Subject, narrow: Subject): boolean {
  return (
    narrow.actions.every((action) => wide.actions.includes(action)) &&
    wide.asks.every((ask) => narrow.asks.includes(ask))
  );
}
