import { validateHeaderName, validateHeaderValue } from 'node:http';
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { randomOctets } from '#base';
import type { ClientEnd, WebSocketOffer } from '../client-end.ts';
import { endSoftly } from './end-softly.ts';
import { grpcFields, isGrpc } from './grpc.ts';
import { byName, withoutNames } from '../headers.ts';
import { onceLeft } from '../spent-bytes.ts';
import { awaitsContinue, type RequestBody, requestBody } from './request-body.ts';

/** What a stream began with. `rawHeaders` are alternating names and values, pseudo-fields among them. */
export interface Http2Head {
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
}

/** Answers that end with their head. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);
const LENGTH: ReadonlySet<string> = new Set(['content-length']);
const NOTHING: readonly string[] = [];

/** The client of a request over HTTP/2. It is ended when its stream stands still for `idleMs`. */
export function http2Client(
  stream: ServerHttp2Stream,
  head: Http2Head,
  { socket, idleMs }: { readonly socket: Socket; readonly idleMs: number },
): ClientEnd {
  const client = new Http2Client(stream, head, socket);
  stream.setTimeout(idleMs, () => {
    client.isLate = true;
    stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  });
  return client;
}

/**
 * One stream. Connection fields and broken framing never get here: the parser resets those streams (RFC 9113 section 8.1.1), and
 * drops fields that are none.
 */
class Http2Client implements ClientEnd {
  readonly protocol = 'h2';
  readonly socket: Socket;
  readonly webSocket: WebSocketOffer | undefined;
  isLate = false;
  readonly #stream: ServerHttp2Stream;
  readonly #head: Http2Head;
  #rawHeaders: readonly string[] | undefined;
  #body: RequestBody | undefined;
  #trailers: readonly string[] = NOTHING;
  #isBodyComplete: boolean;
  #begun: { readonly status: number; readonly head: string[] } | undefined;
  /** The head was given, and nothing of the answer has left yet. */
  #isHeld = false;
  /** The head has left, and fields may follow the body. */
  #mayTrail = false;
  #endFields: readonly string[] = NOTHING;

  constructor(stream: ServerHttp2Stream, head: Http2Head, socket: Socket) {
    this.#stream = stream;
    this.#head = head;
    this.socket = socket;
    const isWebSocket = head.headers[':method'] === 'CONNECT' && head.headers[':protocol'] === 'websocket';
    this.webSocket = isWebSocket ? this.#offer() : undefined;
    this.#isBodyComplete = stream.endAfterHeaders || isWebSocket;
    if (this.#isBodyComplete) return;
    stream.once('end', () => (this.#isBodyComplete = true));
    stream.once('trailers', (_fields, _flags, raw: readonly string[]) => (this.#trailers = raw));
  }

  get method(): string {
    return this.webSocket === undefined ? (this.#head.headers[':method'] ?? '') : 'GET';
  }

  get target(): string {
    return this.#head.headers[':path'] ?? '';
  }

  get authority(): string | undefined {
    const { rawHeaders } = this.#head;
    let named: string | undefined;
    for (let i = 0; i < rawHeaders.length; i += 2) {
      if (rawHeaders[i] !== ':authority' && rawHeaders[i] !== 'host') continue;
      if (named !== undefined && named !== rawHeaders[i + 1]) return undefined;
      named = rawHeaders[i + 1];
    }
    return named;
  }

  get rawHeaders(): readonly string[] {
    this.#rawHeaders ??= fieldsOf(this.#head.rawHeaders);
    return this.#rawHeaders;
  }

  get hasBody(): boolean {
    return this.webSocket === undefined && !this.#stream.endAfterHeaders;
  }

  get body(): Readable {
    const isAwaited = awaitsContinue(this.header('expect'));
    this.#body ??= requestBody(this.#stream, isAwaited ? () => this.#continue() : undefined);
    return this.#body;
  }

  get bodyBytes(): number {
    return this.#body?.bytes ?? 0;
  }

  get isBodyComplete(): boolean {
    return this.#isBodyComplete;
  }

  get hasLeft(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  get hasBegun(): boolean {
    return this.#begun !== undefined;
  }

  header(name: string): string | undefined {
    const value = this.#head.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  trailers(): readonly string[] {
    return this.#trailers;
  }

  inform(status: number, fields: readonly string[]): void {
    if (this.hasLeft || this.hasBegun) return;
    this.#stream.additionalHeaders({ ':status': status, ...byName(withoutLength(fields)) });
  }

  begin(status: number, fields: readonly string[]): void {
    // What Node would refuse later, when nobody is left who could answer instead (attack: an app that ends the process with a status).
    if (status < 200 || status > 599) throw statusError(status);
    for (let i = 0; i < fields.length; i += 2) {
      validateHeaderName(fields[i] ?? '');
      validateHeaderValue(fields[i] ?? '', fields[i + 1] ?? '');
    }
    const sent = status === 204 ? withoutLength(fields) : fields;
    this.#begun = { status, head: [':status', String(status), ...sent] };
    this.#isHeld = true;
    setImmediate(flush, this);
  }

  write(chunk: Buffer): boolean {
    this.flush();
    return this.#stream.writableEnded || this.#stream.write(chunk, onceLeft(chunk, this.#stream));
  }

  onceDrained(work: () => void): void {
    this.#stream.once('drain', work);
  }

  end(last?: string | Buffer, trailers: readonly string[] = NOTHING): void {
    this.#endFields = trailers;
    if (this.#isHeld) this.#respond({ isWhole: trailers.length === 0, isEmpty: (last?.length ?? 0) === 0 });
    if (this.hasLeft) return;
    if (!this.#stream.writableEnded) this.#stream.end(last);
    if (this.#mayTrail || this.#isBodyComplete) return;
    const close = (): unknown => setImmediate(() => this.#closeQuietly());
    if (this.#stream.writableFinished) close();
    else this.#stream.once('finish', close);
  }

  abort(why?: { readonly status: number; readonly message: string }): void {
    if (why !== undefined && this.#begun !== undefined && isGrpc(this) && !this.hasLeft) {
      this.end(undefined, grpcFields(why.status, why.message));
      endSoftly(this.#stream);
      return;
    }
    // Not CANCEL: clients take that for their own doing, and the part for the whole.
    this.#stream.close(why === undefined ? constants.NGHTTP2_INTERNAL_ERROR : constants.NGHTTP2_INADEQUATE_SECURITY);
  }

  onceClosed(work: () => void): void {
    this.#stream.once('close', work);
  }

  /** Sends a head that nothing followed. */
  flush(): void {
    if (this.#isHeld) this.#respond({ isWhole: false, isEmpty: false });
  }

  /** `isWhole`: no fields can follow any more. */
  #respond({ isWhole, isEmpty }: { readonly isWhole: boolean; readonly isEmpty: boolean }): void {
    this.#isHeld = false;
    const begun = this.#begun;
    if (begun === undefined || this.hasLeft) return;
    const { status, head } = begun;
    this.#mayTrail = !isWhole && !BODILESS.has(status) && this.#head.headers[':method'] !== 'HEAD';
    if (this.#mayTrail) {
      this.#stream.once('wantTrailers', () => {
        if (this.hasLeft) return;
        this.#attempt(() => this.#stream.sendTrailers(byName(this.#endFields)));
        // They leave with the next turn of the loop, and a reset before them would be all that is seen.
        setImmediate(() => setImmediate(() => this.#closeQuietly()));
      });
    }
    this.#attempt(() =>
      this.#stream.respond(head, {
        waitForTrailers: this.#mayTrail,
        endStream: isWhole && isEmpty,
      }),
    );
  }

  /** Whatever cannot be sent breaks off the stream. INVARIANT: nothing is thrown where only the process would catch it. */
  #attempt(work: () => void): void {
    try {
      work();
    } catch {
      this.abort();
    }
  }

  #continue(): void {
    this.inform(100, NOTHING);
  }

  /** Whoever still sends a body hears that nobody wants it (RFC 9113 section 8.1). */
  #closeQuietly(): void {
    if (!this.#stream.destroyed && !this.#isBodyComplete) this.#stream.close(constants.NGHTTP2_NO_ERROR);
  }

  #offer(): WebSocketOffer {
    return {
      key: randomOctets(16).toString('base64'),
      problem: this.header('sec-websocket-version') === '13' ? undefined : 'the WebSocket version must be 13',
      accept: (fields): Duplex => {
        this.#stream.setTimeout(0);
        this.begin(200, fields);
        this.flush();
        return this.#stream;
      },
    };
  }
}

function flush(client: Http2Client): void {
  client.flush();
}

/** Fields without pseudo-fields, and the parts of `cookie`, which HTTP/2 sends one by one, together again (RFC 9113 section 8.2.3). */
function fieldsOf(raw: readonly string[]): string[] {
  const fields: string[] = [];
  let cookieAt = -1;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    if (name.startsWith(':')) continue;
    if (name !== 'cookie' || cookieAt === -1) {
      if (name === 'cookie') cookieAt = fields.length + 1;
      fields.push(name, value);
    } else fields[cookieAt] += `; ${value}`;
  }
  return fields;
}

/** An answer that has no body has no length either, whatever an app says: clients break off what claims one (RFC 9110 section 8.6). */
function withoutLength(fields: readonly string[]): string[] {
  return withoutNames(fields, LENGTH);
}

function statusError(status: number): Error {
  return Object.assign(new RangeError(`the status is ${status}`), { code: 'ERR_HTTP_INVALID_STATUS_CODE' });
}
