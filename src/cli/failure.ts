import { CordonError, formatProblem, type Problem } from '#base';
import type { Output } from './output.ts';

/** A refusal or failure that the server answered with. */
export class ServerFailure extends CordonError {
  readonly status: number;
  /** Finds what happened in the journal and the log of the server. */
  readonly correlationId: string | undefined;

  constructor(
    status: number,
    error: {
      readonly code: string;
      readonly message: string;
      readonly hint?: string | undefined;
      readonly problems: readonly Problem[];
      readonly correlationId?: string | undefined;
    },
  ) {
    super(error.code, error.message, {
      problems: error.problems,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
    this.status = status;
    this.correlationId = error.correlationId;
  }
}

/** Says on stderr what failed, where, and what to do: `error: …`, the problems, `hint: …`; as one line of JSON when asked for. */
export function writeFailure(out: Output, thrown: unknown): void {
  const error = toCordonError(thrown);
  const correlationId = error instanceof ServerFailure ? error.correlationId : undefined;
  const { code, message, hint, problems } = error;
  if (out.isJson) {
    out.failure({ error: { code, message, hint, problems, correlationId } });
    return;
  }
  const [only] = problems;
  // The one problem says the same again, with its place.
  const isSaidTwice = problems.length === 1 && only !== undefined && only.message.endsWith(message);
  out.note({ text: 'error: ', look: 'red' }, isSaidTwice ? firstLine(only) : `${message} (${code})`);
  if (!isSaidTwice) out.problems(problems);
  const advice = hint ?? (isSaidTwice ? only.hint : undefined);
  if (advice !== undefined) out.note({ text: 'hint: ', look: 'cyan' }, advice);
  if (correlationId !== undefined && !isSaidTwice) out.note(`correlation id: ${correlationId}`);
}

function firstLine(problem: Problem): string {
  const { hint: _, ...rest } = problem;
  return formatProblem(rest);
}

function toCordonError(thrown: unknown): CordonError {
  if (thrown instanceof CordonError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new CordonError('internal', message === '' ? 'the command failed without a message' : message, {
    cause: thrown,
    hint: 'this is a fault of Cordon; please report it with what you ran',
  });
}

/** Problems with one input as a failure: the first line counts them, or is the only one. */
export function failureOf(problems: readonly Problem[], what: string, hint: string): CordonError {
  const [only] = problems;
  if (problems.length === 1 && only !== undefined) {
    return new CordonError(only.code, only.message, { problems, hint: only.hint ?? hint });
  }
  return new CordonError(only?.code ?? 'internal', `${what} has ${problems.length} problems`, { problems, hint });
}

/** Problems that do not stop the work, on stderr. */
export function writeWarnings(out: Output, problems: readonly Problem[]): void {
  for (const problem of problems) {
    const { hint: _, ...rest } = problem;
    out.note({ text: 'warning: ', look: 'yellow' }, formatProblem(rest));
  }
}
