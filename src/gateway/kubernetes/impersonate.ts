import { err, ok, type Result } from '#base';
import type { TrustGraph } from '#model';
import { type Exchange, type GatewayParts, need, type Refusal, refuse } from '../exchange.ts';
import { normalName } from '../headers.ts';
import { readAccountToken } from './account-token.ts';

/** In front of every group, so that no group of Cordon's is one of the cluster's own (`system:masters`). */
const GROUP_PREFIX = 'cordon:';
/** A token that a browser's WebSocket hides among its protocols; the API server would take it for the caller's. */
const TOKEN_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';

/**
 * The client's fields for the app. A Kubernetes API gets them without anything that says who asks, then the account's token and the
 * person to impersonate. Refuses with `upstream-credential-missing` while there is no token.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
 */
export function fieldsForApp(exchange: Exchange, { graph }: GatewayParts): Result<string[], Refusal> {
  const fields = need(exchange, 'fields');
  const { kubernetes } = need(exchange, 'access').app;
  if (kubernetes === undefined) return ok(fields);
  const token = readAccountToken(kubernetes.tokenFile);
  if (!token.ok) return err({ ...refuse(503, 'upstream-credential-missing'), cause: token.error });
  const person = personFields(graph, need(exchange, 'user').id);
  need(exchange, 'live').impersonates = person.join('\n');
  return ok([...withoutIdentity(fields), 'authorization', `Bearer ${token.value}`, ...person]);
}

/** The fields that say whom the API is asked for. Throws when there is no such person. */
export function personFields(graph: TrustGraph, userId: string): string[] {
  const user = graph.get('user', userId);
  if (user === undefined) throw new Error('the person disappeared without a cut');
  const fields = ['impersonate-user', fieldText(user.email), 'impersonate-uid', fieldText(user.id)];
  for (const group of [...graph.groupsOf(userId)].sort()) {
    fields.push('impersonate-group', GROUP_PREFIX + fieldText(group));
  }
  return fields;
}

/** What SPDY asks for cannot be followed frame by frame, nor be refused in a way that a client understands later. */
export function kubernetesProblem({ app, client }: Exchange): Refusal | undefined {
  if (app?.kubernetes === undefined || client.header('upgrade')?.toLowerCase().startsWith('spdy') !== true)
    return undefined;
  return refuse(
    400,
    'request-malformed',
    'streams go over WebSocket here, not SPDY: use kubectl 1.31 or newer, or set `KUBECTL_REMOTE_COMMAND_WEBSOCKETS=true` for 1.29 and 1.30',
  );
}

function withoutIdentity(fields: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    const value = fields[i + 1] ?? '';
    const normal = normalName(name);
    if (normal === 'authorization' || normal.startsWith('impersonate-')) continue;
    const left = normal === 'sec-websocket-protocol' ? withoutTokens(value) : value;
    if (left !== '') kept.push(name, left);
  }
  return kept;
}

function withoutTokens(protocols: string): string {
  const names = protocols.split(',').map((name) => name.trim());
  return names.filter((name) => !name.toLowerCase().startsWith(TOKEN_PROTOCOL)).join(', ');
}

/** Text that a field can hold; what cannot stand there, and `%`, is encoded, so that two names never become one. */
function fieldText(text: string): string {
  return text.toWellFormed().replace(/[^\x21-\x24\x26-\x7e]/gu, encodeURIComponent);
}
