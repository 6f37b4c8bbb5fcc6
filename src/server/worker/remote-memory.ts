import type { Memory } from '#gateway';
import type { Methods } from './calls.ts';

type UseProof = Parameters<Memory['replays']['use']>;
type KeepForm = Parameters<Memory['forms']['keep']>;
type TakeForm = Parameters<Memory['forms']['take']>;

/** What the main process answers of its memory. */
export function memoryMethods({ replays, forms }: Memory): Methods {
  return {
    useProof: async (input: UseProof) => await replays.use(...input),
    keepForm: async (input: KeepForm) => await forms.keep(...input),
    takeForm: async (input: TakeForm) => await forms.take(...input),
  };
}

/** The memory of the main process, as a worker sees it: what one worker was shown, all know. Without an answer it rejects. */
export function remoteMemory(ask: (method: string, input: unknown) => Promise<unknown>): Memory {
  // The answers are those of the methods above; both sides are of one program.
  return {
    replays: {
      use: async (...input) => (await ask('useProof', input)) as Awaited<ReturnType<Memory['replays']['use']>>,
    },
    forms: {
      keep: async (...input) => (await ask('keepForm', input)) as Awaited<ReturnType<Memory['forms']['keep']>>,
      take: async (...input) => (await ask('takeForm', input)) as Awaited<ReturnType<Memory['forms']['take']>>,
    },
  };
}
