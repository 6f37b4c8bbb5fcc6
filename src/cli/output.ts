import { formatProblem, type Problem } from '#base';
import { type Column, layOut } from './table-text.ts';
import { clean, safeJson, textWidth, wrap } from './terminal-text.ts';
import type { CliWorld } from './world.ts';

const COLOURS = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33', cyan: '36' } as const;

/** How a piece of a line looks where colours are shown. */
export type Look = keyof typeof COLOURS;

/** A piece of a line. Its text may come from anywhere: it is cleaned when it is written. */
export type Piece = string | { readonly text: string; readonly look: Look | undefined };

/** Narrowest and widest terminal that tables are laid out for. */
const [NARROWEST, WIDEST] = [40, 400];

/**
 * Writes results to stdout and everything else to stderr. Every string passes `clean` on its way, so that no command can forget it; the
 * only control characters a terminal receives are the colours and line ends made here.
 */
export class Output {
  readonly isJson: boolean;
  readonly #world: CliWorld;

  constructor(world: CliWorld, isJson: boolean) {
    this.#world = world;
    this.isJson = isJson;
  }

  /** One line of the result. */
  line(...pieces: readonly Piece[]): void {
    this.#world.stdout.write(`${this.#render(withoutTrailingSpace(pieces), this.#world.stdout)}\n`);
  }

  /** One line beside the result: progress, notes, warnings. */
  note(...pieces: readonly Piece[]): void {
    this.#world.stderr.write(`${this.#render(pieces, this.#world.stderr)}\n`);
  }

  /** The result as one JSON document. */
  document(value: unknown): void {
    this.#world.stdout.write(`${safeJson(value, 2)}\n`);
  }

  /** One line of a result that comes piece by piece (NDJSON). */
  item(value: unknown): void {
    this.#world.stdout.write(`${safeJson(value)}\n`);
  }

  /** A failure for a program: one line of JSON beside the (absent) result. */
  failure(value: unknown): void {
    this.#world.stderr.write(`${safeJson(value)}\n`);
  }

  /** A table; without rows nothing but a note. On a terminal it is fitted to the width, elsewhere nothing is shortened. */
  table(columns: readonly Column[], rows: readonly (readonly Piece[])[], whenEmpty: string): void {
    if (rows.length === 0) {
      this.note(whenEmpty);
      return;
    }
    const cells = rows.map((row) => row.map((piece) => clean(textOf(piece))));
    const laid = layOut(columns, cells, this.#width());
    this.line({ text: laid.heading.trimEnd(), look: 'dim' });
    for (const [index, lines] of laid.rows.entries()) {
      for (const cells of lines) {
        // Cells stand at the even places, the gaps between them at the odd ones.
        const pieces = cells.map((text, place): Piece => {
          const piece = place % 2 === 0 ? rows[index]?.[place / 2] : undefined;
          return typeof piece === 'object' ? { text, look: piece.look } : text;
        });
        this.line(...pieces);
      }
    }
  }

  /** Text beside a heading, wrapped on a terminal so that it stays in its column. A terminal too narrow for that wraps by itself. */
  hanging(heading: string, text: string): void {
    const room = this.#width() - textWidth(clean(heading));
    const [first = '', ...others] = room < NARROWEST / 2 ? [clean(text)] : wrap(clean(text), room);
    this.line(heading, first);
    for (const part of others) this.line(' '.repeat(textWidth(clean(heading))), part);
  }

  /** A line of help: text, or two columns with at least two spaces between them. */
  help(line: string): void {
    const [heading = ''] = /^ +(?:\S+ )*\S+ {2,}(?=\S)|^ */.exec(line) ?? [];
    this.hanging(heading, line.slice(heading.length));
  }

  /** Text of the result that is read whole, indented, and wrapped on a terminal. */
  paragraph(indent: number, text: string): void {
    for (const part of wrap(clean(text), this.#width() - indent)) this.line(' '.repeat(indent), part);
  }

  /** Columns of the terminal; endless where there is none. */
  #width(): number {
    const { stdout } = this.#world;
    return stdout.isTTY === true ? Math.min(WIDEST, Math.max(NARROWEST, stdout.columns ?? 80)) : Infinity;
  }

  /** Problems with an input, each with its place and what to do, as notes. */
  problems(problems: readonly Problem[]): void {
    for (const problem of problems) for (const text of formatProblem(problem).split('\n')) this.note(`  ${text}`);
  }

  #render(pieces: readonly Piece[], stream: { readonly isTTY?: boolean }): string {
    const isColoured = stream.isTTY === true && !this.#world.noColor;
    return pieces
      .map((piece) => {
        const text = clean(textOf(piece));
        const look = typeof piece === 'string' ? undefined : piece.look;
        return isColoured && look !== undefined ? `\u001b[${COLOURS[look]}m${text}\u001b[0m` : text;
      })
      .join('');
  }
}

/** Empty cells at the end of a line leave no spaces behind. */
function withoutTrailingSpace(pieces: readonly Piece[]): readonly Piece[] {
  const last = pieces.findLastIndex((piece) => textOf(piece).trim() !== '');
  const piece = pieces[last];
  if (piece === undefined) return [];
  const text = textOf(piece).trimEnd();
  return [...pieces.slice(0, last), typeof piece === 'string' ? text : { text, look: piece.look }];
}

function textOf(piece: Piece): string {
  return typeof piece === 'string' ? piece : piece.text;
}

/** A piece with a look. */
export function styled(look: Look | undefined, text: string): Piece {
  return { text, look };
}
