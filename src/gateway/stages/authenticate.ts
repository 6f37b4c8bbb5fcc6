import {
  type Credential,
  findCredential,
  isOwnAuthorization,
  proofsOf,
  spendProof,
} from '../credentials/credential.ts';
import {
  type Exchange,
  type GatewayParts,
  need,
  ownOrigin,
  type Refusal,
  refuse,
  type Stage,
  type StageResult,
} from '../exchange.ts';
import { withoutNames } from '../headers.ts';

/** Names of the fields that a token comes with. */
const TOKEN_NAMES: ReadonlySet<string> = new Set(['authorization', 'dpop']);

/**
 * Finds the session behind the one credential of the request. A cookie that is missing, doubled, unknown or made for another host is no
 * error: then nobody is signed in, and the decision says so. A token that is refused ends the exchange.
 */
export const authenticate: Stage = {
  name: 'authenticate',
  run: (exchange, parts): StageResult | Promise<StageResult> => {
    const { graph, replays, clock } = parts;
    const { client, asked } = exchange;
    const authorization = client.header('authorization');
    const hasToken = isOwnAuthorization(authorization);
    // The other proxy sends on what it was sent: the app would get to see the token.
    if (hasToken && asked !== undefined) return refused('token-invalid', 'a proxy that only asks would pass it on');
    const found = findCredential(
      {
        authorization,
        cookie: client.header('cookie'),
        method: client.method,
        path: need(exchange, 'path'),
        host: need(exchange, 'authority').host,
        now: clock.now(),
        origin: () => ownOrigin(exchange),
        proofs: () => proofsOf(client.rawHeaders),
      },
      { graph },
    );
    const credential = spendProof(found, { graph }, replays);
    return credential instanceof Promise
      ? credential.then((one) => accept(exchange, parts, one))
      : accept(exchange, parts, credential);
  },
};

function accept(exchange: Exchange, { graph }: GatewayParts, found: Credential): StageResult {
  if (found.kind === 'refused') return refused(found.reason, found.cause);
  if (found.kind === 'none') return undefined;
  if (found.kind === 'token') hideToken(exchange);
  const session = graph.get('session', found.appSession.sessionId);
  if (session === undefined) return undefined;
  const user = graph.get('user', session.userId);
  exchange.credential = found.kind;
  exchange.appSession = found.appSession;
  exchange.session = session;
  if (user !== undefined) exchange.user = user;
  return undefined;
}

function refused(reason: Parameters<typeof refuse>[1], cause: string): Refusal {
  return { ...refuse(401, reason), cause };
}

/** Takes the token and its proof out of what is forwarded: an app that had them could act as the person. */
function hideToken(exchange: Exchange): void {
  exchange.fields = withoutNames(need(exchange, 'fields'), TOKEN_NAMES);
}
