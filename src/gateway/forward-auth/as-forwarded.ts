import { streamsOf } from '#model';
import { type Exchange, type GatewayParts, need, refuse, type Stage, type StageResult } from '../exchange.ts';
import { hostField } from '../host.ts';
import { isOwnPath } from '../path.ts';
import { identityNames } from './client-headers.ts';

/**
 * Refuses what a proxy would send on in another form than the one that is decided on. The gateway forwards what it has decided about;
 * here the proxy forwards what it was sent, so that must be the same already: host, path, and no header that only Cordon may set.
 */
export const asForwarded: Stage = {
  name: 'as-forwarded',
  run: (exchange, parts): StageResult => {
    const { client, asked } = exchange;
    if (need(exchange, 'app').enforcedBy !== 'forward-auth') {
      return refuse(403, 'enforced-elsewhere', 'the gateway carries the requests of this app itself');
    }
    const path = need(exchange, 'path');
    if (path + need(exchange, 'query') !== client.target) {
      return refuse(
        400,
        'path-refused',
        'the path is not written as it is decided on, and the proxy would forward it so',
      );
    }
    // In upper case it is the same host, to every server.
    if (hostField(need(exchange, 'authority')) !== client.authority?.toLowerCase()) {
      return refuse(400, 'request-malformed', 'the host is not written as it is decided on');
    }
    if (isOwnPath(path)) {
      return refuse(404, 'path-refused', 'the proxy must pass what is below `/.cordon/` to Cordon’s own listener');
    }
    const [foreign] = asked?.removesHeaders === true ? [] : identityNames(client.rawHeaders, asked?.describedBy);
    if (foreign !== undefined) return refuse(400, 'header-refused', `a client may not set the header \`${foreign}\``);
    return refuseStream(exchange, parts);
  },
};

/** Once a proxy has let a stream in, a change of mind does not reach it. */
function refuseStream(exchange: Exchange, { graph, clock }: GatewayParts): StageResult {
  const { client } = exchange;
  const app = need(exchange, 'app');
  const { webSocket } = client;
  if (webSocket === undefined) {
    // `h2c` and others are ignored by the gateway, but a proxy may open them, and nobody would see what passes inside.
    const isUpgrade = client.header('upgrade') !== undefined;
    return isUpgrade ? refuse(400, 'request-malformed', 'the only upgrade is `websocket`') : undefined;
  }
  return streamsOf(app, graph.tierOf(app, clock.now())) === 'refused'
    ? refuse(403, 'stream-uncuttable', 'the proxy in front of it cannot cut a WebSocket when access ends')
    : undefined;
}
