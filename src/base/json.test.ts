import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { canonicalJson, isJsonObject, type Json, parseJson } from '#base';

describe('positions of JSON errors', () => {
  const cases: readonly [string, string, number, number][] = [
    ['an entry that is missing', '{\n  "Vpcs": [}\n}', 2, 12],
    ['a comma too many', '{"a": 1,\n}', 2, 1],
    ['a text that does not end', '{"a": "b', 1, 7],
    ['a second document', '{}\n{}', 2, 1],
    ['an end that is missing', '{"a": [1', 1, 9],
    ['a single quote', "{'a': 1}", 1, 2],
    ['nothing', '', 1, 1],
    ['an entry behind a byte order mark', '\uFEFF{\n  "Vpcs": [}\n}', 2, 12],
    ['the first character behind a byte order mark', '\uFEFFx', 1, 1],
  ];
  for (const [name, text, line, column] of cases)
    it(`names line and column of ${name}`, () => {
      const parsed = parseJson(text, 'x.json');
      assert.equal(parsed.ok, false);
      if (parsed.ok) return;
      assert.deepEqual([parsed.error.source?.line, parsed.error.source?.column], [line, column]);
    });

  it('names the very character that was broken', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), (text, pick) => {
        const at = pick % (text.length + 1);
        const parsed = parseJson(`${text.slice(0, at)}\u0001${text.slice(at)}`);
        assert.equal(parsed.ok, false);
        // Inside a text the whole text is what is wrong, so the place may be before the character, never after it.
        if (!parsed.ok) assert.ok((parsed.error.source?.offset ?? Infinity) <= at);
      }),
    );
  });
});

describe('JSON', () => {
  it('is read behind a byte order mark, and whatever a key is called', () => {
    assert.deepEqual(parseJson('\uFEFF{"a":1}'), { ok: true, value: { a: 1 } });
    const parsed = parseJson('{"__proto__":{"admin":true}}');
    assert.ok(parsed.ok && isJsonObject(parsed.value));
    assert.equal(Object.hasOwn(parsed.value, '__proto__'), true);
    assert.equal((parsed.value as { admin?: unknown }).admin, undefined);
  });

  it('is refused when it nests without end, not fatal', () => {
    assert.equal(parseJson('['.repeat(1_000_000)).ok, false);
  });

  it('names only objects objects', () => {
    for (const value of [null, [], 'x', 1, true, undefined]) assert.equal(isJsonObject(value), false);
    assert.equal(isJsonObject({}), true);
  });
});

describe('canonical JSON', () => {
  it('sorts keys at every depth and writes no spaces', () => {
    assert.equal(canonicalJson({ b: [1, { d: null, c: 'x' }], a: true }), '{"a":true,"b":[1,{"c":"x","d":null}]}');
    assert.equal(canonicalJson({ é: 1, z: 2, Z: 3, '1': 4 }), '{"1":4,"Z":3,"z":2,"é":1}');
  });

  it('gives equal values equal text, and what it writes reads back', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value as Json);
        const again = parseJson(text);
        assert.ok(again.ok);
        assert.equal(canonicalJson(again.value), text);
      }),
    );
  });
});
