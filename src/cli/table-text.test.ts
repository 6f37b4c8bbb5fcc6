import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Column, layOut } from './table-text.ts';
import { clean, textWidth } from './terminal-text.ts';

const COLUMNS: readonly Column[] = [
  { title: 'ID' },
  { title: 'NAME', shrinkTo: 6 },
  { title: 'COUNT', align: 'right' },
];
const WRAPPED: readonly Column[] = [
  { title: 'NAME', shrinkTo: 6 },
  { title: 'WHY', isWrapped: true },
];

function text(columns: readonly Column[], width: number, rows: readonly (readonly string[])[]): string[] {
  const laid = layOut(columns, rows, width);
  return [laid.heading, ...laid.rows.flatMap((lines) => lines.map((cells) => cells.join('')))].map((line) =>
    line.trimEnd(),
  );
}

describe('a table', () => {
  it('has columns as wide as their widest cell', () => {
    const rows = [
      ['a', 'first', '1'],
      ['bcd', 'x', '1000'],
    ];
    const expected = ['ID   NAME   COUNT', 'a    first      1', 'bcd  x       1000'];
    assert.deepEqual(text(COLUMNS, Infinity, rows), expected);
  });

  it('shortens what may be shortened, and never an id', () => {
    assert.deepEqual(text(COLUMNS, 24, [['identifier', 'a long name', '1']]), [
      'ID          NAME    COUNT',
      'identifier  a lon…      1',
    ]);
  });

  it('keeps columns under each other with wide characters', () => {
    const rows = [
      ['漢字', 'x', '1'],
      ['ab', 'y', '2'],
    ];
    const [first = '', second = ''] = text(COLUMNS, Infinity, rows).slice(1);
    assert.equal(textWidth(first), textWidth(second));
  });

  it('goes on below itself where text has to be read whole', () => {
    assert.deepEqual(
      text(WRAPPED, 30, [
        ['a', 'one two three four five six'],
        ['b', 'short'],
      ]),
      ['NAME  WHY', 'a     one two three four five', '      six', 'b     short'],
    );
  });

  it('gives room to what is read whole before others keep more than their least', () => {
    const [, first = '', second = ''] = text(WRAPPED, 60, [['x'.repeat(50), 'word '.repeat(16).trim()]]);
    assert.match(first, /^x{13}… {2}word/);
    assert.match(second, /^ {16}word/);
  });

  it('fits the width whenever the columns that may shrink can give enough', () => {
    const cell = fc.string({ unit: 'grapheme', maxLength: 40 }).map(clean);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell), { minLength: 1 }),
        fc.integer({ min: 30, max: 100 }),
        (rows, width) => {
          const shortened: readonly Column[] = [
            { title: 'A', shrinkTo: 4 },
            { title: 'B', shrinkTo: 4 },
          ];
          for (const line of [...text(shortened, width, rows), ...text(WRAPPED, width, rows)]) {
            assert.ok(textWidth(line) <= width, line);
          }
        },
      ),
    );
  });

  it('loses no word where it wraps', () => {
    const words = fc.array(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }).map((word) => clean(word).replaceAll(' ', '')),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(words, fc.integer({ min: 30, max: 60 }), (some, width) => {
        const laid = layOut(WRAPPED, [['n', some.join(' ')]], width);
        const shown = (laid.rows[0] ?? []).map((cells) => cells.at(-1) ?? '').join(''); // no-break spaces are part of a word
        assert.equal(shown.replaceAll(' ', ''), some.join(''));
      }),
    );
  });
});
