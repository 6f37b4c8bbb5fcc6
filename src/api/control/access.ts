import type { CONTROL_ROUTES } from '#contract';
import { must, notFound } from '../failure.ts';
import type { Handlers } from '../register.ts';
import type { ApiServices } from '../services.ts';
import { actEvent } from './acts.ts';

type Routes = Handlers<typeof CONTROL_ROUTES>;

/** Who is signed in, and what is open now. */
export function accessRoutes(
  services: ApiServices,
): Pick<Routes, 'sessions' | 'endSession' | 'connections' | 'cutConnection'> {
  const { graph, clock, gateway, identity, journal } = services;
  return {
    sessions: async () => {
      const items = [...graph.all('session')]
        .filter(({ expiresAt }) => expiresAt > clock.now())
        .sort((a, b) => b.authenticatedAt - a.authenticatedAt)
        // Never the hash of the token.
        .map(({ id, userId, acr, amr, authenticatedAt, expiresAt, address, userAgent, deviceId }) => ({
          id,
          userId,
          email: graph.get('user', userId)?.email ?? '',
          acr,
          amr: [...amr],
          authenticatedAt,
          expiresAt,
          address,
          userAgent,
          ...(deviceId === undefined ? {} : { deviceId }),
        }));
      return await Promise.resolve({ items, total: items.length });
    },
    endSession: async ({ params, caller }) => {
      must(await identity.sessions.endById({ sessionId: params.id, by: caller.actor }));
      return { ok: true };
    },
    connections: async () => {
      const items = (await gateway.connections()).map(
        ({ id, userId, email, appId, app, kind, path, since, address }) => ({
          id,
          userId,
          email,
          appId,
          app,
          kind,
          path,
          since,
          address,
        }),
      );
      return { items, total: items.length };
    },
    cutConnection: async (call) => {
      const { id } = call.params;
      const open = (await gateway.connections()).find((connection) => connection.id === id);
      const reason = { code: 'connection-ended', remedy: 'contact-administrator' } as const;
      if (open === undefined || (await gateway.cut({ id }, reason)) === 0) throw notFound('connection', id);
      // The gateway records the cut; this says who wanted it. Afterwards: a full disk must not keep a connection open.
      await journal.append(
        actEvent(services, call, {
          class: 'apiActivity',
          activity: 'delete',
          message: `${call.caller.actor} cut the connection of ${open.email} to ${open.app}`,
          severity: 'low',
          attributes: { api: { operation: 'cutConnection' } },
          cordon: { connection: id, userId: open.userId, app: open.appId },
        }),
      );
      return { ok: true };
    },
  };
}
