import { ok, strictEqual } from 'node:assert/strict';
import { it } from 'node:test';
import type { Json } from '#base';
import { Schema } from './schema.ts';

it('a schema compiles each common type once, however often others hold it', () => {
  const commonTypes: Record<string, Json> = { T0: { type: 'Long' } };
  for (let level = 1; level <= 40; level += 1) {
    const inner = { type: `T${level - 1}` };
    commonTypes[`T${level}`] = { type: 'Record', attributes: { a: inner, b: inner } };
  }
  const schema = new Schema({ '': { commonTypes, entityTypes: { X: { shape: { type: 'T40' } } }, actions: {} } });
  const shape = schema.entityTypes.get('X')?.attributes.attributes;
  ok(shape?.get('a') !== undefined);
  strictEqual(shape.get('a')?.type, shape.get('b')?.type);
});
