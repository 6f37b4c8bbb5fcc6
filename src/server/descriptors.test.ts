import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mostConnections } from './descriptors.ts';

const table = (files: string): string => `Limit                     Soft Limit           Hard Limit           Units
Max processes             127636               127636               processes
Max open files            ${files}                20000                files
`;

describe('the connections of a listener', () => {
  for (const [what, asked, files, most] of [
    ['are as many as were asked for', 100, '20000', 100],
    ['leave most descriptors to others', 20_000, '20000', 8000],
    ['are one at least', 20_000, '2', 1],
    ['are as many as were asked for where there is no limit', 20_000, 'unlimited', 20_000],
  ] as const) {
    it(what, () => {
      assert.equal(
        mostConnections(asked, () => table(files)),
        most,
      );
    });
  }

  it('are as many as were asked for where nothing is known', () => {
    assert.equal(
      mostConnections(7, () => ''),
      7,
    );
    assert.ok(mostConnections(1_000_000) >= 1);
  });
});
