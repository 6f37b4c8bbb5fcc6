import {
  keepPreviousData,
  QueryClient,
  type UseMutationResult,
  type UseQueryResult,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { ApiError, type ControlInput, type ControlName, type ControlOutput, control } from './client.ts';

/** How often a page asks again for what it shows, milliseconds. */
const REFRESH_MS = 5000;

/** The cache of both hosts' pages. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        refetchInterval: REFRESH_MS,
        staleTime: 2000,
        // A refusal does not get better by asking again; a lost connection might.
        retry: (count, error) => !(error instanceof ApiError && error.status !== 0) && count < 2,
      },
    },
  });
}

interface Options {
  /** False: ask once, and again after a change. */
  readonly refresh?: false | number;
  readonly enabled?: boolean;
}

/** Reads a route of the control API and keeps it fresh. While other input loads, the last answer stays on the screen. */
export function useControl<N extends ControlName>(
  name: N,
  input: ControlInput<N> = {},
  { refresh = REFRESH_MS, enabled = true }: Options = {},
): UseQueryResult<ControlOutput<N>> {
  return useQuery<ControlOutput<N>>({
    queryKey: [name, input],
    queryFn: () => control(name, input),
    refetchInterval: refresh,
    placeholderData: keepPreviousData,
    enabled,
  });
}

/** Changes something. Afterwards everything on the screen is read again, because one change touches many views. */
export function useChange<T, V = void>(change: (input: V) => Promise<T>): UseMutationResult<T, Error, V> {
  const client = useQueryClient();
  return useMutation({ mutationFn: change, onSuccess: async () => await client.invalidateQueries() });
}

/** Who is signed in, and what they may do; nothing until it is known. */
export function useMe(): ControlOutput<'me'> | undefined {
  return useControl('me', {}, { refresh: 60_000 }).data;
}
