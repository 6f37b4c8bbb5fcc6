import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { layOut } from './table-text.ts';
import { textWidth } from './terminal-text.ts';

const COLUMNS = [{ title: 'ID' }, { title: 'NAME', shrinkTo: 6 }, { title: 'COUNT', align: 'right' as const }];

function text(width: number, rows: string[][]): string[] {
  const laid = layOut(COLUMNS, rows, width);
  return [laid.heading, ...laid.rows.map((cells) => cells.join(''))];
}

describe('a table', () => {
  it('has columns as wide as their widest cell', () => {
    assert.deepEqual(
      text(Infinity, [
        ['a', 'first', '1'],
        ['bcd', 'x', '1000'],
      ]),
      ['ID   NAME   COUNT', 'a    first      1', 'bcd  x       1000'],
    );
  });

  it('shortens what may be shortened, and never an id', () => {
    assert.deepEqual(text(24, [['identifier', 'a long name', '1']]), [
      'ID          NAME    COUNT',
      'identifier  a lon…      1',
    ]);
  });

  it('keeps columns under each other with wide characters', () => {
    const [first, second] = text(Infinity, [
      ['漢字', 'x', '1'],
      ['ab', 'y', '2'],
    ]).slice(1);
    assert.equal(textWidth(first ?? ''), textWidth(second ?? ''));
  });

  it('fits the width whenever the columns that may shrink can give enough', () => {
    const cell = fc.string({ maxLength: 40 }).filter((one) => /^[ -~]*$/.test(one));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell), { minLength: 1 }),
        fc.integer({ min: 20, max: 100 }),
        (rows, width) => {
          const laid = layOut(
            [
              { title: 'A', shrinkTo: 4 },
              { title: 'B', shrinkTo: 4 },
            ],
            rows,
            width,
          );
          for (const cells of laid.rows) assert.ok(textWidth(cells.join('')) <= width);
        },
      ),
    );
  });
});
