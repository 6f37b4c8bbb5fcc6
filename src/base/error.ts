/** Where in a source text a problem lies. Lines and columns count from 1, `offset` and `length` are UTF-16 code units. */
export interface SourceSpan {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly offset?: number;
  readonly length?: number;
}

/** One thing wrong with an input. Parsers return all of them at once. */
export interface Problem {
  /** Stable code, listed in `docs/reference/errors.md`. */
  readonly code: string;
  /** Lowercase, no full stop, user input in backticks. */
  readonly message: string;
  readonly source?: SourceSpan;
  /** What to do next. */
  readonly hint?: string;
}

/** A failure of the world (disk, network, misuse) that a person has to see. `code` is stable and documented. */
export class CordonError extends Error {
  override readonly name = 'CordonError';
  readonly code: string;
  readonly hint: string | undefined;
  readonly problems: readonly Problem[];

  constructor(
    code: string,
    message: string,
    options: { hint?: string; cause?: unknown; problems?: readonly Problem[] } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.problems = options.problems ?? [];
  }
}

/** Renders a problem as `file:line:column: message (code)`. */
export function formatProblem(problem: Problem): string {
  const { file, line, column } = problem.source ?? {};
  const place = [file, line, line === undefined ? undefined : column].filter((part) => part !== undefined).join(':');
  const hint = problem.hint === undefined ? '' : `\n  hint: ${problem.hint}`;
  return `${place === '' ? '' : `${place}: `}${problem.message} (${problem.code})${hint}`;
}
