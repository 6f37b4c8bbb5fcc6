import { type Exchange, refuse, type Stage, type StageResult } from '../exchange.ts';
import { canonicalHost } from '../host.ts';
import { canonicalTarget } from '../path.ts';

/** Method names that can be forwarded. CONNECT would open a tunnel, TRACE would echo cookies. */
const METHOD = /^(?!CONNECT$|TRACE$|TRACK$)[A-Z][A-Z-]{0,19}$/;

/** Finds the app by exact canonical host and reads the target into the one form that is decided on and forwarded. */
export const route: Stage = {
  name: 'route',
  run: (exchange, { graph }): StageResult => {
    // Two hosts are two opinions about whom this is for (RFC 9112 section 3.2).
    const authority = canonicalHost(exchange.client.authority);
    if (authority === undefined) return refuse(400, 'request-malformed', 'the request needs exactly one valid `host`');
    exchange.authority = authority;
    const app = graph.appByHost(authority.host);
    if (app === undefined) return refuse(404, 'app-unknown');
    exchange.app = app;
    if (!METHOD.test(exchange.client.method)) return refuse(405, 'request-malformed', 'this method is not forwarded');
    return readTarget(exchange);
  },
};

function readTarget(exchange: Exchange): StageResult {
  const encoded = exchange.app?.encodedSlash === 'allow' ? 'slash' : undefined;
  const target = canonicalTarget(exchange.client.target, encoded);
  if (!target.ok) return refuse(400, 'path-refused', target.error);
  exchange.path = target.value.path;
  exchange.query = target.value.query;
  return undefined;
}
