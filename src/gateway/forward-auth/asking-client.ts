import { Socket } from 'node:net';
import { type Duplex, Readable } from 'node:stream';
import type { ClientEnd, WebSocketOffer } from '../client-end.ts';

/** How a proxy is answered. */
export interface Asker {
  /** No accessor: a literal with one has a hidden class of its own, which keeps all it refers to until the slow collection of garbage. */
  hasLeft(): boolean;
  onceClosed(work: () => void): void;
  /** Sends the answer, all of it. */
  answer(status: number, fields: readonly string[], body: string): void;
  /** Breaks the sub-request off; every proxy takes that for a denial. */
  abort(): void;
}

/** What a proxy says about a request that it was sent. */
export interface Asked {
  readonly method: string;
  readonly target: string;
  readonly authority: string | undefined;
  readonly rawHeaders: readonly string[];
  /** What one field holds, by its name in lower case. */
  readonly header: (name: string) => string | undefined;
}

/**
 * No socket at all. The client's own ends at the proxy, and the proxy's must not be taken for it: with a certificate of its own the
 * proxy would lend its device to everybody (attack).
 */
const NO_SOCKET = new Socket();

/** The client of a request that another proxy holds: the stages see the original request, the proxy gets the answer. */
export class AskingClient implements ClientEnd {
  readonly protocol = 'http/1.1';
  readonly method: string;
  readonly target: string;
  readonly authority: string | undefined;
  readonly rawHeaders: readonly string[];
  readonly socket: Socket = NO_SOCKET;
  readonly webSocket: WebSocketOffer | undefined;
  /** The body stays at the proxy. */
  readonly hasBody = false;
  readonly isBodyComplete = true;
  readonly bodyBytes = 0;
  readonly isLate = false;
  readonly header: (name: string) => string | undefined;
  readonly #asker: Asker;
  #status: number | undefined;
  #fields: readonly string[] = [];
  #isEnded = false;

  constructor({ method, target, authority, rawHeaders, header }: Asked, asker: Asker) {
    this.method = method;
    this.target = target;
    this.authority = authority;
    this.rawHeaders = rawHeaders;
    this.header = header;
    this.#asker = asker;
    this.webSocket = wantsWebSocket(header) ? offer(header) : undefined;
  }

  get body(): Readable {
    return Readable.from([]);
  }

  get hasLeft(): boolean {
    return this.#asker.hasLeft();
  }

  get hasBegun(): boolean {
    return this.#status !== undefined;
  }

  trailers(): readonly string[] {
    return [];
  }

  inform(): void {
    // A proxy that asks waits for the one answer.
  }

  begin(status: number, fields: readonly string[]): void {
    this.#status = status;
    this.#fields = fields;
  }

  write(): boolean {
    throw new Error('a proxy that asks is answered in one piece');
  }

  onceDrained(work: () => void): void {
    setImmediate(work);
  }

  end(last: string | Buffer = ''): void {
    if (this.#status === undefined || this.#isEnded) {
      this.abort();
      return;
    }
    this.#isEnded = true;
    this.#asker.answer(this.#status, this.#fields, String(last));
  }

  abort(): void {
    this.#isEnded = true;
    this.#asker.abort();
  }

  onceClosed(work: () => void): void {
    this.#asker.onceClosed(work);
  }
}

/** Proxies drop `upgrade` from a sub-request, as it ends at each hop; what belongs to the handshake they pass on. */
function wantsWebSocket(header: Asked['header']): boolean {
  return (
    header('sec-websocket-key') !== undefined ||
    header('sec-websocket-version') !== undefined ||
    header('upgrade')?.toLowerCase() === 'websocket'
  );
}

function offer(header: Asked['header']): WebSocketOffer {
  return {
    key: header('sec-websocket-key') ?? '',
    problem: undefined,
    accept: (): Duplex => {
      throw new Error('the proxy opens the WebSocket, not the gateway');
    },
  };
}
