import type { Socket } from 'node:net';
import type { App } from '#model';
import { joinTunnel, TUNNEL, TUNNEL_CLOSE, type TunnelEnding } from '#wire';
import { type Exchange, type GatewayParts, need, type Refusal, refuse, type StageResult } from '../exchange.ts';
import type { Ender, Flow } from '../flow.ts';
import { cutRefusal, whyCut } from '../forward-http.ts';
import { offerOf } from '../forward-websocket.ts';
import { upstreamRefusal } from '../upstreams/refusal.ts';

/** True for an app that speaks TCP: nothing but a tunnel reaches it. */
export function isTcp({ upstream }: Pick<App, 'upstream'>): boolean {
  return upstream?.startsWith('tcp:') === true;
}

/** Lets a handshake go on as a tunnel, when the app is one for tunnels and the client speaks the protocol. */
export function beginTunnel(exchange: Exchange): StageResult {
  const app = need(exchange, 'app');
  if (!isTcp(app)) return refuse(404, 'app-unknown', 'this app speaks HTTP; open it in a browser');
  const offered = exchange.client.header('sec-websocket-protocol')?.split(',') ?? [];
  if (!offered.some((name) => name.trim() === TUNNEL.protocol)) {
    return refuse(400, 'request-malformed', `a tunnel speaks the WebSocket protocol \`${TUNNEL.protocol}\``);
  }
  exchange.purpose = 'tunnel';
  return undefined;
}

/** What everything but a tunnel gets at a TCP app. */
export function tunnelOnly({ authority, app }: Exchange): Refusal {
  const command = app?.ssh === undefined ? 'connect' : 'ssh';
  return refuse(400, 'tunnel-required', `run \`cordon ${command} ${authority?.host ?? ''}\``);
}

/**
 * Dials the app and joins the client's tunnel to it. The client hears 101 only once the app is reached, so that a failure is an answer
 * with a reason. A cut closes the tunnel with the reason and resets the connection to the app.
 */
export async function forwardTunnel(exchange: Exchange, parts: GatewayParts): Promise<StageResult> {
  const { client } = exchange;
  const { promise, resolve } = Promise.withResolvers<StageResult>();
  need(exchange, 'live').close = (cut): void => {
    exchange.cut = cut;
    resolve(cutRefusal(cut));
  };
  client.onceClosed(() => resolve('answered'));
  parts.upstreams
    .connect(exchange.decision)
    .then((upstream) => {
      // INVARIANT: between the last look at `cut` and the new `close` nothing waits, so no cut falls between them.
      if (exchange.cut !== undefined || client.hasLeft) {
        upstream.destroy();
        return;
      }
      join(exchange, upstream);
      resolve('answered');
    })
    // Also of what fails between two connections: a rejection that nobody hears would end the process.
    .catch((error: Error) => {
      resolve(upstreamRefusal(error));
    });
  return await promise;
}

/** Whoever holds this end of a tunnel only ever cuts it, and the event of a cut says so. */
const ENDERS: Readonly<Record<TunnelEnding['by'], Ender | undefined>> = {
  peer: 'client',
  connection: 'app',
  silence: 'deadline',
  holder: undefined,
};

function join(exchange: Exchange, upstream: Socket): void {
  // One direction may end before the other, on a socket that was dialled for HTTP as well.
  upstream.allowHalfOpen = true;
  const frames = offerOf(exchange).accept([
    'sec-websocket-protocol',
    TUNNEL.protocol,
    'x-cordon-correlation-id',
    exchange.correlationId,
  ]);
  const flow: Flow = { fromClient: 0, toClient: 0 };
  const live = need(exchange, 'live');
  live.flow = flow;
  const tunnel = joinTunnel({
    frames,
    socket: upstream,
    role: 'gateway',
    onBytes: (bytes, to) => {
      if (to === 'peer') flow.toClient += bytes;
      else flow.fromClient += bytes;
    },
    onEnd: (_end, { by, isWhole }) => {
      flow.endedBy = ENDERS[by];
      flow.isWhole = isWhole;
    },
  });
  live.close = (cut): void => {
    exchange.cut = cut;
    tunnel.close(cut.closeCode ?? TUNNEL_CLOSE.cut, whyCut(cut).message);
  };
}
