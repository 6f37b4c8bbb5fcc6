import type { Socket } from 'node:net';
import type { App } from '#model';
import type { Candidate } from './choose.ts';
import { dial, type TlsTerms } from './dial.ts';
import type { Named } from './fault.ts';
import { Health } from './health.ts';
import { createHttp1 } from './http1.ts';
import { createHttp2 } from './http2.ts';
import type { TlsFiles } from './tls-files.ts';
import type { Deadlines, Transport } from './transport.ts';

/** One server of an app: where it is, how it does, and the connections to it. */
export class Target implements Candidate {
  /** Base URL, for the journal. */
  readonly origin: string;
  readonly hostname: string;
  readonly port: number;
  readonly health = new Health();
  outstanding = 0;
  /** How the last attempt or check that failed did so. */
  lastFailure: Pick<Named, 'reason' | 'cause'> | undefined;
  readonly #isTls: boolean;
  readonly #serverName: string;
  readonly #isHttp2: boolean;
  readonly #files: TlsFiles;
  readonly #deadlines: Deadlines;
  #transport: Transport | undefined;
  #http1: Transport | undefined;

  constructor(base: string, { upstreamOptions = {} }: App, files: TlsFiles, deadlines: Deadlines) {
    const url = new URL(base);
    this.#isTls = url.protocol === 'https:';
    this.origin = `${url.protocol}//${url.host}`;
    this.hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
    this.port = url.port === '' ? (this.#isTls ? 443 : 80) : Number(url.port);
    this.#serverName = upstreamOptions.serverName ?? this.hostname;
    this.#isHttp2 = upstreamOptions.protocol === 'http2';
    this.#files = files;
    this.#deadlines = deadlines;
  }

  /** The connections over the app's protocol; made when first needed. */
  get transport(): Transport {
    this.#transport ??= this.#isHttp2 ? this.#makeHttp2() : this.#makeHttp1();
    return this.#transport;
  }

  /** Opens a connection of its own; over TLS it is proven. */
  async open(protocol: TlsTerms['protocol'] = 'http/1.1'): Promise<Socket> {
    const { hostname, port } = this;
    const timeoutMs = this.#deadlines.connectTimeoutMs;
    if (!this.#isTls) return await dial({ hostname, port, timeoutMs });
    const context = await this.#files.current();
    return await dial({ hostname, port, timeoutMs, tls: { serverName: this.#serverName, protocol, context } });
  }

  /** Lets what is under way end on the connections there are; what comes next gets new ones. */
  renew(): void {
    const old = [this.#transport, this.#http1];
    this.#transport = undefined;
    this.#http1 = undefined;
    for (const one of old) one?.retire();
  }

  async destroy(): Promise<void> {
    await Promise.all([this.#transport?.destroy(), this.#http1?.destroy()]);
  }

  #makeHttp1(): Transport {
    return createHttp1(this.origin, async () => await this.open('http/1.1'), this.#deadlines);
  }

  #makeHttp2(): Transport {
    return createHttp2({
      origin: this.origin,
      open: async () => await this.open('h2'),
      deadlines: this.#deadlines,
      // Over TLS the server can be asked for HTTP/1.1 instead; without, it said nothing but HTTP/2.
      webSocketTransport: () => (this.#isTls ? (this.#http1 ??= this.#makeHttp1()) : undefined),
    });
  }
}
