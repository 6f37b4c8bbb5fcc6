import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { CordonError, randomOctets } from '#base';
import { joinTunnel, TUNNEL, TUNNEL_CLOSE, type TunnelEnd } from '#wire';
import { remedyOf, type TokenSource, upgradeAtApp } from './ask-app.ts';

/**
 * Opens a tunnel to a TCP app: its raw frames. Throws the refusal as the gateway says it, and `installation-answer-invalid` when what answers
 * has not read the handshake (RFC 6455 section 4.1).
 */
export async function openTunnel(tokenFor: TokenSource, signal: AbortSignal): Promise<Duplex> {
  const key = randomOctets(16).toString('base64');
  const { response, socket } = await upgradeAtApp(tokenFor, {
    method: 'GET',
    path: TUNNEL.path,
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': key,
      'sec-websocket-protocol': TUNNEL.protocol,
    },
    signal,
  });
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const { headers } = response;
  if (headers['sec-websocket-accept'] !== accept || headers['sec-websocket-protocol'] !== TUNNEL.protocol) {
    socket.destroy();
    throw new CordonError(
      'installation-answer-invalid',
      'what answers does not speak the tunnel protocol of this version',
      {
        hint: 'use the `cordon` command of the version that runs there',
      },
    );
  }
  return socket;
}

/** Carries a connection through a tunnel. Resolves with how it ended; aborting breaks it off. */
export async function carry(frames: Duplex, socket: Duplex, signal: AbortSignal): Promise<TunnelEnd> {
  const { promise, resolve } = Promise.withResolvers<TunnelEnd>();
  const tunnel = joinTunnel({ frames, socket, role: 'client', onEnd: resolve });
  const onAbort = (): void => {
    tunnel.close(TUNNEL_CLOSE.goingAway, 'the command was ended');
  };
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const end = await promise;
  signal.removeEventListener('abort', onAbort);
  return end;
}

/** How an end is told. */
export interface Told {
  readonly event: 'closed' | 'cut' | 'broken';
  readonly text: string;
  /** What the person can do about it. */
  readonly hint?: string | undefined;
}

/** What to say about the end of a tunnel. A reset of the app's own is passed on and is no failure of the tunnel. */
export function tell({ code, reason }: TunnelEnd): Told {
  switch (code) {
    case TUNNEL_CLOSE.done:
      return { event: 'closed', text: 'closed' };
    case TUNNEL_CLOSE.failed:
      return { event: 'closed', text: 'closed: one side broke the connection off' };
    case TUNNEL_CLOSE.cut:
    case TUNNEL_CLOSE.goingAway:
      return { event: 'cut', text: `cut off: ${reason}`, hint: remedyOf(reason) };
    default:
      return { event: 'broken', text: `broke off: ${reason} (${code})` };
  }
}
