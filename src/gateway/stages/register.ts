import { isGrpc } from '../client/grpc.ts';
import {
  type Exchange,
  type GatewayParts,
  need,
  ownOrigin,
  refuse,
  type Stage,
  type StageResult,
} from '../exchange.ts';
import type { LiveConnection, LiveEntry } from '../live.ts';

/**
 * Registers the exchange as open, before anything is written or dialled: from here on every change of what the decision depends on
 * reaches it, whatever it is waiting for.
 */
export const register: Stage = {
  name: 'register',
  run: (exchange, { live, limits, clock, deviceOf }): StageResult => {
    if (exchange.client.hasLeft) return 'answered';
    const access = need(exchange, 'access');
    const { id: sessionId, deviceId } = need(exchange, 'session');
    const user = need(exchange, 'user');
    if (live.countOf(sessionId) >= limits.connectionsPerSession) return refuse(429, 'too-many-connections');
    const now = clock.now();
    const device = access.device?.id ?? deviceId;
    exchange.live = {
      view: {
        // Of the same letters as the correlation id of its exchange: who has one finds the other.
        id: exchange.correlationId.replace('cor_', 'con_'),
        userId: user.id,
        email: user.email,
        sessionId,
        ...(device === undefined ? {} : { deviceId: device }),
        appId: access.app.id,
        app: access.app.name,
        kind: kindOf(exchange),
        method: access.method,
        path: access.path,
        address: access.address,
        since: now,
      },
      access,
      appSessionId: need(exchange, 'appSession').id,
      ...foreignOrigin(exchange),
      correlationId: exchange.correlationId,
      decidedAt: now,
      keys: [],
      flow: undefined,
      isLong: false,
      isShown: isShownBy(exchange, deviceOf),
      // Until somebody forwards it, a cut is only noted; the next stage reads it.
      close: (cut) => {
        exchange.cut = cut;
      },
    };
    live.add(exchange.live);
    return undefined;
  },
};

/** Where the device is the browser of the session, no certificate was needed for it. */
function isShownBy(
  { access, app, session, client: { socket }, transport }: Exchange,
  deviceOf: GatewayParts['deviceOf'],
): LiveEntry['isShown'] {
  const id = access?.device?.id;
  const isOfCertificate = id !== undefined && id !== session?.deviceId;
  if (transport !== 'tls' || (!isOfCertificate && app?.clientCertificate !== 'required')) return undefined;
  const openedAs = deviceOf(socket)?.id;
  return () => {
    const shown = openedAs === undefined ? undefined : deviceOf(socket, openedAs);
    return shown !== undefined && (!isOfCertificate || shown.id === id);
  };
}

function kindOf({ client, purpose }: Exchange): LiveConnection['kind'] {
  if (purpose === 'tunnel') return 'tcp';
  if (client.webSocket !== undefined) return 'websocket';
  return isGrpc(client) ? 'grpc' : 'http';
}

function foreignOrigin(exchange: Exchange): { readonly origin?: string } {
  const origin = exchange.client.header('origin');
  return exchange.client.webSocket === undefined || origin === undefined || origin === ownOrigin(exchange)
    ? {}
    : { origin };
}
