import type { Readable, Writable } from 'node:stream';
import type { Clock, Problem, Result } from '#base';

/** What `cordon up` asks for. */
export interface UpOptions {
  /** Absolute path of `cordon.yaml`; undefined: the embedded defaults. */
  readonly configurationFile: string | undefined;
  /** Directory of store, journal and socket when there is no configuration file; relative paths start at the working directory. */
  readonly dataDirectory: string;
  /** Seed the synthetic estate into an empty store. */
  readonly isDemo: boolean;
  /** Told of every reload while it runs, by a changed file or a signal: how many changes were applied, or why the last good one stays. */
  readonly onReload?: (result: Result<number, readonly Problem[]>) => void;
}

/** A server that was started in this process. */
export interface RunningServer {
  /** Where people are sent. */
  readonly consoleUrl: string;
  /** What listens where, for the banner, for example `http` at `127.0.0.1:8080`. */
  readonly listening?: readonly { readonly what: string; readonly address: string }[];
  /** The link of the first administrator while there is none. */
  readonly firstAdministrator: { readonly url: string; readonly expiresAt: number } | undefined;
  /** What was noticed while starting and a person should know, for example a torn journal line that was cut. */
  readonly notices: readonly string[];
  /** Sign-in links of the demo's people, when it was seeded now. */
  readonly demo?: readonly { readonly email: string; readonly note: string }[];
  /** Resolves when it has stopped. */
  readonly stopped: Promise<void>;
  /** Reads the configuration again; the last good one stays when it does not load. */
  reload(): Promise<Result<number, readonly Problem[]>>;
  stop(): Promise<void>;
}

/** The host agent, handed over by the composition root because no area may import it. */
export interface AgentCommands {
  readonly enrol: (input: AgentInput & { readonly token: string; readonly server: string }) => Promise<number>;
  readonly run: (input: AgentInput & { readonly enforce: boolean }) => Promise<number>;
  readonly posture: (input: AgentInput) => Promise<number>;
  readonly program: (input: AgentInput) => Promise<number>;
}

/** What every agent command gets. */
export interface AgentInput {
  /** Where the key, the certificate and the last program are kept. */
  readonly stateDirectory: string;
  readonly json: boolean;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Aborted when the process is told to stop. */
  readonly signal: AbortSignal;
}

/** The person who runs the command, on this machine. */
export interface CliPerson {
  /** Directory for what belongs to this person alone, for example `~/.config/cordon`. It need not be there yet. */
  readonly directory: string;
  /** Name of the computer, as the person knows it. */
  readonly computer: string;
  /** Opens an address in a browser of this computer. False when there is none. */
  readonly openBrowser: (url: string) => Promise<boolean>;
}

/** Everything the command touches; tests make their own. */
export interface CliWorld {
  readonly argv: readonly string[];
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly cwd: string;
  /** The words that call this program again. */
  readonly self: readonly string[];
  readonly clock: Clock;
  readonly version: string;
  /** `CORDON_CONTROL`: path of the control socket; undefined: found through the configuration. */
  readonly controlSocket: string | undefined;
  /** True when `NO_COLOR` is set. */
  readonly noColor: boolean;
  /** Aborted when the process is told to stop. */
  readonly signal: AbortSignal;
  readonly up: (options: UpOptions) => Promise<RunningServer>;
  readonly agent: AgentCommands;
  readonly person: CliPerson;
}
