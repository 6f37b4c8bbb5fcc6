import { ASSERTION_HEADER } from './assertion.ts';
import { type Exchange, type GatewayParts, need, ownOrigin } from './exchange.ts';
import { KEYS_PATH } from './handoff.ts';
import { GROUPS_OMITTED_HEADER, identityHeaders, omittedGroups } from './identity-headers.ts';

/**
 * The fields in which an upstream is told who is there: one signed assertion, and the headers of the app's presets. Throws for an
 * exchange that was not let in.
 */
export function identityFields(exchange: Exchange, { assertion, graph }: GatewayParts): string[] {
  const { app, method, path, device: decidedOn } = need(exchange, 'access');
  const { id } = need(exchange, 'user');
  // Read anew: the assertion must not be older than the decision.
  const session = graph.get('session', need(exchange, 'session').id);
  const user = graph.get('user', id);
  if (session === undefined || user === undefined) throw new Error('the session ended without a cut');
  const device = decidedOn === undefined ? undefined : graph.get('device', decidedOn.id);
  const groups = graph.groupsOf(id);
  const origin = ownOrigin(exchange);
  const token = assertion.sign({ app, session, user, groups, device, method, url: origin + path });
  const fields = ['x-cordon-correlation-id', exchange.correlationId, ASSERTION_HEADER, token];
  const presets = app.identityHeaders;
  if (presets === undefined) return fields;
  const known = { user, groups, appId: app.id, assertion: token, jwksUrl: origin + KEYS_PATH };
  fields.push(...identityHeaders(presets, known));
  const omitted = omittedGroups(groups);
  fields.push(GROUPS_OMITTED_HEADER, omitted === 0 ? '' : String(omitted));
  return fields;
}
