import type { CONTROL_ROUTES, ResponseOf } from '#contract';
import { misuse } from '../arguments.ts';
import { type Server, serverOf } from '../client.ts';
import type { CommandContext } from '../command.ts';
import type { Output, Piece } from '../output.ts';
import { countText } from '../pieces.ts';

type Search = ResponseOf<(typeof CONTROL_ROUTES)['whoCan']>;
type Item = Search['items'][number];
type Page = (query: { after?: string; limit: number }) => Promise<Search>;

const ACTIONS = ['access', 'view', 'manage'] as const;
/** Answers that are asked for at a time. */
const PAGE = 10_000;

/** `cordon policy who-can` */
export async function whoCan(context: CommandContext): Promise<number> {
  const { args } = context;
  const action = ACTIONS.find((one) => one === args.at(0));
  if (action === undefined) {
    const hint = args.at(0) === 'connect' ? 'ask `cordon segments plan` who may connect to whom' : undefined;
    throw misuse(args.row, `\`${args.at(0)}\` is not one of ${ACTIONS.join(', ')}`, hint);
  }
  const resource = args.positionals[1];
  if ((action === 'access') !== (resource !== undefined)) {
    throw misuse(
      args.row,
      action === 'access' ? '`access` needs the id of an app' : `\`${action}\` is about Cordon itself`,
    );
  }
  const server = serverOf(context);
  const query = { action, ...(resource === undefined ? {} : { resource }), ...known(context) };
  return await list(context, async (page) => await server.ask('whoCan', { query: { ...query, ...page } }), tellPeople);
}

/** `cordon policy what-can` */
export async function whatCan(context: CommandContext): Promise<number> {
  const server: Server = serverOf(context);
  const query = { user: context.args.at(0), ...known(context) };
  return await list(context, async (page) => await server.ask('whatCan', { query: { ...query, ...page } }), tellThings);
}

function known({ args }: CommandContext): {
  method?: string;
  path?: string;
  address?: string;
  when: 'could' | 'now';
} {
  const [method, path, address] = [args.text('method'), args.text('path'), args.text('address')];
  return {
    ...(method === undefined ? {} : { method }),
    ...(path === undefined ? {} : { path }),
    ...(address === undefined ? {} : { address }),
    when: args.has('now') ? 'now' : 'could',
  };
}

/** Reads page after page, up to the limit; says so when there is more. Exits 1 when there is nobody. */
async function list(
  { args, out }: CommandContext,
  ask: Page,
  tell: (out: Output, items: readonly Item[]) => void,
): Promise<number> {
  const limit = args.integer('limit', 1, 100_000_000) ?? Infinity;
  const items: Item[] = [];
  let page = await ask({ limit: Math.min(PAGE, limit) });
  items.push(...page.items);
  while (page.next !== undefined && items.length < limit) {
    page = await ask({ limit: Math.min(PAGE, limit - items.length), after: page.next });
    items.push(...page.items);
  }
  const { assumptions, next } = page;
  if (out.isJson) out.document({ assumptions, items, ...(next === undefined ? {} : { next }) });
  else {
    tell(out, items);
    if (assumptions.length > 0) out.note(`assumed: ${assumptions.join('; ')}`);
    if (next !== undefined)
      out.note({ text: 'warning: ', look: 'yellow' }, `there are more than ${countText(items.length, 'answer')}`);
  }
  return items.length === 0 ? 1 : 0;
}

function tellPeople(out: Output, items: readonly Item[]): void {
  out.table(
    [
      { title: 'PERSON' },
      { title: 'ANSWER' },
      { title: 'DECIDED BY', shrinkTo: 16 },
      { title: 'DEPENDS ON', isWrapped: true },
    ],
    items.map((item) => [item.email, answerPiece(item), item.policies.join(', '), item.dependsOn.join(', ')]),
    'nobody',
  );
}

function tellThings(out: Output, items: readonly Item[]): void {
  out.table(
    [
      { title: 'ACTION' },
      { title: 'RESOURCE' },
      { title: 'ANSWER' },
      { title: 'DECIDED BY', shrinkTo: 16 },
      { title: 'DEPENDS ON', isWrapped: true },
    ],
    items.map((item) => [
      item.action,
      item.resource,
      answerPiece(item),
      item.policies.join(', '),
      item.dependsOn.join(', '),
    ]),
    'nothing',
  );
}

function answerPiece({ answer, sessions }: Item): Piece {
  const text = sessions === undefined ? answer : `${answer}, with ${countText(sessions, 'session')}`;
  return { text, look: answer === 'yes' ? 'green' : 'yellow' };
}
