import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import type { ClientEnd, WebSocketOffer } from '../client-end.ts';
import { onceLeft } from '../spent-bytes.ts';
import { acceptKey } from '../websocket.ts';
import { breakOff } from './break-off.ts';
import { endSoftly } from './end-softly.ts';
import { awaitsContinue, type RequestBody, requestBody } from './request-body.ts';

/** How long, and for how many bytes, a body that nobody wants is still read, so that its sender gets to read the answer. */
const LINGER = { milliseconds: 1000, bytes: 1024 * 1024 };
/** A body up to this size that comes as one piece right after the head leaves with it in one write. */
const SMALL_BYTES = 16_384;
/** After this long without a byte, the other end of a WebSocket is asked whether it is still there, milliseconds. */
const KEEP_ALIVE_MS = 60_000;

/** The client of a request over HTTP/1.1. It is ended when its connection stands still for `idleMs`. */
export function http1Client(request: IncomingMessage, response: ServerResponse, idleMs: number): ClientEnd {
  const client = new Http1Client(request, response);
  // A connection that is timed as it should be already is left alone: to set it anew takes longer than to look.
  if (request.socket.timeout !== idleMs) response.setTimeout(idleMs);
  response.on('timeout', () => {
    client.isLate = true;
    response.destroy();
  });
  return client;
}

/**
 * The client of a request to become a WebSocket, answered over its raw socket. None when an earlier, pipelined request is not
 * answered yet: then it is broken off.
 */
export function http1Upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): ClientEnd | undefined {
  socket.on('error', () => socket.destroy());
  try {
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(request.socket);
    request.socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on('drain', () => response.emit('drain'));
    response.once('finish', () => {
      endSoftly(socket);
    });
    return new Http1Client(request, response, head);
  } catch {
    socket.destroy();
    return undefined;
  }
}

/** Reads nothing of the request before it is asked for, and keeps head and small body together. */
class Http1Client implements ClientEnd {
  readonly protocol = 'http/1.1';
  readonly webSocket: WebSocketOffer | undefined;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  isLate = false;
  #body: RequestBody | undefined;
  /** The head was given, and nothing of the answer has left yet. */
  #isHeld = false;
  /** All of a small answer, while it is held. */
  #whole: string | Buffer | undefined;
  /** The client was told that the connection ends, as nobody may read all of its body. */
  #isLast = false;
  #isAccepted = false;
  #isContinued = false;

  constructor(request: IncomingMessage, response: ServerResponse, early?: Buffer) {
    this.#request = request;
    this.#response = response;
    this.webSocket = early === undefined ? undefined : this.#offer(early);
  }

  get method(): string {
    return this.#request.method ?? '';
  }

  get target(): string {
    return this.#request.url ?? '';
  }

  get authority(): string | undefined {
    const { rawHeaders, headers } = this.#request;
    let hosts = 0;
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i] ?? '';
      if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
    }
    return hosts === 1 ? headers.host : undefined;
  }

  get rawHeaders(): readonly string[] {
    return this.#request.rawHeaders;
  }

  get socket(): Socket {
    return this.#request.socket;
  }

  get hasBody(): boolean {
    const { headers } = this.#request;
    return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
  }

  get body(): Readable {
    this.#body ??= requestBody(this.#request, this.#isAwaited ? () => this.#continue() : undefined);
    return this.#body;
  }

  get bodyBytes(): number {
    return this.#body?.bytes ?? 0;
  }

  get isBodyComplete(): boolean {
    return this.#request.complete || !this.hasBody;
  }

  get hasLeft(): boolean {
    return this.webSocket === undefined ? this.#response.destroyed : this.#request.socket.destroyed;
  }

  get hasBegun(): boolean {
    return this.#isAccepted || this.#response.headersSent;
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  trailers(): readonly string[] {
    return this.#request.rawTrailers;
  }

  inform(): void {
    // Nothing: see the contract.
  }

  begin(status: number, fields: readonly string[]): void {
    // What is left of a body nobody reads would be taken for the next request.
    this.#isLast = !this.isBodyComplete;
    this.#isHeld = true;
    this.#response.writeHead(status, this.#isLast ? [...fields, 'connection', 'close'] : (fields as string[]));
    setImmediate(flush, this);
  }

  write(chunk: Buffer): boolean {
    this.#isHeld = false;
    return this.#response.write(chunk, onceLeft(chunk, this.#response));
  }

  onceDrained(work: () => void): void {
    this.#response.once('drain', work);
  }

  end(last?: string | Buffer, trailers: readonly string[] = []): void {
    // Only to whom they are not a surprise (RFC 9110 section 6.5.1).
    if (trailers.length > 0 && this.header('te')?.toLowerCase().includes('trailers') === true)
      this.#response.addTrailers(pairsOf(trailers));
    if (this.#isLast && !this.isBodyComplete && !this.#isWaiting) this.#linger(last);
    else if (this.#isHeld && (last === undefined || last.length <= SMALL_BYTES)) {
      this.#whole = last ?? '';
      return;
    } else if (last === undefined) this.#response.end();
    else this.#response.end(last);
    this.#isHeld = false;
  }

  abort(): void {
    breakOff(this.#response);
    if (this.#isAccepted) this.#request.socket.destroy();
  }

  onceClosed(work: () => void): void {
    (this.webSocket === undefined ? this.#response : this.#request.socket).once('close', work);
  }

  /**
   * Sends what is held, after all that was there to be read has been: the answers of one turn leave one right after the other, so that
   * they do not wake their readers one by one. A head that nothing followed goes too: an event stream begins long before its first event.
   */
  flush(): void {
    if (!this.#isHeld || this.#response.destroyed) return;
    this.#isHeld = false;
    try {
      if (this.#whole === undefined) this.#response.flushHeaders();
      // Head and body as one text go out in one plain write.
      else if (typeof this.#whole === 'string') this.#response.end(this.#whole);
      else this.#response.end(this.#whole.toString('latin1'), 'latin1');
    } catch {
      this.abort(); // nobody is told of an end that fails, and it would stay open as if more came
    }
  }

  get #isAwaited(): boolean {
    return awaitsContinue(this.#request.headers.expect) && this.#request.httpVersion === '1.1';
  }

  /** The client sends nothing before it has heard 100, or the answer. */
  get #isWaiting(): boolean {
    return !this.#isContinued && this.#isAwaited;
  }

  #continue(): void {
    if (this.hasLeft || this.hasBegun) return;
    this.#isContinued = true;
    this.#response.writeContinue();
  }

  /** Closing while the client still sends would reset the connection before it has read the answer. */
  #linger(last: string | Buffer | undefined): void {
    const request = this.#request.unpipe();
    if (last === undefined) this.#response.flushHeaders();
    else this.#response.write(last);
    let left = LINGER.bytes;
    const end = (): void => {
      clearTimeout(timer);
      this.#response.end();
    };
    const timer = setTimeout(end, LINGER.milliseconds);
    request.once('end', end).once('close', end);
    request.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) end();
    });
    request.resume();
  }

  #offer(early: Buffer): WebSocketOffer {
    const request = this.#request;
    const key = request.headers['sec-websocket-key'] ?? '';
    return {
      key,
      problem: handshakeProblem(request),
      accept: (fields) => {
        const { socket } = request;
        this.#isAccepted = true;
        this.#response.detachSocket(socket);
        socket.write(handshakeText([...fields, 'sec-websocket-accept', acceptKey(key)]));
        if (early.length > 0) socket.unshift(early);
        return socket;
      },
    };
  }
}

function flush(client: Http1Client): void {
  client.flush();
}

/** @see RFC 6455 section 4.2.1 */
function handshakeProblem({ headers, method, httpVersion }: IncomingMessage): string | undefined {
  if (headers.upgrade?.toLowerCase() !== 'websocket') return 'the only upgrade is `websocket`';
  if (method !== 'GET' || httpVersion !== '1.1') return 'a WebSocket begins with GET over HTTP/1.1';
  if (headers['sec-websocket-version'] !== '13') return 'the WebSocket version must be 13';
  const isKey = /^[A-Za-z0-9+/]{22}==$/.test(headers['sec-websocket-key'] ?? '');
  return isKey ? undefined : 'the WebSocket key is not 16 bytes in base64';
}

/** The head of the 101 answer. */
function handshakeText(fields: readonly string[]): string {
  const lines = ['HTTP/1.1 101 Switching Protocols', 'connection: upgrade', 'upgrade: websocket'];
  for (const [name, value] of pairsOf(fields)) lines.push(`${name}: ${value}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function pairsOf(fields: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i < fields.length; i += 2) pairs.push([fields[i] ?? '', fields[i + 1] ?? '']);
  return pairs;
}
