import type { Writable } from 'node:stream';
import { type Clock, CordonError } from '#base';
import { enrol } from './enrol.ts';
import { type Host, thisHost } from './host.ts';
import { logTo } from './log.ts';
import { postureView } from './posture-view.ts';
import { programView } from './program-view.ts';
import { run } from './run.ts';
import { addressText } from './server.ts';
import { TIMING } from './session.ts';
import { openState } from './state.ts';

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
  host: Host = thisHost(),
): Promise<number> {
  return await attempt(options, async () => {
    const { stateDirectory, token, server, clock } = options;
    const identity = await enrol({ stateDirectory, token, server, clock, uid: userId(), host });
    const { deviceId, certificate } = identity;
    const validUntil = new Date(certificate.notAfter).toISOString();
    const where = addressText(identity.server);
    write(
      options,
      { deviceId, server: where, serverName: identity.server.name, certificate: { notAfter: certificate.notAfter } },
      `enrolled as ${deviceId} at ${where}, certificate valid until ${validUntil}\n`,
    );
    if (!options.json) options.stderr.write('start reporting with `cordon agent run`\n');
    return 0;
  });
}

/** Reports until told to stop; with `enforce`, applies the host's firewall program. Resolves with the exit code. */
export async function runAgent(
  options: AgentOptions & { readonly enforce: boolean },
  host: Host = thisHost(),
): Promise<number> {
  return await attempt(options, async () => {
    const { stateDirectory, clock, enforce, signal, stderr, json } = options;
    const state = await openState(stateDirectory, { create: false, uid: userId() });
    await run({ state, host, clock, log: logTo(stderr, { json, clock }), enforce, timing: TIMING, signal });
    return 0;
  });
}

/** Shows what the agent sees and how the server last judged it. Resolves with the exit code. */
export async function showPosture(options: AgentOptions, host: Host = thisHost()): Promise<number> {
  return await attempt(options, async () => {
    const state = await openState(options.stateDirectory, { create: false, uid: userId() });
    const view = await postureView(state, host, options.clock);
    write(options, view.json, view.text);
    return view.isHealthy ? 0 : 1;
  });
}

/** Shows the program in force. Resolves with the exit code. */
export async function showProgram(options: AgentOptions, host: Host = thisHost()): Promise<number> {
  return await attempt(options, async () => {
    const state = await openState(options.stateDirectory, { create: false, uid: userId() });
    const view = await programView(state, host);
    write(options, view.json, view.text);
    return view.isInForce ? 0 : 1;
  });
}

function write(options: AgentOptions, json: object, text: string): void {
  options.stdout.write(options.json ? `${JSON.stringify(json)}\n` : text);
}

/** Runs a command; a failure is told on standard error and becomes exit code 2. */
async function attempt({ stderr }: AgentOptions, command: () => Promise<number>): Promise<number> {
  try {
    return await command();
  } catch (error) {
    const { message, code, hint } =
      error instanceof CordonError
        ? error
        : {
            message: error instanceof Error ? error.message : String(error),
            code: 'internal',
            hint: 'report this fault',
          };
    stderr.write(`error: ${printable(message)} (${code})\n${hint === undefined ? '' : `hint: ${printable(hint)}\n`}`);
    return 2;
  }
}

/** A server's words must not move a terminal's cursor. */
function printable(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}

function userId(): number {
  return process.getuid?.() ?? 0;
}
