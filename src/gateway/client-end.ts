import type { Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';

/**
 * The client's end of an exchange: what it sent, and the way back, whatever protocol it speaks. Stages know no other.
 * Fields are alternating names and values, as `rawHeaders` of Node.
 */
export interface ClientEnd {
  readonly protocol: 'http/1.1' | 'h2';
  readonly method: string;
  /** Request target as sent; `:path` of HTTP/2. */
  readonly target: string;
  /** The one host that was named (`host`, or `:authority`); undefined when none, two, or two different ones were. */
  readonly authority: string | undefined;
  /** Fields as sent, without pseudo-fields. */
  readonly rawHeaders: readonly string[];
  /** The socket below: address, TLS, client certificate. Nothing is read from it or written to it. */
  readonly socket: Socket;
  /** Defined when the client asks for a WebSocket (RFC 6455, RFC 8441). */
  readonly webSocket: WebSocketOffer | undefined;
  /** True when a body follows the head, were it to turn out empty. */
  readonly hasBody: boolean;
  /** The body. To destroy it leaves the client where it is. A client that waits for 100 hears it once this is read from. */
  readonly body: Readable;
  /** True once all of the body has arrived, or when there is none. */
  readonly isBodyComplete: boolean;
  /** What one field holds; several of one name are joined as Node does. The name is in lower case. */
  header(name: string): string | undefined;
  /** Fields after the body; empty before its end and when there are none. */
  trailers(): readonly string[];
  /** Bytes of the body that were read so far. */
  readonly bodyBytes: number;
  /** True when it was ended because it, or the app, stood still for too long. */
  readonly isLate: boolean;
  /** True when nobody is there any more to be answered. */
  readonly hasLeft: boolean;
  /** True once the head of the answer has been sent. */
  readonly hasBegun: boolean;
  /** An interim answer, such as 103. Clients of HTTP/1.1 get none: some take it for the answer. */
  inform(status: number, fields: readonly string[]): void;
  /** Sends the head; it may leave together with what follows at once. What a hop says for itself is added here. */
  begin(status: number, fields: readonly string[]): void;
  /** False: wait for `onceDrained`. The chunk is given away: its memory is used again once it has left. */
  write(chunk: Buffer): boolean;
  onceDrained(work: () => void): void;
  /**
   * Ends the answer, with what is left of it and with fields after it. A body that nobody has read is read for a while and dropped,
   * so that its sender gets to read the answer.
   */
  end(last?: string | Buffer, trailers?: readonly string[]): void;
  /**
   * Ends the exchange at once, and what was begun is seen to be broken off: HTTP/1.1 closes, HTTP/2 resets the stream. A call of
   * gRPC that was cut ends with fields that say why instead.
   */
  abort(why?: { readonly status: number; readonly message: string }): void;
  /** Called once, when both directions have ended. */
  onceClosed(work: () => void): void;
}

/** A WebSocket that a client has asked for and nobody has accepted yet. */
export interface WebSocketOffer {
  /** Key to open the WebSocket at the upstream with: the client's own, or one made for a client that has none (RFC 8441). */
  readonly key: string;
  /** What makes the handshake invalid, for the answer. */
  readonly problem: string | undefined;
  /** Accepts: sends the answer (101, or 200 over HTTP/2) and returns the raw frames, with what came early. Once. */
  accept(fields: readonly string[]): Duplex;
}
