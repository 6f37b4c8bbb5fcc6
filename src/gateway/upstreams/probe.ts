import type { Dispatcher } from 'undici';
import type { Transport } from './transport.ts';

/** What of the answer to a check is read at most, bytes; what matters is the status. */
const MOST_BYTES = 65_536;

/**
 * Asks a server how it is: a GET of Cordon's own, with nothing of any client's and no assertion. Undefined when it answers 2xx in time,
 * else what is wrong. Never rejects.
 */
export async function probe(
  transport: Transport,
  { host, path, timeoutMs }: { readonly host: string; readonly path: string; readonly timeoutMs: number },
): Promise<string | undefined> {
  return await new Promise((resolve) => {
    let control: Dispatcher.DispatchController | undefined;
    let bytes = 0;
    let problem: string | undefined;
    let isOver = false;
    const end = (found: string | undefined): void => {
      isOver = true;
      clearTimeout(timer);
      resolve(found);
      control?.abort(new Error('enough'));
    };
    const timer = setTimeout(() => {
      end(problem ?? `its health check did not end within ${timeoutMs} ms`);
    }, timeoutMs);
    transport.dispatch(
      { method: 'GET', path, headers: ['host', host, 'user-agent', 'cordon-health'], body: null, isWebSocket: false },
      {
        onRequestStart: (controller) => {
          control = controller;
          if (isOver) controller.abort(new Error('enough'));
        },
        onResponseStart: (_controller, status) => {
          if (status >= 200) problem = status < 300 ? undefined : `its health check answers ${status}`;
        },
        onResponseData: (_controller, chunk) => {
          bytes += chunk.length;
          if (bytes > MOST_BYTES) end(problem);
        },
        onResponseEnd: () => {
          end(problem);
        },
        onResponseError: (_controller, error) => {
          if (!isOver) end(error.message);
        },
      },
    );
  });
}
