import { ASSERTION_HEADER } from '../assertion.ts';
import { type Exchange, type GatewayParts, need, ownOrigin, type Stage, type StageResult } from '../exchange.ts';
import { cutRefusal, forwardHttp } from '../forward-http.ts';
import { forwardWebSocket } from '../forward-websocket.ts';
import { hostField } from '../host.ts';
import { changeSince } from '../judge.ts';
import { decide, isFresh } from '../passage.ts';
import { issueSshCertificate } from '../tunnel/ssh-certificate.ts';
import { forwardTunnel } from '../tunnel/tunnel.ts';
import { serveVerify } from '../verify/verify.ts';
import { denied } from './decide.ts';

/**
 * Looks again, then lets the exchange in. Between the decision and here the journal was waited for, and the graph may have moved;
 * after here the registry cuts. So no revocation falls between the two.
 */
export const enter: Stage = {
  name: 'enter',
  run: (exchange, parts): StageResult | Promise<StageResult> => {
    if (exchange.cut !== undefined) return cutRefusal(exchange.cut);
    const basis = parts.basis();
    if (!isFresh(need(exchange, 'decision'), basis)) {
      const changed = changeSince(basis.graph, need(exchange, 'live'));
      if (changed !== undefined) return cutRefusal({ reason: changed });
      exchange.decision = decide(basis, need(exchange, 'access'));
      if (exchange.decision.effect !== 'permit') return denied(exchange.decision);
    }
    if (exchange.client.hasLeft) return 'answered';
    parts.counters.permitted += 1;
    if (exchange.purpose === 'tunnel') return forwardTunnel(exchange, parts);
    if (exchange.purpose === 'ssh-certificate') return issueSshCertificate(exchange, parts);
    const headers = outgoingHeaders(exchange, parts);
    if (need(exchange, 'app').builtin === 'verify') return serveVerify(exchange, parts, headers);
    return exchange.client.webSocket === undefined
      ? forwardHttp(exchange, parts, headers)
      : forwardWebSocket(exchange, parts, headers);
  },
};

/** What an upstream gets: the client's own fields, where the request came from by our own knowledge, and one signed assertion. */
function outgoingHeaders(exchange: Exchange, { assertion, graph }: GatewayParts): string[] {
  const authority = need(exchange, 'authority');
  const access = need(exchange, 'access');
  const { id } = need(exchange, 'user');
  // Read anew: the assertion must not be older than the decision.
  const session = graph.get('session', need(exchange, 'session').id);
  const user = graph.get('user', id);
  if (session === undefined || user === undefined) throw new Error('the session ended without a cut');
  const device = access.device === undefined ? undefined : graph.get('device', access.device.id);
  return [
    'host',
    hostField(authority),
    ...need(exchange, 'fields'),
    'x-forwarded-for',
    access.address,
    'x-forwarded-proto',
    exchange.transport === 'tls' ? 'https' : 'http',
    'x-forwarded-host',
    hostField(authority),
    'x-cordon-correlation-id',
    exchange.correlationId,
    ASSERTION_HEADER,
    assertion.sign({
      app: access.app,
      session,
      user,
      groups: graph.groupsOf(id),
      device,
      method: access.method,
      url: ownOrigin(exchange) + access.path,
    }),
  ];
}
