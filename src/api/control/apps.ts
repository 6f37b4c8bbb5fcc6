import type { CONTROL_ROUTES } from '#contract';
import { type App, streamsOf } from '#model';
import type { Answer, Handlers } from '../register.ts';
import type { ApiServices } from '../services.ts';
import type { UpstreamTurns } from './upstream-turns.ts';

type AppView = Answer<(typeof CONTROL_ROUTES)['apps']>['items'][number];

/** The published apps: how strictly they are guarded, how people and programs reach them, and what is behind. */
export function appRoutes(
  services: ApiServices,
  turns: Pick<UpstreamTurns, 'last'>,
): Pick<Handlers<typeof CONTROL_ROUTES>, 'apps'> {
  const { graph } = services;
  return {
    apps: async () => {
      const items = [...graph.all('app')].map((app) => viewOf(app, services, turns));
      return await Promise.resolve({ items, total: items.length });
    },
  };
}

function viewOf(app: App, { graph, clock, originOf }: ApiServices, turns: Pick<UpstreamTurns, 'last'>): AppView {
  const tier = graph.tierOf(app, clock.now());
  const { upstream, upstreamOptions = {}, ssh, limits = {} } = app;
  const origins = upstream === undefined ? [] : [upstream, ...(upstreamOptions.others ?? [])];
  return {
    id: app.id,
    name: app.name,
    host: app.host,
    url: originOf(app.host),
    kind: kindOf(app),
    tier,
    device: app.device,
    ...(app.assetId === undefined ? {} : { assetId: app.assetId }),
    ...(upstream === undefined ? {} : { upstream }),
    upstreams: origins.map((origin) => {
      const last = turns.last(app, origin);
      return { origin, ...(last === undefined ? {} : { last: { ...last } }) };
    }),
    ...(upstreamOptions.healthPath === undefined ? {} : { healthPath: upstreamOptions.healthPath }),
    enforcedBy: app.enforcedBy ?? 'gateway',
    streams: streamsOf(app, tier),
    identityHeaders: [...(app.identityHeaders ?? [])],
    clientCertificate: app.clientCertificate === 'required',
    allowedOrigins: [...app.allowedOrigins],
    limits: { ...limits },
    ...(ssh === undefined ? {} : { ssh: { principals: [...ssh.principals], lifetimeSeconds: ssh.lifetimeSeconds } }),
  };
}

/** What is spoken with an app, by what it is declared to be. */
export function kindOf(
  app: Pick<App, 'builtin' | 'upstream' | 'upstreamOptions' | 'ssh' | 'kubernetes'>,
): AppView['kind'] {
  if (app.builtin !== undefined) return 'builtin';
  if (app.ssh !== undefined) return 'ssh';
  if (app.kubernetes !== undefined) return 'kubernetes';
  if (app.upstream?.startsWith('tcp:') === true) return 'tcp';
  return app.upstreamOptions?.protocol === 'http2' ? 'http2' : 'http';
}
