import { pad, shorten, textWidth, wrap } from './terminal-text.ts';

/** A column of a table. */
export interface Column {
  readonly title: string;
  readonly align?: 'right';
  /** May be shortened, down to this many columns, when the terminal is too narrow. Columns that are copied (ids) never are. */
  readonly shrinkTo?: number;
  /** For the last column, whose text has to be read whole: it goes on below itself instead of being shortened. */
  readonly isWrapped?: boolean;
}

const GAP = '  ';
/** A wrapped column gets this much before others keep more than their least, and never less than the second. */
const [COMFORTABLE, TIGHT] = [44, 20];

/** Widths of the columns: the widest one that may shrink does, until the table fits or nothing may shrink any more. */
function widthsOf(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): number[] {
  const whole = columns.map(({ title }, index) =>
    rows.reduce((most, row) => Math.max(most, textWidth(row[index] ?? '')), textWidth(title)),
  );
  const last = columns.length - 1;
  const isWrapped = columns[last]?.isWrapped === true;
  const widths = isWrapped ? whole.with(last, Math.min(whole[last] ?? 0, COMFORTABLE)) : [...whole];
  const least = columns.map(({ title, shrinkTo }, index) => {
    const own = widths[index] ?? 0;
    return shrinkTo === undefined ? own : Math.min(own, Math.max(shrinkTo, textWidth(title)));
  });
  const gaps = GAP.length * last;
  const sum = (some: readonly number[]): number => some.reduce((total, one) => total + one, gaps);
  for (let excess = sum(widths) - width; excess > 0; excess--) {
    const slack = widths.map((one, index) => (one > (least[index] ?? 0) ? one : 0));
    const widest = slack.indexOf(Math.max(...slack));
    if ((slack[widest] ?? 0) === 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  if (!isWrapped) return widths;
  const left = width - sum(widths.slice(0, last));
  return widths.with(last, Math.min(whole[last] ?? 0, Math.max(TIGHT, left)));
}

/** A table as text. Each line of a row is its cells, with the gaps between them at the odd places. */
export interface LaidOut {
  readonly heading: string;
  readonly rows: readonly (readonly (readonly string[])[])[];
}

/** Lays clean cells out for a terminal of `width` columns; `Infinity` shortens and wraps nothing. */
export function layOut(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): LaidOut {
  const widths = widthsOf(columns, rows, width);
  const last = columns.length - 1;
  const line = (cells: readonly string[]): string[] =>
    columns.map(({ align }, index) => {
      const wide = widths[index] ?? 0;
      const cell = shorten(cells[index] ?? '', wide);
      return index === last && align === undefined ? cell : pad(cell, wide, align);
    });
  const withGaps = (cells: readonly string[]): string[] =>
    cells.flatMap((cell, index) => (index === 0 ? [cell] : [GAP, cell]));
  return {
    heading: withGaps(line(columns.map(({ title }) => title))).join(''),
    rows: rows.map((row) => {
      if (columns[last]?.isWrapped !== true) return [withGaps(line(row))];
      const parts = wrap(row[last] ?? '', widths[last] ?? 0);
      return parts.map((part, index) =>
        withGaps(line(index === 0 ? row.with(last, part) : row.map((_, at) => (at === last ? part : '')))),
      );
    }),
  };
}
