import { err, ok, type Result } from '#base';
import { Malformed, readRecord, type Uid, uidProblem } from './evaluate/read-value.ts';
import type { Schema } from './evaluate/schema.ts';
import { fitRecord, type Fitting } from './evaluate/schema-type.ts';
import type { Contents, Store } from './evaluate/store.ts';
import { Entity, NOTHING, type RecordValue } from './evaluate/value.ts';

type Attributes = Readonly<Record<string, unknown>>;

/** What a question says about its own principal and resource. */
export interface Said {
  readonly principal: Uid;
  readonly resource: Uid;
  readonly principalAttributes?: Attributes | undefined;
  readonly resourceAttributes?: Attributes | undefined;
}

/** What stood in the place of something; undefined: nothing. */
interface Before {
  readonly uid: Uid;
  readonly contents: Contents | undefined;
}

/**
 * A table of entities, and what single questions add to it. What the table says about an attribute wins, so that nobody talks an
 * administered fact away by sending another.
 */
export class Overlay {
  readonly #store: Store;
  readonly #schema: Schema;
  readonly #fitting: Fitting;
  #isSound = true;

  /** The table has been read with the schema. */
  constructor(store: Store, schema: Schema) {
    this.#store = store;
    this.#schema = schema;
    this.#fitting = { entityOf: (type, id) => store.visit(type, id), strangeness: schema.strangeness };
  }

  /**
   * Asks while the table holds what the question says, and takes it out again. `err`: why what was said does not fit the schema.
   * INVARIANT: nothing of it is there when the next question comes. When it cannot be taken out, nothing is ever asked again.
   */
  ask<T>(said: Said, question: () => T): Result<T, string> {
    if (!this.#isSound) return err('the entities of the model are damaged');
    const { principal, resource, principalAttributes, resourceAttributes } = said;
    if (principalAttributes === undefined && resourceAttributes === undefined) return ok(question());
    const changed: Before[] = [];
    this.#isSound = false;
    try {
      const wrong =
        this.#say(changed, principal, principalAttributes) ?? this.#say(changed, resource, resourceAttributes);
      return wrong === undefined ? ok(question()) : err(wrong);
    } finally {
      // The last one first: principal and resource may be the same entity.
      for (let before = changed.pop(); before !== undefined; before = changed.pop()) {
        if (before.contents === undefined) this.#store.remove(before.uid);
        else this.#store.put(before.uid, before.contents);
      }
      this.#isSound = true;
    }
  }

  /** Puts attributes beside those there are; says what is wrong with them. Where an entity stands is never changed. */
  #say(changed: Before[], uid: Uid, attributes: Attributes | undefined): string | undefined {
    if (attributes === undefined) return undefined;
    const known = this.#store.find(uid.type, uid.id);
    const contents: Contents | undefined =
      known?.attributes === undefined
        ? undefined
        : { attributes: known.attributes, tags: known.tags, parents: known.parents };
    const fitted = this.#fitted(uid, attributes, contents?.attributes);
    if (fitted instanceof Malformed) return fitted.under('properties').toProblem().message;
    if (typeof fitted === 'string') return fitted;
    changed.push({ uid, contents });
    this.#store.put(uid, { attributes: fitted, tags: contents?.tags ?? NOTHING, parents: contents?.parents ?? [] });
    return undefined;
  }

  #fitted(uid: Uid, attributes: Attributes, known: RecordValue | undefined): RecordValue | Malformed | string {
    const type = this.#schema.entityTypes.get(uid.type);
    if (type === undefined) return `the schema has no entity type \`${uid.type}\``;
    const problem = known === undefined ? this.#strangeness(uid) : undefined;
    if (problem !== undefined) return `\`${uid.id}\` ${problem}`;
    const said = readRecord(attributes, this.#fitting.entityOf);
    if (said instanceof Malformed) return said;
    const all = known === undefined || known.size === 0 ? said : new Map([...said, ...known]);
    return fitRecord(all, type.attributes, this.#fitting);
  }

  #strangeness(uid: Uid): string | undefined {
    return uidProblem(uid) ?? this.#schema.strangeness(new Entity(uid.type, uid.id, true));
  }
}
