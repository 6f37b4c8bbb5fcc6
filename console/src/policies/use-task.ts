import { useMutation } from '@tanstack/react-query';

/** A question about the draft, asked on demand. Its answer is outdated once the draft changes. */
export interface Task<T> {
  readonly data: T | undefined;
  readonly error: Error | null;
  readonly isPending: boolean;
  readonly isOutdated: boolean;
  readonly run: () => void;
}

/** Asks about `subject`, and remembers about which one. */
export function useTask<S, T>(subject: S, ask: () => Promise<T>): Task<T> {
  const mutation = useMutation({ mutationFn: async (asked: S) => ({ asked, answer: await ask() }) });
  return {
    data: mutation.data?.answer,
    error: mutation.error,
    isPending: mutation.isPending,
    isOutdated: mutation.variables !== undefined && mutation.variables !== subject,
    run: () => mutation.mutate(subject),
  };
}
