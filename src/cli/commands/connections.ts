import { choose } from '../choose.ts';
import { serverOf } from '../client.ts';
import type { CommandContext } from '../command.ts';
import { agoText } from '../pieces.ts';

/** `cordon connections list` */
export async function list(context: CommandContext): Promise<number> {
  const { world, out } = context;
  const found = await serverOf(context).ask('connections', {});
  const now = world.clock.now();
  if (out.isJson) out.document(found);
  else {
    out.table(
      [
        { title: 'ID' },
        { title: 'EMAIL', shrinkTo: 16 },
        { title: 'APP' },
        { title: 'KIND' },
        { title: 'PATH', shrinkTo: 12 },
        { title: 'OPENED' },
        { title: 'ADDRESS' },
      ],
      found.items.map(({ id, email, app, kind, path, since, address }) => [
        id,
        email,
        app,
        kind,
        path,
        agoText(since, now),
        address,
      ]),
      'no connection is open',
    );
  }
  return 0;
}

/** `cordon connections cut` */
export async function cut(context: CommandContext): Promise<number> {
  const { args, out } = context;
  const server = serverOf(context);
  const { items } = await server.ask('connections', {});
  const candidates = items.map(({ id, email, app }) => ({ id, names: [email], app }));
  const { id, names, app } = choose({ noun: 'connection', list: 'connections list' }, args.at(0), candidates);
  await server.ask('cutConnection', { params: { id } });
  if (out.isJson) out.document({ ok: true, id });
  else out.line(`connection ${id} of ${names.join('')} to ${app} is cut`);
  return 0;
}
