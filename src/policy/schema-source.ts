import { err, ok, type Problem, type Result } from '#base';
import { resolveSchema, type SchemaSource } from './engine.ts';
import { Schema } from './evaluate/schema.ts';
import { offsetOfByte, spanAt } from './lexer.ts';

/** The schema used last, because one is used over and over. */
let last: { readonly text: string; readonly schema: Schema } | undefined;

/** Parses and compiles a schema. Code: `schema-invalid`, with the place in the text. */
export function compileSchema(source: SchemaSource): Result<Schema, Problem[]> {
  if (last !== undefined && source === last.text) return ok(last.schema);
  const text = typeof source === 'string' ? source : '';
  const resolved = resolveSchema(source);
  if (!resolved.ok) {
    return err(
      resolved.error.map(({ message, hint, startByte = 0, endByte }) => {
        const start = offsetOfByte(text, startByte);
        const end = endByte === undefined ? text.length : offsetOfByte(text, endByte);
        return {
          code: 'schema-invalid',
          message,
          ...(hint === undefined ? {} : { hint }),
          source: spanAt({ file: 'schema', text }, start, end - start),
        };
      }),
    );
  }
  const schema = new Schema(resolved.value);
  if (typeof source === 'string') last = { text: source, schema };
  return ok(schema);
}
