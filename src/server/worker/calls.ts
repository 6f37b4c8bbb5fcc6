import { CordonError } from '#base';

/** A question to the other process. */
export interface Ask {
  readonly type: 'ask';
  readonly id: number;
  readonly method: string;
  readonly input: unknown;
}

/** The answer to it: a value, or why there is none. */
export interface Answer {
  readonly type: 'answer';
  readonly id: number;
  readonly value?: unknown;
  readonly error?: Told;
}

/** A failure in the words of the other process. */
export interface Told {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

/** What one side answers, by name of the method. */
export type Methods = Readonly<Record<string, (input: never) => unknown>>;

/** Questions and answers over a channel, in both directions. */
export interface Calls {
  /** Asks; rejects with the other side's failure, or with `process-lost` when there is no answer to come any more. */
  ask(method: string, input: unknown): Promise<unknown>;
  onAsk(ask: Ask): void;
  onAnswer(answer: Answer): void;
  /** Rejects all that is open, and whatever is asked later. */
  close(): void;
}

/** What may wait for the other side, in bytes: memory must not grow without end while it stands still. */
const MOST_QUEUED = 64 * 1024 * 1024;

/** Makes the questions and answers of one side. `queued`: what it has not taken yet, in bytes. */
export function createCalls(
  send: (message: Ask | Answer) => void,
  methods: Methods,
  queued: () => number = () => 0,
): Calls {
  const open = new Map<number, PromiseWithResolvers<unknown>>();
  let lastId = 0;
  let isClosed = false;
  const answer = async ({ method, input }: Ask): Promise<unknown> => {
    const answering = methods[method];
    if (answering === undefined) throw new Error(`nobody here answers \`${method}\``);
    // Both sides are of one program: the method and its input belong together.
    return await answering(input as never);
  };
  return {
    ask: async (method, input) => {
      if (isClosed) throw lost();
      if (queued() > MOST_QUEUED) throw lost('does not take what it is asked');
      const waiting = Promise.withResolvers<unknown>();
      lastId += 1;
      open.set(lastId, waiting);
      send({ type: 'ask', id: lastId, method, input });
      return await waiting.promise;
    },
    onAsk: (ask) => {
      const { id } = ask;
      answer(ask).then(
        (value) => {
          send({ type: 'answer', id, value });
        },
        (error: unknown) => {
          send({ type: 'answer', id, error: toldOf(error) });
        },
      );
    },
    onAnswer: ({ id, value, error }) => {
      const waiting = open.get(id);
      open.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(errorOf(error));
    },
    close: () => {
      isClosed = true;
      for (const { reject } of open.values()) reject(lost());
      open.clear();
    },
  };
}

/** A failure as it is told to the other process. */
export function toldOf(error: unknown): Told {
  if (error instanceof CordonError) {
    const { code, message, hint } = error;
    return { code, message, ...(hint === undefined ? {} : { hint }) };
  }
  return { code: '', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

/** The failure that was told. */
export function errorOf({ code, message, hint }: Told): Error {
  return code === '' ? new Error(message) : new CordonError(code, message, hint === undefined ? {} : { hint });
}

function lost(how = 'is gone'): CordonError {
  return new CordonError('process-lost', `the other process of this Cordon ${how}`, {
    hint: 'try again: a worker is replaced at once; when the main process is gone, start Cordon',
  });
}
