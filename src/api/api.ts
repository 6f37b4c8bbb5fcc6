import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { ApiServices } from './services.ts';

/** Request handlers of Cordon's own hosts. None of them throws. */
export interface Api {
  /** `id.<domain>`: sign-in pages and their API. */
  identity(request: IncomingMessage, response: ServerResponse): void;
  /** `console.<domain>`: the console and the control API for people. */
  console(request: IncomingMessage, response: ServerResponse): void;
  /** `agent.<domain>`, over TLS only: what agents call. */
  agent(request: IncomingMessage, response: ServerResponse): void;
  /** The control API for the operator of this machine, as a server to listen on a Unix socket. */
  readonly control: Server;
  /** Ends streams and waits for answers under way, at most a few seconds. */
  close(): Promise<void>;
}

/** Makes the API. `consoleDirectory` holds the built console. */
export async function createApi(
  services: ApiServices,
  options: { readonly consoleDirectory: string; readonly uid: number },
): Promise<Api> {
  throw new Error(`not built yet: ${typeof services} ${typeof options}`);
}
