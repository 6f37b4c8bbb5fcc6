import type { Expression, Question } from './question.ts';
import { Entity, Failure, NOTHING, type Outcome, type RecordValue, type Value } from './value.ts';

const NO_ENTITY = new Failure('the entity does not exist');
const NOT_ENTITY = new Failure('type error: only entities have tags');
const NOT_STRUCTURE = new Failure('type error: expected record or entity');
const NO_TAG = new Failure('the entity does not have this tag');
const NOT_STRING = new Failure('type error: expected string');

/** The entity as it is stored now: a reference to one that came later than the reference is still good. */
function stored(question: Question, entity: Entity): Entity {
  return entity.isGuest ? question.source.current(entity) : entity;
}

/** `left.name`: an error when the entity or the attribute is not there. */
export function attributeOf(left: Expression, name: string): Expression {
  const missing = new Failure(`the attribute \`${name}\` does not exist`);
  return (question) => {
    const base = left(question);
    if (base instanceof Map) return (base as RecordValue).get(name) ?? missing;
    if (base instanceof Entity) {
      const { attributes } = stored(question, base);
      return attributes === undefined ? NO_ENTITY : (attributes.get(name) ?? missing);
    }
    return base instanceof Failure ? base : NOT_STRUCTURE;
  };
}

/** `context.name`, the most frequent case of the above. */
export function contextAttribute(name: string): Expression {
  const missing = new Failure(`the context does not have the attribute \`${name}\``);
  return (question) => question.context.get(name) ?? missing;
}

/** `left has a.b.c`: `left has a && left.a has b && …`. An entity that does not exist has nothing. */
export function hasAttributes(left: Expression, names: readonly string[]): Expression {
  return (question) => {
    let base = left(question);
    for (const name of names) {
      const fields = fieldsOf(question, base);
      if (fields instanceof Failure) return fields;
      const next = fields.get(name);
      if (next === undefined) return false;
      base = next;
    }
    return true;
  };
}

function fieldsOf(question: Question, base: Outcome): RecordValue | Failure {
  if (base instanceof Map) return base as RecordValue;
  if (base instanceof Entity) return stored(question, base).attributes ?? NOTHING;
  return base instanceof Failure ? base : NOT_STRUCTURE;
}

/** `left.hasTag(key)`: false for an entity that does not exist. */
export function hasTag(question: Question, left: Value, key: Value): Outcome {
  if (!(left instanceof Entity)) return NOT_ENTITY;
  if (typeof key !== 'string') return NOT_STRING;
  return stored(question, left).tags.has(key);
}

/** `left.getTag(key)`: an error when the entity or the tag is not there. */
export function getTag(question: Question, left: Value, key: Value): Outcome {
  if (!(left instanceof Entity)) return NOT_ENTITY;
  if (typeof key !== 'string') return NOT_STRING;
  const entity = stored(question, left);
  if (entity.attributes === undefined) return NO_ENTITY;
  return entity.tags.get(key) ?? NO_TAG;
}
