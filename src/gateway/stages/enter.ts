import { type Exchange, type GatewayParts, need, type Stage, type StageResult } from '../exchange.ts';
import { cutRefusal, forwardHttp } from '../forward-http.ts';
import { forwardWebSocket } from '../forward-websocket.ts';
import { hostField } from '../host.ts';
import { fieldsForApp } from '../kubernetes/impersonate.ts';
import { tracedFields } from '../trace.ts';
import { issueSshCertificate } from '../tunnel/ssh-certificate.ts';
import { forwardTunnel } from '../tunnel/tunnel.ts';
import { identityFields } from '../upstream-identity.ts';
import { serveVerify } from '../verify/verify.ts';
import { lookAgain } from './look-again.ts';

/**
 * Looks again, then lets the exchange in. Between the decision and here the journal was waited for, and the graph may have moved;
 * after here the registry cuts. So no revocation falls between the two.
 */
export const enter: Stage = {
  name: 'enter',
  run: (exchange, parts): StageResult | Promise<StageResult> => {
    if (exchange.cut !== undefined) return cutRefusal(exchange.cut);
    const refused = lookAgain(exchange, parts, need(exchange, 'live'));
    if (refused !== undefined) return refused;
    if (exchange.client.hasLeft) return 'answered';
    parts.counters.permitted += 1;
    exchange.dialledAt = performance.now();
    parts.timings.added.add(need(exchange, 'app').id, exchange.dialledAt - exchange.startedAt);
    if (exchange.purpose === 'tunnel') return forwardTunnel(exchange, parts);
    if (exchange.purpose === 'ssh-certificate') return issueSshCertificate(exchange, parts);
    const fields = fieldsForApp(exchange, parts);
    if (!fields.ok) return fields.error;
    const headers = outgoingHeaders(exchange, parts, fields.value);
    if (need(exchange, 'app').builtin === 'verify') return serveVerify(exchange, parts, headers);
    return exchange.client.webSocket === undefined
      ? forwardHttp(exchange, parts, headers)
      : forwardWebSocket(exchange, parts, headers);
  },
};

/** What an upstream gets: the client's own fields, where the request came from by our own knowledge, and who is there. */
function outgoingHeaders(exchange: Exchange, parts: GatewayParts, fields: readonly string[]): string[] {
  const host = hostField(need(exchange, 'authority'));
  return [
    'host',
    host,
    ...tracedFields(fields, exchange.trace),
    'x-forwarded-for',
    need(exchange, 'access').address,
    'x-forwarded-proto',
    exchange.transport === 'tls' ? 'https' : 'http',
    'x-forwarded-host',
    host,
    ...identityFields(exchange, parts),
  ];
}
