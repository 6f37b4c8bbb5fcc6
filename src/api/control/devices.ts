import type { CONTROL_ROUTES } from '#contract';
import type { Device, User } from '#model';
import { ApiFailure, must } from '../failure.ts';
import type { Answer, Handlers } from '../register.ts';
import type { ApiServices } from '../services.ts';

type Routes = Handlers<typeof CONTROL_ROUTES>;
type DeviceView = Answer<(typeof CONTROL_ROUTES)['devices']>['items'][number];

/** Where a host finds the agents' host. A name below `localhost` means itself to every host: then the address that is listened on. */
function serverAddress({ originOf, hosts, configuration }: ApiServices): string {
  const { hostname, port } = new URL(originOf(hosts.agent, 'tls'));
  const listening = configuration().listen.tls?.host ?? '';
  const isElsewhere = hostname.endsWith('.localhost') && !/^(?:127\.|::1?$|0\.0\.0\.0$|localhost$|$)/.test(listening);
  const host = !isElsewhere ? hostname : listening.includes(':') ? `[${listening}]` : listening;
  return `${host}:${port === '' ? '443' : port}`;
}

/** Devices, and the tokens they are enrolled with. Devices records every change. */
export function deviceRoutes(services: ApiServices): Pick<Routes, 'devices' | 'enrolDevice' | 'revokeDevice'> {
  const { graph, devices } = services;
  return {
    devices: async () => {
      const items = [...graph.all('device')].map((device) => deviceView(services, device));
      return await Promise.resolve({ items, total: items.length });
    },
    enrolDevice: async ({ body, caller }) => {
      const { name, ownerEmail, labels } = body;
      const owner = ownerEmail === undefined ? undefined : ownerOf(services, ownerEmail);
      const { token, expiresAt } = must(
        await devices.issueToken({
          labels,
          by: caller.actor,
          ...(name === undefined || name === '' ? {} : { name }),
          ...(owner === undefined ? {} : { ownerId: owner.id }),
        }),
      );
      return { token, expiresAt, command: `cordon agent enrol --server ${serverAddress(services)} --token ${token}` };
    },
    revokeDevice: async ({ params, caller }) => {
      const reason = `revoked by ${caller.actor}`;
      must(await devices.revoke({ deviceId: params.id, by: caller.actor, reason }));
      return { ok: true };
    },
  };
}

function ownerOf({ graph }: ApiServices, email: string): User {
  const wanted = email.normalize('NFC').toLowerCase();
  for (const user of graph.all('user')) if (user.email === wanted) return user;
  throw new ApiFailure(404, 'user-unknown', `no account of \`${email}\``, { hint: 'invite the person first' });
}

function deviceView({ graph }: ApiServices, device: Device): DeviceView {
  const { id, name, form, managed, status, enrolledAt, ownerId, posture } = device;
  const owner = ownerId === undefined ? undefined : (graph.get('user', ownerId)?.email ?? ownerId);
  return {
    id,
    name,
    form,
    ...(owner === undefined ? {} : { owner }),
    managed,
    status,
    enrolledAt,
    verdict: posture?.verdict ?? 'unknown',
    ...(posture === undefined ? {} : { collectedAt: posture.collectedAt }),
    results: (posture?.results ?? []).map((result) => ({ ...result })),
  };
}
