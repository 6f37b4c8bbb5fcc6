import { choose } from '../choose.ts';
import { serverOf } from '../client.ts';
import type { CommandContext } from '../command.ts';
import { agoText } from '../pieces.ts';

/** `cordon authzen list` */
export async function list(context: CommandContext): Promise<number> {
  const { world, out } = context;
  const found = await serverOf(context).ask('decisionClients', {});
  if (out.isJson) {
    out.document(found);
    return 0;
  }
  const now = world.clock.now();
  out.table(
    [
      { title: 'ID' },
      { title: 'NAME', shrinkTo: 10 },
      { title: 'MAY ASK', isWrapped: true },
      { title: 'FROM', shrinkTo: 8 },
      { title: 'SINCE' },
      { title: 'BY', shrinkTo: 10 },
    ],
    found.items.map(({ id, name, models, device, createdAt, by }) => [
      id,
      name,
      models.map((model) => `${model.id}: ${model.decisionPoint}`).join('; '),
      device ?? 'anywhere',
      agoText(createdAt, now),
      by,
    ]),
    'no application may ask for decisions; let one with `cordon authzen add`',
  );
  return 0;
}

/** `cordon authzen add` */
export async function add(context: CommandContext): Promise<number> {
  const { args, out } = context;
  const body = { name: args.at(0), models: [...args.list('model')], ...(await deviceOf(context)) };
  const made = await serverOf(context).ask('addDecisionClient', { body });
  if (out.isJson) {
    out.document(made);
    return 0;
  }
  out.line(made.key);
  out.note(`the key of ${made.client.name} (${made.client.id}); it is shown this once, keep it as a secret`);
  for (const { decisionPoint } of made.client.models) out.note(`it may ask ${decisionPoint}`);
  return 0;
}

async function deviceOf(context: CommandContext): Promise<{ deviceId?: string }> {
  const wanted = context.args.text('device');
  if (wanted === undefined) return {};
  const { items } = await serverOf(context).ask('devices', {});
  const candidates = items.map(({ id, name }) => ({ id, names: [name] }));
  return { deviceId: choose({ noun: 'device', list: 'devices list' }, wanted, candidates).id };
}

/** `cordon authzen remove` */
export async function remove(context: CommandContext): Promise<number> {
  const { args, out } = context;
  const server = serverOf(context);
  const { items } = await server.ask('decisionClients', {});
  const candidates = items.map(({ id, name }) => ({ id, names: [name] }));
  const { id, names } = choose({ noun: 'client', list: 'authzen list' }, args.at(0), candidates);
  await server.ask('removeDecisionClient', { params: { id } });
  if (out.isJson) out.document({ ok: true, id });
  else out.line(`the key of ${names.join('')} (${id}) is worth nothing now`);
  return 0;
}
