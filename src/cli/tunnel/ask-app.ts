import { type ClientRequest, type IncomingMessage, type RequestOptions, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { REASONS, type ReasonCode } from '#model';
import type { AppToken } from '../access/app-token.ts';
import { connectionFailure } from '../access/installation.ts';
import { ServerFailure, writeFailure } from '../failure.ts';
import type { Output } from '../output.ts';

/** Gives a token; a fresh one when the last was refused. */
export type TokenSource = (isFresh: boolean) => Promise<AppToken>;

/** What is asked of an app's host. */
export interface AppQuestion {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** How long the gateway may take to answer, milliseconds. It may have to dial an app that does not answer. */
const TIMEOUT_MS = 20_000;
/** Longest answer that is read, bytes. */
const LONGEST = 256 * 1024;
/** Refusals that another token may overcome. */
const TOKEN_REFUSED: ReadonlySet<string> = new Set([
  'not-authenticated',
  'token-invalid',
  'proof-invalid',
  'session-revoked',
  'session-expired',
]);

/** Refusals that are about another device than this computer while the command shows no certificate: the browser that the session began in. */
const DEVICE_WANTED: ReadonlySet<string> = new Set([
  'certificate-required',
  'device-stale',
  'device-unhealthy',
  'device-unknown',
  'device-unmanaged',
] satisfies readonly ReasonCode[]);
const SHOW_DEVICE =
  'this command shows no device certificate: enrol this computer with `cordon agent enrol`, then run `cordon login` with an `https://` address and `--device /var/lib/cordon-agent`, or with `--certificate` and `--key`';

/** Of a certificate that was shown and does not count any more nothing but this is seen: the refusal is about the browser. */
const SHOW_AGAIN = 'where the certificate that is shown is a copy, take it again: the agent renews it within the day';

/** Asks Cordon's part of an app's host. Resolves with the body of a 200; throws the refusal as the gateway says it. */
export async function askApp(tokenFor: TokenSource, question: AppQuestion): Promise<string> {
  return await withToken(tokenFor, async (token) => {
    const { response } = await send(token, question);
    const text = await textOf(response);
    if (response.statusCode !== 200) throw refusalOf(token, response.statusCode ?? 0, text);
    return text;
  });
}

/** Opens a WebSocket at an app's host. Resolves with its raw frames; throws the refusal as the gateway says it. */
export async function upgradeAtApp(tokenFor: TokenSource, question: AppQuestion): Promise<Upgraded> {
  return await withToken(tokenFor, async (token) => {
    const { response, socket } = await send(token, question);
    if (socket !== undefined) return { response, socket };
    throw refusalOf(token, response.statusCode ?? 0, await textOf(response));
  });
}

/** A connection that does not speak HTTP any more. */
export interface Upgraded {
  readonly response: IncomingMessage;
  readonly socket: Duplex;
}

/** A kept token may have ended with its session; then a fresh one is tried, once. */
async function withToken<T>(tokenFor: TokenSource, ask: (token: AppToken) => Promise<T>): Promise<T> {
  try {
    return await ask(await tokenFor(false));
  } catch (error) {
    const isRefused = error instanceof ServerFailure && error.status === 401 && TOKEN_REFUSED.has(error.code);
    if (!isRefused) throw error;
    return await ask(await tokenFor(true));
  }
}

async function send(
  token: AppToken,
  question: AppQuestion,
): Promise<{ readonly response: IncomingMessage; readonly socket?: Duplex }> {
  return await new Promise((resolve, reject) => {
    const outgoing = begin(token, question);
    const timer = setTimeout(() => {
      outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`));
    }, TIMEOUT_MS);
    outgoing.once('close', () => clearTimeout(timer));
    outgoing.on('response', (response) => {
      resolve({ response });
    });
    outgoing.on('upgrade', (response, socket, head) => {
      clearTimeout(timer);
      if (head.length > 0) socket.unshift(head);
      resolve({ response, socket });
    });
    outgoing.on('error', (cause) => {
      reject(connectionFailure(token.origin, cause, question.signal));
    });
    outgoing.end(question.body);
  });
}

function begin(token: AppToken, { method, path, headers, body, signal }: AppQuestion): ClientRequest {
  const url = new URL(path, token.origin);
  const options: RequestOptions = {
    ...token.connection,
    method,
    signal,
    agent: false,
    headers: {
      ...headers,
      ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
      accept: 'application/json',
      origin: url.origin,
      ...token.proofFor(method, url.href),
    },
  };
  return url.protocol === 'https:' ? tlsRequest(url, options) : plainRequest(url, options);
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > LONGEST) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The refusal that an answer of the gateway holds. */
function refusalOf({ connection }: AppToken, status: number, text: string): ServerFailure {
  const fields = fieldsOf(text);
  const word = (name: string): string | undefined => {
    const value = fields[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const code = word('code') ?? 'installation-answer-invalid';
  const stepUp = fields['stepUp'];
  const url = typeof stepUp === 'object' && stepUp !== null && 'url' in stepUp ? String(stepUp.url) : undefined;
  const advice = url === undefined ? word('hint') : `confirm that it is you at ${url}, then try again`;
  const hint = DEVICE_WANTED.has(code) ? deviceAdvice(connection.cert !== undefined, advice) : advice;
  return new ServerFailure(status, {
    code,
    message: word('message') ?? `what answers there is not Cordon (status ${status})`,
    // The app was found; what the message says of it is what to do.
    hint: code === 'app-unknown' ? undefined : hint,
    correlationId: word('correlationId'),
    problems: [],
  });
}

function deviceAdvice(isShown: boolean, advice: string | undefined): string {
  if (!isShown) return SHOW_DEVICE;
  return advice === undefined ? SHOW_AGAIN : `${advice} (${SHOW_AGAIN})`;
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

/** Runs what the gateway may refuse: a refusal is a negative answer, told and with exit code 1, and no failure. */
export async function unlessRefused(out: Output, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ServerFailure)) throw error;
    writeFailure(out, error);
    return 1;
  }
}

/** What a person can do about a reason that the gateway closed a tunnel with: `code: text`. */
export function remedyOf(reason: string): string | undefined {
  const [code = ''] = reason.split(':');
  return Object.hasOwn(REASONS, code) ? REASONS[code as ReasonCode].remedy || undefined : undefined;
}
