import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseJson } from '#base';

describe('positions of JSON errors', () => {
  const cases: readonly [string, string, number, number][] = [
    ['an entry that is missing', '{\n  "Vpcs": [}\n}', 2, 12],
    ['a comma too many', '{"a": 1,\n}', 2, 1],
    ['a text that does not end', '{"a": "b', 1, 7],
    ['a second document', '{}\n{}', 2, 1],
    ['an end that is missing', '{"a": [1', 1, 9],
    ['a single quote', "{'a': 1}", 1, 2],
    ['nothing', '', 1, 1],
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
