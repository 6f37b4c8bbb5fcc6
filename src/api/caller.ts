import type { IncomingMessage } from 'node:http';
import type { Actor, Session } from '#model';

/** Who calls the API: the machine's operator on the control socket, or a signed-in person. */
export type Caller =
  | { readonly kind: 'local'; readonly actor: Actor }
  | { readonly kind: 'person'; readonly actor: Actor; readonly userId: string; readonly session: Session }
  | { readonly kind: 'anonymous'; readonly actor: Actor };

/** What a handler gets: validated input, the caller, and the raw request for the address and the connection. */
export interface Call {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly caller: Caller;
  readonly address: string;
  readonly request: IncomingMessage;
  /** Goes into the answer and into every event about this call. */
  readonly correlationId: string;
  /** For streams: whether the same request would be let in now. */
  readonly isStillAllowed: () => boolean;
}

/** The client's address as the socket has it; no header is believed. IPv4-mapped addresses are written as IPv4. */
export function addressOf(request: IncomingMessage): string {
  const address = request.socket.remoteAddress ?? '127.0.0.1'; // a Unix socket has none: it is this machine
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

/** Reads one cookie. Two cookies of the same name are an attack (cookie tossing) and count as none. */
export function cookieOf(request: IncomingMessage, name: string): string | undefined {
  const found: string[] = [];
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const at = part.indexOf('=');
    if (at > 0 && part.slice(0, at).trim() === name) found.push(part.slice(at + 1).trim());
  }
  return found.length === 1 ? found[0] : undefined;
}

/** Where a request comes from, as identity wants to know it. */
export function clientOf(request: IncomingMessage): { readonly address: string; readonly userAgent: string } {
  return { address: addressOf(request), userAgent: (request.headers['user-agent'] ?? '').slice(0, 512) };
}
