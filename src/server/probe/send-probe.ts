import { type IncomingMessage, request as httpRequest } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2, type OutgoingHttpHeaders } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
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
    // An interim answer is no answer; one to an upgrade is, and leaves a connection that nobody else looks after.
    const onUpgrade = (response: IncomingMessage, socket: Duplex): void => {
      socket.on('error', () => undefined).destroy();
      onAnswer(response);
    };
    request.once('response', onAnswer).once('upgrade', onUpgrade).once('error', reject).end();
  });
}

/** The same over HTTP/2, whose requests take another way through the gateway. */
export async function sendProbeHttp2(
  { host, port }: ProbedListener,
  { serverName, target, headers }: ProbeRequest,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  const session = connectHttp2(`https://${host.includes(':') ? `[${host}]` : host}:${port}`, {
    servername: serverName,
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
  });
  const ending = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
  const end = (): void => session.destroy();
  ending.addEventListener('abort', end, { once: true });
  try {
    return await answerOver(session, { ...http2Fields(headers), ':path': target });
  } finally {
    ending.removeEventListener('abort', end);
    end();
  }
}

async function answerOver(session: ClientHttp2Session, fields: OutgoingHttpHeaders): Promise<ProbeAnswer> {
  return await new Promise((resolve, reject) => {
    const gone = (): void => reject(new Error('the connection ended without an answer'));
    session.on('error', reject).once('close', gone);
    const stream = session.request(fields, { endStream: true });
    stream.on('error', reject).once('close', gone);
    stream.once('response', (answer) => {
      resolve({
        status: Number(answer[':status'] ?? 0),
        field: (name) => {
          const value = answer[name];
          return Array.isArray(value) ? value.join(', ') : value?.toString();
        },
      });
    });
  });
}

/** `host` becomes the authority; names are in lower case (RFC 9113 section 8.2). */
function http2Fields(headers: readonly string[]): OutgoingHttpHeaders {
  const fields: OutgoingHttpHeaders = {};
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase();
    fields[name === 'host' ? ':authority' : name] = headers[i + 1];
  }
  return fields;
}
