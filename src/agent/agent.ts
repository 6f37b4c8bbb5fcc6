import type { Writable } from 'node:stream';
import type { Clock } from '#base';

/** What every agent command works with. */
export interface AgentOptions {
  /** Where the key, the certificate, the last report and the last program are kept; only root may read it. */
  readonly stateDirectory: string;
  readonly json: boolean;
  readonly clock: Clock;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Aborted when the process is told to stop. */
  readonly signal: AbortSignal;
}

/** Enrols this host. `server` is `host:port` of the agents' listener. Resolves with the exit code. */
export async function enrolAgent(
  options: AgentOptions & { readonly token: string; readonly server: string },
): Promise<number> {
  throw new Error(`not built yet: ${options.server}`);
}

/** Reports until told to stop; with `enforce`, applies the host's firewall program. Resolves with the exit code. */
export async function runAgent(options: AgentOptions & { readonly enforce: boolean }): Promise<number> {
  throw new Error(`not built yet: ${options.stateDirectory}`);
}

/** Shows what the agent sees and how the server last judged it. Resolves with the exit code. */
export async function showPosture(options: AgentOptions): Promise<number> {
  throw new Error(`not built yet: ${options.stateDirectory}`);
}

/** Shows the program in force. Resolves with the exit code. */
export async function showProgram(options: AgentOptions): Promise<number> {
  throw new Error(`not built yet: ${options.stateDirectory}`);
}
