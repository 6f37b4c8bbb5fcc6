import type { CONTROL_ROUTES, ResponseOf } from '#contract';
import { misuse } from '../arguments.ts';
import { choose } from '../choose.ts';
import { serverOf } from '../client.ts';
import type { CommandContext } from '../command.ts';
import { agoText, timeText, wordPiece } from '../pieces.ts';

type User = ResponseOf<(typeof CONTROL_ROUTES)['users']>['items'][number];

/** `cordon users list` */
export async function list(context: CommandContext): Promise<number> {
  const { out } = context;
  const found = await serverOf(context).ask('users', {});
  if (out.isJson) {
    out.document(found);
    return 0;
  }
  out.table(
    [
      { title: 'EMAIL' },
      { title: 'NAME', shrinkTo: 10 },
      { title: 'STATUS' },
      { title: 'GROUPS', shrinkTo: 10 },
      { title: 'RISK' },
      { title: 'SESSIONS', align: 'right' },
      { title: 'FACTORS', isWrapped: true },
    ],
    found.items.map(({ email, name, status, groups: names, factors, risk, sessions }) => [
      email,
      name,
      wordPiece(status),
      names.join(' '),
      wordPiece(risk.level),
      String(sessions),
      factorsText(factors),
    ]),
    'no people yet; invite some with `cordon users invite EMAIL`',
  );
  return 0;
}

function factorsText({ password, totp, passkeys, recoveryCodesLeft }: User['factors']): string {
  const parts = [
    ...(password ? ['password'] : []),
    ...(totp ? ['totp'] : []),
    ...(passkeys > 0 ? [passkeys === 1 ? 'passkey' : `${passkeys} passkeys`] : []),
    ...(recoveryCodesLeft > 0 ? [`${recoveryCodesLeft} recovery`] : []),
  ];
  return parts.length === 0 ? 'none' : parts.join(', ');
}

async function userNamed(context: CommandContext): Promise<User> {
  const { items } = await serverOf(context).ask('users', {});
  const candidates = items.map((user) => ({ id: user.id, names: [user.email, user.name], user }));
  return choose({ noun: 'person', list: 'users list' }, context.args.at(0), candidates).user;
}

/** `cordon users invite` */
export async function invite(context: CommandContext): Promise<number> {
  const { args } = context;
  const body = { email: args.at(0), name: args.text('name') ?? '', groups: [...args.list('group')] };
  return tellLink(context, args.at(0), await serverOf(context).ask('invite', { body }));
}

/** `cordon users reset` */
export async function reset(context: CommandContext): Promise<number> {
  const { id, email } = await userNamed(context);
  return tellLink(context, email, await serverOf(context).ask('resetUser', { params: { id } }));
}

function tellLink(
  { world, out }: CommandContext,
  email: string,
  invitation: ResponseOf<(typeof CONTROL_ROUTES)['invite']>,
): number {
  if (out.isJson) {
    out.document(invitation);
    return 0;
  }
  const { url, expiresAt } = invitation;
  out.line(url);
  const until = `until ${timeText(expiresAt)} (${agoText(expiresAt, world.clock.now())})`;
  out.note(`the link works once, ${until}; hand it to ${email} in a way you trust`);
  return 0;
}

/** `cordon users disable` */
export async function disable(context: CommandContext): Promise<number> {
  const user = await userNamed(context);
  await serverOf(context).ask('disableUser', { params: { id: user.id } });
  return tellDone(context, user, 'disabled; sessions and connections are ended');
}

/** `cordon users enable` */
export async function enable(context: CommandContext): Promise<number> {
  const user = await userNamed(context);
  await serverOf(context).ask('enableUser', { params: { id: user.id } });
  return tellDone(context, user, 'enabled');
}

/** `cordon users remove` */
export async function remove(context: CommandContext): Promise<number> {
  const user = await userNamed(context);
  await serverOf(context).ask('removeUser', { params: { id: user.id } });
  return tellDone(context, user, 'removed');
}

/** `cordon users clear-risk` */
export async function clearRisk(context: CommandContext): Promise<number> {
  const user = await userNamed(context);
  await serverOf(context).ask('clearRisk', { params: { id: user.id } });
  return tellDone(context, user, 'cleared of risk');
}

function tellDone({ out }: CommandContext, { id, email }: User, what: string): number {
  if (out.isJson) out.document({ ok: true, id });
  else out.line(`${email} is ${what}`);
  return 0;
}

/** `cordon users groups` */
export async function groups(context: CommandContext): Promise<number> {
  const { args } = context;
  const [added, removed] = [args.list('add'), args.list('remove')];
  const isChange = added.length + removed.length > 0;
  if (args.positionals.length === 0) {
    if (isChange) throw misuse(args.row, 'whose groups? name a person before `--add` and `--remove`');
    return await listGroups(context);
  }
  const user = await userNamed(context);
  const after = [...new Set([...user.groups, ...added])].filter((name) => !removed.includes(name)).sort();
  if (isChange) await serverOf(context).ask('setUserGroups', { params: { id: user.id }, body: { groups: after } });
  if (context.out.isJson) context.out.document({ id: user.id, groups: after });
  else context.out.line(`${user.email} is in ${after.length === 0 ? 'no group' : after.join(', ')}`);
  return 0;
}

async function listGroups(context: CommandContext): Promise<number> {
  const { out } = context;
  const found = await serverOf(context).ask('groups', {});
  if (out.isJson) out.document(found);
  else {
    out.table(
      [
        { title: 'ID' },
        { title: 'NAME', shrinkTo: 12 },
        { title: 'MEMBERS', align: 'right' },
        { title: 'PARENTS', shrinkTo: 12 },
      ],
      found.items.map(({ id, name, members, parents }) => [id, name, String(members), parents.join(' ')]),
      'no groups',
    );
  }
  return 0;
}
