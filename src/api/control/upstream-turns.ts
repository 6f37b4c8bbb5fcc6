import type { Journal } from '#journal';
import { type App, EVENT_CLASSES, type OcsfEvent, type TrustGraph } from '#model';

/** What the gateway last told of one server of an app. */
export interface UpstreamTurn {
  /** `files`: its TLS files cannot be used, and the last good ones stay in force. */
  readonly to: 'healthy' | 'unhealthy' | 'files';
  readonly why: string;
  readonly at: number;
}

/** What the gateway, in whichever process, told of upstreams since this server started. */
export interface UpstreamTurns {
  /** Undefined: nothing was told since the app is reached the way it is now, so nothing speaks against the server. */
  last(app: App, origin: string): UpstreamTurn | undefined;
  close(): void;
}

const TURNS = ['healthy', 'unhealthy', 'files'] as const;

/**
 * Follows the turns of upstreams as they are recorded. Those from before the start are not read: the gateway begins anew too, and thinks
 * well of all.
 */
export function createUpstreamTurns(
  journal: Pick<Journal, 'subscribe'>,
  graph: Pick<TrustGraph, 'get'>,
): UpstreamTurns {
  const apps = new Map<string, { readonly way: string; readonly turns: Map<string, UpstreamTurn> }>();
  const take = (event: OcsfEvent): void => {
    const told = turnOf(event);
    const app = told === undefined ? undefined : graph.get('app', told.appId);
    if (told === undefined || app === undefined) return;
    const way = wayTo(app);
    const known = apps.get(app.id);
    const entry = known?.way === way ? known : { way, turns: new Map<string, UpstreamTurn>() };
    entry.turns.set(told.origin, told.turn);
    apps.set(app.id, entry);
  };
  return {
    last: (app, origin) => {
      const entry = apps.get(app.id);
      return entry?.way === wayTo(app) ? entry.turns.get(origin) : undefined;
    },
    close: journal.subscribe(take),
  };
}

/** With other servers or options the gateway begins anew, and so does what is known here. */
function wayTo({ upstream, upstreamOptions }: App): string {
  return JSON.stringify([upstream, upstreamOptions]);
}

function turnOf(
  event: OcsfEvent,
): { readonly appId: string; readonly origin: string; readonly turn: UpstreamTurn } | undefined {
  if (event.class_uid !== EVENT_CLASSES.networkActivity.uid) return undefined;
  const told = event.unmapped?.cordon['upstream'];
  if (typeof told !== 'object' || told === null || !('turn' in told)) return undefined;
  const { app, origin, turn, why } = told;
  const to = TURNS.find((one) => one === turn);
  if (typeof app !== 'string' || typeof origin !== 'string' || typeof why !== 'string' || to === undefined)
    return undefined;
  return { appId: app, origin, turn: { to, why, at: event.time } };
}
