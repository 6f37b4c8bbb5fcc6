import { ownOrigin, refuse, type Stage, type StageResult } from '../exchange.ts';

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Refuses what another site makes a browser send. WebSockets ignore the same-origin policy and carry cookies from sibling hosts,
 * so each must name an origin that may open it; a request that changes something must not come from another origin. A token is sent by
 * whoever holds it and never by a browser of itself, so what carries one has no site.
 */
export const crossSite: Stage = {
  name: 'cross-site',
  run: (exchange): StageResult => {
    const { client, app, credential } = exchange;
    if (credential === 'token') return undefined;
    const origin = client.header('origin');
    const isAllowed =
      origin !== undefined && (origin === ownOrigin(exchange) || (app?.allowedOrigins.includes(origin) ?? false));
    if (isAllowed) return undefined;
    if (client.webSocket !== undefined) {
      return refuse(403, 'origin-refused', origin === undefined ? 'the handshake names no origin' : shown(origin));
    }
    if (SAFE.has(client.method)) return undefined;
    const site = client.header('sec-fetch-site');
    // `same-site` is a sibling host, for which SameSite cookies are no barrier. `none` is the person's own doing.
    if (site === 'same-origin' || site === 'none') return undefined;
    if (site === undefined && origin === undefined) return undefined; // not a browser
    return refuse(403, 'origin-refused', origin === undefined ? 'the request comes from another site' : shown(origin));
  },
};

function shown(origin: string): string {
  return `\`${origin.slice(0, 200)}\` is not an origin of this app`;
}
