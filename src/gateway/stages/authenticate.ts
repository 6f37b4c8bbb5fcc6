import { hashToken } from '#base';
import type { Exchange, Stage, StageResult } from '../exchange.ts';
import { APP_COOKIE, oneCookie } from '../handoff.ts';
import type { GatewayParts } from '../exchange.ts';

/**
 * Finds the session behind the cookie of this host. A cookie that is missing, doubled, unknown or made for another host is no error:
 * then nobody is signed in, and the decision says so.
 */
export const authenticate: Stage = {
  name: 'authenticate',
  run: (exchange, parts): StageResult => {
    const appSession = appSessionOf(exchange, parts);
    if (appSession === undefined) return undefined;
    const session = parts.graph.get('session', appSession.sessionId);
    if (session === undefined) return undefined;
    const user = parts.graph.get('user', session.userId);
    exchange.appSession = appSession;
    exchange.session = session;
    if (user !== undefined) exchange.user = user;
    return undefined;
  },
};

/** The app session behind the cookie, when it was made for this very host. */
function appSessionOf({ client, authority }: Exchange, { graph }: GatewayParts): Exchange['appSession'] {
  const token = oneCookie(client.header('cookie'), APP_COOKIE);
  const appSession = token === undefined ? undefined : graph.appSessionByTokenHash(hashToken(token));
  return appSession !== undefined && appSession.host === authority?.host ? appSession : undefined;
}
