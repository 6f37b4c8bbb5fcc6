import { Agent, request as httpsRequest } from 'node:https';
import { connect, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { CordonError } from '#base';
import type { LookupFunction } from 'node:net';
import { type MessageOf, parseMessage, WIRE_LIMITS } from '#wire';
import { findAddress, type Whereabouts } from './whereabouts.ts';

type Secure = SecureContextOptions & { readonly lookup?: LookupFunction };

/** Where the server is, and the name its certificate must have. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly name: string;
}

/** What a connection to the server is made with. */
export interface Trust {
  /** The only authority that may have certified the server, PEM. */
  readonly authority: string;
  /** The device's own certificate and key; absent while enrolling. */
  readonly own?: { readonly certificate: string; readonly key: string };
}

/** A question to the server. */
export interface Ask<K extends keyof MessageOf> {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: object;
  /** The message that answers it. */
  readonly answer: K;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** The agents' host of a server, over TLS with its authority pinned. */
export interface Server {
  /** Asks, and checks the answer. Fails with `agent-server-unreachable`, the server's own code, or `message-invalid`. */
  ask<K extends keyof MessageOf>(ask: Ask<K>): Promise<MessageOf[K]>;
  /** Whether a new connection can be made and both sides prove who they are, within `timeoutMs`. */
  isReachable(timeoutMs: number): Promise<boolean>;
  /** Ends every connection. */
  close(): void;
}

/** The certificate of an authority, by its SHA-256, as the server shows it. Sends nothing but a TLS hello. */
export async function fetchAuthority(address: ServerAddress, fingerprint: string, timeoutMs: number): Promise<string> {
  // The chain is not verified here: a certificate with this fingerprint is the authority whoever shows it. What is sent
  // later goes over a new connection that is verified against it.
  const socket = await open(address, { rejectUnauthorized: false }, timeoutMs);
  try {
    let seen = socket.getPeerX509Certificate();
    for (let depth = 0; seen !== undefined && depth < 10; depth++) {
      if (seen.fingerprint256.replaceAll(':', '').toLowerCase() === fingerprint) return seen.toString();
      if (seen.issuerCertificate === seen) break;
      seen = seen.issuerCertificate;
    }
  } finally {
    socket.destroy();
  }
  throw new CordonError(
    'agent-server-not-trusted',
    `the server at \`${addressText(address)}\` does not belong to the Cordon that made the token`,
    {
      hint: 'check `--server`; if the address is right, somebody answers in the place of your server. Nothing was sent',
    },
  );
}

/** Talks to a server. `trust` is asked for each time, because the own certificate changes. */
export function serverAt(address: ServerAddress, trust: () => Trust, where?: Whereabouts): Server {
  const agent = new Agent({ keepAlive: true, keepAliveMsecs: 10_000 });
  return {
    ask: async (ask) => {
      const means = { secure: { ...secureOptions(trust()), ...lookupOf(where) }, agent };
      const { status, text, remoteAddress } = await exchange(address, means, ask).catch((error: unknown) => {
        // What was wrong with one connection may be wrong with those that wait to be used again.
        for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
        if (ask.signal?.aborted !== true) where?.missed();
        throw error;
      });
      where?.reached(remoteAddress);
      if (status !== 200) throw refusal(status, text);
      const parsed = parseMessage(ask.answer, text);
      if (parsed.ok) return parsed.value;
      const [first] = parsed.error;
      throw new CordonError(first?.code ?? 'message-invalid', first?.message ?? 'the answer cannot be read', {
        problems: parsed.error,
        ...(first?.hint === undefined ? {} : { hint: first.hint }),
      });
    },
    isReachable: async (timeoutMs) => {
      try {
        const socket = await open(address, { ...secureOptions(trust()), ...lookupOf(where) }, timeoutMs);
        where?.reached(socket.remoteAddress ?? '');
        socket.destroy();
        return true;
      } catch {
        where?.missed();
        return false;
      }
    },
    close: () => agent.destroy(),
  };
}

/** Parses `host:port`; an IPv6 address stands in brackets. Fails with `server-address-invalid`. */
export function parseServerAddress(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]{1,253})):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port < 1 || port > 65_535) {
    throw new CordonError('server-address-invalid', `\`${text}\` is not the address of a server`, {
      hint: 'write `host:port`, for example `cordon.example.org:8443` or `[2001:db8::1]:8443`',
    });
  }
  return { host, port };
}

/** The address as it is written on the command line. */
export function addressText({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function lookupOf(where: Whereabouts | undefined): { readonly lookup: LookupFunction } {
  return { lookup: where?.lookup ?? findAddress };
}

function secureOptions({ authority, own }: Trust): SecureContextOptions {
  return {
    ca: authority,
    minVersion: 'TLSv1.3',
    ...(own === undefined ? {} : { cert: own.certificate, key: own.key }),
  };
}

async function open(
  { host, port, name }: ServerAddress,
  secure: Secure & { readonly rejectUnauthorized?: boolean },
  timeoutMs: number,
): Promise<TLSSocket> {
  return await new Promise((resolve, reject) => {
    const socket = connect({ rejectUnauthorized: true, lookup: findAddress, ...secure, host, port, servername: name });
    const fail = (cause: Error): void => {
      socket.destroy();
      reject(unreachable({ host, port, name }, cause));
    };
    socket.setTimeout(timeoutMs, () => fail(new Error(`no answer within ${timeoutMs / 1000} s`)));
    socket.on('error', fail);
    socket.on('secureConnect', () => {
      socket.setTimeout(0);
      resolve(socket);
    });
  });
}

async function exchange(
  address: ServerAddress,
  { secure, agent }: { readonly secure: Secure; readonly agent: Agent },
  ask: Ask<keyof MessageOf>,
): Promise<{ readonly status: number; readonly text: string; readonly remoteAddress: string }> {
  const body = ask.body === undefined ? undefined : JSON.stringify(ask.body);
  return await new Promise((resolve, reject) => {
    const fail = (cause: Error): void => reject(unreachable(address, cause));
    const request = httpsRequest(
      {
        ...secure,
        agent,
        host: address.host,
        port: address.port,
        servername: address.name,
        rejectUnauthorized: true,
        method: ask.method,
        path: ask.path,
        headers: {
          host: address.name,
          accept: 'application/json',
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
        },
        signal: AbortSignal.any([
          AbortSignal.timeout(ask.timeoutMs),
          ...(ask.signal === undefined ? [] : [ask.signal]),
        ]),
      },
      (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > WIRE_LIMITS.instructionBytes) request.destroy(new Error('the answer is too long'));
          else chunks.push(chunk);
        });
        response.on('error', fail);
        const { remoteAddress = '' } = response.socket;
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8'), remoteAddress });
        });
      },
    );
    request.on('error', fail);
    request.end(body);
  });
}

/** The server's refusal with its own code, or what a proxy in between said. */
function refusal(status: number, text: string): CordonError {
  const parsed = parseMessage('refusal', text);
  if (!parsed.ok) {
    return new CordonError('agent-answer-invalid', `the server answered ${status} without a reason`, {
      hint: 'check that `--server` names the agents’ port of Cordon, and that nothing in between answers for it',
    });
  }
  const { code, message, hint } = parsed.value.error;
  return new CordonError(code, message, hint === undefined ? {} : { hint });
}

const UNTRUSTED =
  /^(?:ERR_TLS_|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|INVALID_CA|ERR_SSL_.*(?:CERT|ALERT|UNKNOWN_CA))/;

function unreachable(address: ServerAddress, cause: Error): CordonError {
  const code = 'code' in cause ? String(cause.code) : '';
  const where = addressText(address);
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return new CordonError('agent-server-not-trusted', `the certificate of \`${where}\` is not valid now (${code})`, {
      cause,
      hint: 'compare the clocks of this host and of the server',
    });
  }
  if (UNTRUSTED.test(code)) {
    return new CordonError(
      'agent-server-not-trusted',
      `\`${where}\` and this host do not trust each other: ${cause.message}`,
      {
        cause,
        hint: `the server must be certified as \`${address.name}\` by the Cordon that made the token; a revoked or expired device must enrol again`,
      },
    );
  }
  return new CordonError('agent-server-unreachable', `cannot reach the server at \`${where}\`: ${cause.message}`, {
    cause,
    hint: 'check that it runs, that the address is right, and that no firewall is in between',
  });
}
