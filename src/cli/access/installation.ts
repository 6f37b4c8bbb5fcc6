import { type RequestOptions, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { CordonError, isJsonObject, parseJson } from '#base';
import type { Connection } from './login.ts';
import type { Members } from './private-files.ts';

/** What is asked of a host of the installation. */
export interface InstallationQuestion {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly connection: Connection;
  readonly signal: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const TIMEOUT_MS = 20_000;
/** Longest answer that is read, bytes. */
const LONGEST = 64 * 1024;

/** Asks, and reads the JSON object that answers. Throws `installation-unreachable`, `installation-untrusted`, `installation-answer-invalid`. */
export async function askInstallation(
  question: InstallationQuestion,
): Promise<{ readonly status: number; readonly answer: Members }> {
  const { url, method, connection, signal, headers, body } = question;
  const options: RequestOptions = {
    ...connection,
    method,
    agent: false,
    headers: {
      accept: 'application/json',
      ...headers,
      ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
    },
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  };
  const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const fail = (cause: Error): void => reject(connectionFailure(url, cause, signal));
    const send = url.startsWith('https:') ? tlsRequest : plainRequest;
    const outgoing = send(url, options, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('error', fail);
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > LONGEST) outgoing.destroy(new Error('the answer is too long'));
        else chunks.push(chunk);
      });
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') });
      });
    });
    outgoing.on('error', fail);
    outgoing.end(body);
  });
  const parsed = parseJson(text);
  if (parsed.ok && isJsonObject(parsed.value)) return { status, answer: parsed.value };
  throw new CordonError(
    'installation-answer-invalid',
    `what answers at \`${new URL(url).origin}\` is not Cordon (status ${status})`,
    {
      hint: 'check the address, and that nothing in between answers for it',
    },
  );
}

const UNTRUSTED = /^(?:ERR_TLS_|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|INVALID_CA)/;

/** Names why a host of the installation did not answer. */
export function connectionFailure(url: string, cause: Error, signal: AbortSignal): CordonError {
  const { origin } = new URL(url);
  const code = 'code' in cause ? String(cause.code) : '';
  if (signal.aborted) return new CordonError('command-interrupted', 'interrupted before the answer came', { cause });
  if (UNTRUSTED.test(code)) {
    return new CordonError(
      'installation-untrusted',
      `the certificate of \`${origin}\` is not trusted: ${cause.message}`,
      {
        cause,
        hint: 'where Cordon’s own CA certifies it, run `cordon login` with `--ca FILE`; nothing was sent',
      },
    );
  }
  if (code === 'EPROTO' && cause.message.includes('wrong version number')) {
    return new CordonError('installation-unreachable', `what listens at \`${origin}\` does not speak TLS`, {
      cause,
      hint: 'check the port; below `localhost` Cordon also speaks plain HTTP, at an address that begins with `http://`',
    });
  }
  return new CordonError('installation-unreachable', `\`${origin}\` cannot be reached: ${cause.message}`, {
    cause,
    hint: 'check the address and the network, and that Cordon runs there',
  });
}
