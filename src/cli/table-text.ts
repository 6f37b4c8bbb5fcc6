import { pad, shorten, textWidth } from './terminal-text.ts';

/** A column of a table. */
export interface Column {
  readonly title: string;
  readonly align?: 'right';
  /** May be shortened, down to this many columns, when the terminal is too narrow. Columns that are copied (ids) never are. */
  readonly shrinkTo?: number;
}

const GAP = '  ';

/** Widths of the columns, the widest one that may shrink first, until the table fits into `width` or nothing may shrink any more. */
function widthsOf(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): number[] {
  const widths = columns.map(({ title }, index) =>
    rows.reduce((most, row) => Math.max(most, textWidth(row[index] ?? '')), textWidth(title)),
  );
  const least = columns.map(({ title, shrinkTo }, index) =>
    shrinkTo === undefined ? (widths[index] ?? 0) : Math.min(widths[index] ?? 0, Math.max(shrinkTo, textWidth(title))),
  );
  let excess = widths.reduce((sum, one) => sum + one, GAP.length * (columns.length - 1)) - width;
  while (excess > 0) {
    const slack = widths.map((one, index) => (one > (least[index] ?? 0) ? one : 0));
    const widest = slack.indexOf(Math.max(...slack));
    if (widest < 0 || (slack[widest] ?? 0) === 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess--;
  }
  return widths;
}

/** Lays clean cells out as lines: the first is the heading. The last column is not filled with spaces. */
export function layOut(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): { readonly heading: string; readonly rows: readonly (readonly string[])[] } {
  const widths = widthsOf(columns, rows, width);
  const line = (cells: readonly string[]): string[] =>
    columns.map(({ align }, index) => {
      const columnsWide = widths[index] ?? 0;
      const cell = shorten(cells[index] ?? '', columnsWide);
      return index === columns.length - 1 && align === undefined ? cell : pad(cell, columnsWide, align);
    });
  return {
    heading: line(columns.map(({ title }) => title)).join(GAP),
    rows: rows.map((row) => line(row).flatMap((cell, index) => (index === 0 ? [cell] : [GAP, cell]))),
  };
}
