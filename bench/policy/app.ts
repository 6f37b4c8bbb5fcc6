import type { CedarRequest, EntityJson } from '#policy';
import type { Choices } from './random.ts';

/** One application of the Cedar paper. */
export interface PaperApp {
  readonly name: string;
  readonly policies: string;
  /** What an application knows, with `size` of each kind of entity, and questions about it. */
  readonly world: (size: number, choices: Choices) => PaperWorld;
}

/** Entities, and a supply of questions. */
export interface PaperWorld {
  readonly entities: readonly EntityJson[];
  readonly request: () => CedarRequest;
}

/** How likely it is that two entities which may be connected are. */
export const CONNECTED = 0.05;

/** Gathers entities that get their parents one after the other. */
export class Gathering {
  readonly #entities = new Map<
    string,
    { uid: EntityJson['uid']; attrs: EntityJson['attrs']; parents: EntityJson['uid'][] }
  >();

  /** Adds an entity and returns its name. */
  add(type: string, id: string, attrs: EntityJson['attrs'] = {}): EntityJson['uid'] {
    const uid = { type, id };
    this.#entities.set(`${type}::${id}`, { uid, attrs, parents: [] });
    return uid;
  }

  /** Puts one entity into another. */
  connect(child: EntityJson['uid'], parent: EntityJson['uid']): void {
    this.#entities.get(`${child.type}::${child.id}`)?.parents.push(parent);
  }

  /** Puts each child into each parent with the usual probability. */
  connectSome(choices: Choices, children: readonly EntityJson['uid'][], parents: readonly EntityJson['uid'][]): void {
    for (const child of children)
      for (const parent of parents) if (choices.chance(CONNECTED)) this.connect(child, parent);
  }

  /** The same among entities of one kind, without a cycle. */
  nestSome(choices: Choices, uids: readonly EntityJson['uid'][]): void {
    for (const [at, uid] of uids.entries()) this.connectSome(choices, [uid], uids.slice(0, at));
  }

  get entities(): EntityJson[] {
    return [...this.#entities.values()];
  }
}

/** As many results of `make` as asked for. */
export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** A reference to an entity, as an attribute holds it. */
export function reference(uid: EntityJson['uid']): { readonly __entity: EntityJson['uid'] } {
  return { __entity: uid };
}
