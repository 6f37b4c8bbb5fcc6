import { choose } from '../choose.ts';
import { serverOf } from '../client.ts';
import type { CommandContext } from '../command.ts';
import { agoText } from '../pieces.ts';

/** `cordon sessions list` */
export async function list(context: CommandContext): Promise<number> {
  const { world, out } = context;
  const found = await serverOf(context).ask('sessions', {});
  const now = world.clock.now();
  if (out.isJson) out.document(found);
  else {
    out.table(
      [
        { title: 'ID' },
        { title: 'EMAIL', shrinkTo: 16 },
        { title: 'ASSURANCE' },
        { title: 'FACTORS', shrinkTo: 8 },
        { title: 'SIGNED IN' },
        { title: 'ENDS' },
        { title: 'ADDRESS' },
        { title: 'BROWSER', shrinkTo: 8 },
      ],
      found.items.map(({ id, email, acr, amr, authenticatedAt, expiresAt, address, userAgent }) => [
        id,
        email,
        acr.replace('urn:cordon:', ''),
        amr.join(' '),
        agoText(authenticatedAt, now),
        agoText(expiresAt, now),
        address,
        userAgent,
      ]),
      'nobody is signed in',
    );
  }
  return 0;
}

/** `cordon sessions end` */
export async function end(context: CommandContext): Promise<number> {
  const { args, out } = context;
  const server = serverOf(context);
  const { items } = await server.ask('sessions', {});
  const candidates = items.map(({ id, email }) => ({ id, names: [email] }));
  const { id, names } = choose({ noun: 'session', list: 'sessions list' }, args.at(0), candidates);
  await server.ask('endSession', { params: { id } });
  if (out.isJson) out.document({ ok: true, id });
  else out.line(`session ${id} of ${names.join('')} is ended`);
  return 0;
}
