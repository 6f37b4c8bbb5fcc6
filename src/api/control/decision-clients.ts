import type { CONTROL_ROUTES } from '#contract';
import type { Call } from '../caller.ts';
import type { DecisionClient, DecisionClients } from '../authzen/clients.ts';
import { decisionPoint, OWN_MODEL } from '../authzen/metadata.ts';
import { ApiFailure } from '../failure.ts';
import type { Answer, Handlers } from '../register.ts';
import type { ApiServices } from '../services.ts';
import { actEvent } from './acts.ts';

type Routes = Handlers<typeof CONTROL_ROUTES>;
type ClientView = Answer<(typeof CONTROL_ROUTES)['decisionClients']>['items'][number];

/** The applications that may ask for decisions over AuthZEN. */
export function decisionClientRoutes(
  services: ApiServices,
  clients: DecisionClients,
): Pick<Routes, 'decisionClients' | 'addDecisionClient' | 'removeDecisionClient'> {
  const view = ({ models, deviceId, ...client }: DecisionClient): ClientView => ({
    ...client,
    ...(deviceId === undefined ? {} : { device: services.graph.get('device', deviceId)?.name ?? deviceId }),
    models: models.map((id) => ({ id, decisionPoint: decisionPoint(services.originOf(services.hosts.decisions), id) })),
  });
  const record = async (call: Pick<Call, 'caller' | 'address' | 'correlationId'>, act: Act): Promise<void> => {
    const { client, activity, message } = act;
    await services.journal.append(
      actEvent(services, call, {
        class: 'entityManagement',
        activity,
        message,
        severity: 'medium',
        attributes: { entity: { ...(client.id === '' ? {} : { uid: client.id }), name: client.name, type: 'client' } },
        cordon: { models: client.models },
      }),
    );
  };
  return {
    decisionClients: async () => {
      const items = clients.list().map(view);
      return await Promise.resolve({ items, total: items.length });
    },
    addDecisionClient: async (call) => {
      const { name, models, deviceId } = call.body;
      for (const id of models) checkModel(services, id);
      if (deviceId !== undefined) checkDevice(services, deviceId);
      const by = call.caller.actor;
      // Before: no key is given out that is not recorded.
      const message = `${by} let ${name} ask for decisions about ${models.join(', ')}`;
      await record(call, { client: { id: '', name, models }, activity: 'create', message });
      const { client, key } = await clients.add({ name, models: [...new Set(models)], deviceId, by });
      return { client: view(client), key };
    },
    removeDecisionClient: async (call) => {
      const by = call.caller.actor;
      const client = await clients.remove(call.params.id, by);
      const message = `${by} took the key of ${client.name} away`;
      await record(call, { client, activity: 'delete', message });
      return { ok: true };
    },
  };
}

interface Act {
  readonly client: Pick<DecisionClient, 'id' | 'name' | 'models'>;
  readonly activity: 'create' | 'delete';
  readonly message: string;
}

/** A device that nobody can show a certificate of would make a key that opens nothing. */
function checkDevice({ graph }: ApiServices, id: string): void {
  const device = graph.get('device', id);
  if (device?.status === 'active' && device.form === 'agent') return;
  throw new ApiFailure(404, 'device-unknown', `no enrolled device \`${id}\` is in use`, {
    hint: 'list devices with `cordon devices`',
  });
}

function checkModel({ configuration }: ApiServices, id: string): void {
  if (id === OWN_MODEL || configuration().authzen.some((model) => model.id === id)) return;
  throw new ApiFailure(404, 'model-unknown', `no model \`${id}\` is declared`, {
    hint: `declare it under \`authzen.models\`, or name \`${OWN_MODEL}\` for Cordon’s own apps`,
  });
}
