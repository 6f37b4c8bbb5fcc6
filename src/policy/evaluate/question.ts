import type { Entity, Outcome, RecordValue } from './value.ts';

/** Where an evaluation finds entities. */
export interface EntitySource {
  /** Differs for every source that ever was, so that a literal knows when the entity it found is another source's. */
  readonly epoch: number;
  /** The entity of this uid, which is made when it is not in the table. Only for uids that come from policies and stored data. */
  intern(type: string, id: string): Entity;
  /** What is stored under a guest's uid; the guest itself when nothing is. */
  current(guest: Entity): Entity;
  /** Brings `entity.ancestors` up to date. */
  refresh(entity: Entity): void;
  /** Grows whenever somebody's ancestors may have changed. */
  readonly hierarchy: number;
}

/** One question, as expressions see it. */
export interface Question {
  readonly source: EntitySource;
  readonly principal: Entity;
  readonly action: Entity;
  readonly resource: Entity;
  readonly context: RecordValue;
}

/** A compiled expression. */
export type Expression = (question: Question) => Outcome;

let epochs = 0;

/** A number no source had before. */
export function nextEpoch(): number {
  epochs += 1;
  return epochs;
}

/** An entity named in a policy. Remembers where it was found, so that asking again costs a comparison. */
export class EntityLiteral {
  readonly type: string;
  readonly id: string;
  #epoch = -1;
  #found: Entity | undefined = undefined;

  constructor(type: string, id: string) {
    this.type = type;
    this.id = id;
  }

  in(source: EntitySource): Entity {
    const found = this.#found;
    if (found !== undefined && this.#epoch === source.epoch && !found.isGuest) return found;
    const entity = source.intern(this.type, this.id);
    this.#epoch = source.epoch;
    this.#found = entity;
    return entity;
  }
}
