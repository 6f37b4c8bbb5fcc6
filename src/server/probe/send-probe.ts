import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { ProbeRequest } from './probes.ts';

/** A listener, as a client of this machine reaches it. */
export interface ProbedListener {
  readonly transport: 'http' | 'tls';
  readonly host: string;
  readonly port: number;
}

/** The head of an answer. */
export interface ProbeAnswer {
  readonly status: number;
  /** Field by name in lower case. */
  readonly field: (name: string) => string | undefined;
}

/** How long an answer may take to begin, milliseconds. */
const ANSWER_MS = 10_000;

/** Sends a probe over a connection of its own and reads the head of the answer. Rejects when none came; `signal` ends it. */
export async function sendProbe(
  { host, port, transport }: ProbedListener,
  { serverName, target, headers }: ProbeRequest,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  return await new Promise((resolve, reject) => {
    const options = {
      host,
      port,
      path: target,
      headers: [...headers],
      setHost: false,
      agent: false,
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
    };
    const request =
      transport === 'http'
        ? httpRequest(options)
        : // Whether the certificate is the right one is for others to see; a probe sends no secret.
          httpsRequest({ ...options, servername: serverName, rejectUnauthorized: false });
    const onAnswer = (response: IncomingMessage): void => {
      const { statusCode = 0, headers: fields } = response;
      resolve({
        status: statusCode,
        field: (name) => {
          const value = fields[name];
          return Array.isArray(value) ? value.join(', ') : value;
        },
      });
      request.destroy();
    };
    // An interim answer is no answer; one to an upgrade is.
    request.once('response', onAnswer).once('upgrade', onAnswer).once('error', reject).end();
  });
}
