import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { err, ok, type Result } from '#base';
import { type Refusal, refuse } from '../exchange.ts';
import { type Asked, type Asker, AskingClient } from './asking-client.ts';
import { addressReader, isTrusted } from './client-address.ts';
import { identityNames } from './client-headers.ts';
import { ALL_NAMES, type EnvoyCheck, isText, readCheck, writeDenial, writePermit } from './envoy-check.ts';
import type { ForwardAuthOptions } from './http.ts';
import { peerAddress } from '../peer-address.ts';

const CHECK_PATH = '/envoy.service.auth.v3.Authorization/Check';
/** A check holds the head of one request; Envoy sends bodies only when told to, which is of no use here. */
const MOST_BYTES = 1024 * 1024;
/** How long a message may take to come, milliseconds. Envoy itself waits 200 ms for the answer unless told otherwise. */
const PATIENCE_MS = 10_000;
const UNIMPLEMENTED = '12';

/**
 * Makes the handler of `envoy.service.auth.v3.Authorization/Check`. What cannot be read is answered with a denial and not with an
 * error, since Envoy can be told to take errors for a yes (`failure_mode_allow`).
 */
export function answerEnvoy({
  gateway,
  trusted,
  patienceMs = PATIENCE_MS,
}: ForwardAuthOptions & { readonly patienceMs?: number }): (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
) => void {
  const addressOf = addressReader(trusted);
  return (stream, headers) => {
    stream.on('error', () => stream.destroy());
    if (stream.destroyed || stream.closed) return; // reset in the same breath
    if (headers[':path'] !== CHECK_PATH || headers['content-type']?.startsWith('application/grpc') !== true) {
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': UNIMPLEMENTED },
        { endStream: true },
      );
      return;
    }
    const peer = peerAddress(stream.session?.socket);
    const ask = (check: EnvoyCheck | undefined, address: string, refused?: Refusal): void => {
      gateway.ask({
        client: new AskingClient(askedAbout(check), askerOver(stream, check)),
        address,
        transport: check?.original.scheme === 'https' ? 'tls' : 'http',
        removesHeaders: true,
        ...(refused === undefined ? {} : { refused }),
      });
    };
    const malformed = (problem: string): void => {
      ask(undefined, peer, refuse(400, 'request-malformed', `the proxy’s question: ${problem}`));
    };
    // Before anything is read: what a stranger sends is kept for nobody.
    if (!isTrusted(peer, trusted)) {
      ask(undefined, peer, refuse(403, 'proxy-untrusted'));
      stream.session?.close();
      return;
    }
    collect(stream, patienceMs, (body) => {
      const message = body.ok ? messageOf(body.value) : body;
      const check = message.ok ? readCheck(message.value) : message;
      if (!check.ok) {
        malformed(check.error);
        return;
      }
      const { source, forwardedFor } = check.value;
      const address = addressOf(forwardedFor === '' ? source : `${forwardedFor},${source}`);
      if (address.ok) ask(check.value, address.value);
      else malformed(address.error);
    });
  };
}

/** Reads the whole message; an error for one that is longer than any request has reason to be, or does not end. */
function collect(stream: ServerHttp2Stream, patienceMs: number, done: (body: Result<Buffer, string>) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  const end = (body: Result<Buffer, string>): void => {
    clearTimeout(late);
    stream.off('data', onData).off('end', onEnd).resume();
    done(body);
  };
  const late = setTimeout(() => {
    end(err('it did not end in time'));
  }, patienceMs);
  const onData = (chunk: Buffer): void => {
    size += chunk.length;
    if (size <= MOST_BYTES) chunks.push(chunk);
    else end(err('it is too long'));
  };
  const onEnd = (): void => {
    end(ok(Buffer.concat(chunks)));
  };
  stream.on('data', onData).once('end', onEnd);
  stream.once('close', () => {
    clearTimeout(late);
  });
}

/** The one message of a call, out of its frame. */
function messageOf(body: Buffer): Result<Buffer, string> {
  if (body.length < 5 || body.readUInt32BE(1) !== body.length - 5) return err('it is not one whole message');
  return body[0] === 0 ? ok(body.subarray(5)) : err('it is compressed');
}

function askedAbout(check: EnvoyCheck | undefined): Asked {
  const { original, rawHeaders } = check ?? { original: undefined, rawHeaders: [] };
  const { method = 'GET', target = '/', authority } = original ?? {};
  return { method, target, authority, rawHeaders, header: finderIn(rawHeaders) };
}

/** Several fields of one name are joined as Node does. */
function finderIn(rawHeaders: readonly string[]): Asked['header'] {
  const found = new Map<string, string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase();
    const before = found.get(name);
    const value = rawHeaders[i + 1] ?? '';
    found.set(name, before === undefined ? value : `${before}${name === 'cookie' ? '; ' : ', '}${value}`);
  }
  return (name) => found.get(name);
}

function askerOver(stream: ServerHttp2Stream, check: EnvoyCheck | undefined): Asker {
  return {
    hasLeft: () => stream.destroyed || stream.closed,
    onceClosed: (work) => {
      stream.once('close', work);
    },
    answer: (status, fields, body) => {
      reply(stream, status === 200 ? permitOf(fields, check?.rawHeaders ?? []) : writeDenial(status, fields, body));
    },
    abort: () => stream.destroy(),
  };
}

/** Names that describe the answer to Envoy and not the request to the upstream. */
const OF_THE_ANSWER: ReadonlySet<string> = new Set(['content-length', 'cache-control']);

function permitOf(fields: readonly string[], rawHeaders: readonly string[]): Buffer {
  const set: string[] = [];
  const remove = new Set([...ALL_NAMES, ...identityNames(rawHeaders).map((name) => name.toLowerCase())]);
  for (let i = 0; i < fields.length; i += 2) {
    const [name = '', value = ''] = [fields[i], fields[i + 1]];
    if (OF_THE_ANSWER.has(name)) continue;
    if (value === '' || !isText(value)) remove.add(name);
    else set.push(name, value);
  }
  const names = new Set(set.filter((_, index) => index % 2 === 0));
  return writePermit(
    set,
    [...remove].filter((name) => !names.has(name)),
  );
}

function reply(stream: ServerHttp2Stream, message: Buffer): void {
  if (stream.destroyed || stream.closed) return;
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(message.length, 1);
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.once('wantTrailers', () => {
    stream.sendTrailers({ 'grpc-status': '0' });
  });
  stream.end(Buffer.concat([frame, message]));
}
