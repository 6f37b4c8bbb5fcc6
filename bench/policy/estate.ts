import type { CedarRequest, EntityJson } from '#policy';
import { reference, times } from './app.ts';
import type { Choices } from './random.ts';

/** The schema of the estate: policies of this size are loaded as in production, strictly validated. */
export const ESTATE_SCHEMA = `
entity Group in [Group];
entity User in [Group];
entity Folder in [Folder] { isArchived: Bool };
entity Doc in [Folder] { level: Long, owner: User };
action read, write, share, delete, audit appliesTo { principal: [User], resource: [Doc], context: { mfa: Bool } };
`;

const ACTIONS = ['read', 'write', 'share', 'delete', 'audit'];

/** A head, what follows it, and whom to ask about so that it is likely to match. */
interface Grant {
  readonly effect: 'permit' | 'forbid';
  readonly principal: string;
  readonly actions: readonly string[];
  readonly resource: string;
  readonly condition: string;
}

/** Policies, entities and questions of an organisation in which most grants are narrow. */
export interface Estate {
  /** The policies with what they are about in their heads. */
  readonly policies: Record<string, string>;
  /** The same policies with everything in their conditions, so that no index can help: each has to be evaluated. */
  readonly scanned: () => Record<string, string>;
  readonly entities: EntityJson[];
  readonly request: () => CedarRequest;
}

/**
 * `count` policies over a fifth as many users, a tenth as many groups (nested), half as many documents in folders (nested): half of them
 * grant one person one action on one document, two fifths a group something in a folder or under a condition, the rest are conditions on
 * folders and forbids.
 */
export function estate(count: number, choices: Choices): Estate {
  const sizes = {
    users: Math.ceil(count / 5),
    groups: Math.ceil(count / 10),
    docs: Math.ceil(count / 2),
    folders: Math.ceil(count / 20),
  };
  const grants = times(count, () => grant(sizes, choices));
  const write = (textOf: (one: Grant) => string): Record<string, string> =>
    Object.fromEntries(grants.map((one, at) => [`grant-${at}`, textOf(one)]));
  const uid = (type: string, id: number): EntityJson['uid'] => ({ type, id: String(id) });
  return {
    policies: write(scopedText),
    scanned: () => write(scannedText),
    entities: entitiesOf(sizes, choices),
    request: () => {
      const { principal, actions, resource } = choices.pick(grants);
      const [user, doc] = [/User::"(\d+)"/.exec(principal)?.[1], /Doc::"(\d+)"/.exec(resource)?.[1]];
      return {
        principal: uid('User', Number(user ?? choices.below(sizes.users))),
        action: { type: 'Action', id: choices.chance(0.8) ? choices.pick(actions) : choices.pick(ACTIONS) },
        resource: uid('Doc', Number(doc ?? choices.below(sizes.docs))),
        context: { mfa: choices.chance(0.8) },
      };
    },
  };
}

type Sizes = Readonly<Record<'users' | 'groups' | 'docs' | 'folders', number>>;

function grant(sizes: Sizes, choices: Choices): Grant {
  const user = `== User::"${choices.below(sizes.users)}"`;
  const group = `in Group::"${choices.below(sizes.groups)}"`;
  const folder = `in Folder::"${choices.below(sizes.folders)}"`;
  const actions = [choices.pick(ACTIONS)];
  const kind = choices.below(100);
  if (kind < 50)
    return {
      effect: 'permit',
      principal: user,
      actions,
      resource: `== Doc::"${choices.below(sizes.docs)}"`,
      condition: '',
    };
  if (kind < 75)
    return { effect: 'permit', principal: group, actions: ['read', ...actions], resource: folder, condition: '' };
  if (kind < 90) {
    const condition = `resource.level <= ${choices.below(5)} && context.mfa`;
    return { effect: 'permit', principal: group, actions, resource: 'is Doc', condition };
  }
  if (kind < 98)
    return { effect: 'permit', principal: user, actions, resource: folder, condition: 'resource.owner == principal' };
  return { effect: 'forbid', principal: group, actions: ['delete'], resource: folder, condition: '!context.mfa' };
}

function scopedText({ effect, principal, actions, resource, condition }: Grant): string {
  const [first = ''] = actions;
  const action =
    actions.length === 1 ? `== Action::"${first}"` : `in [${actions.map((id) => `Action::"${id}"`).join(', ')}]`;
  const when = condition === '' ? '' : ` when { ${condition} }`;
  return `${effect} (principal ${principal}, action ${action}, resource ${resource})${when};`;
}

function scannedText({ effect, principal, actions, resource, condition }: Grant): string {
  const action = `[${actions.map((id) => `Action::"${id}"`).join(', ')}].contains(action)`;
  const tests = [`principal ${principal}`, action, `resource ${resource}`, ...(condition === '' ? [] : [condition])];
  return `${effect} (principal, action, resource) when { ${tests.join(' && ')} };`;
}

function entitiesOf(sizes: Sizes, choices: Choices): EntityJson[] {
  const above = (type: string, at: number): EntityJson['uid'][] =>
    at === 0 ? [] : [{ type, id: String(Math.floor((at - 1) / 8)) }];
  const groups = times(sizes.groups, (at) => entity('Group', at, {}, above('Group', at)));
  const folders = times(sizes.folders, (at) =>
    entity('Folder', at, { isArchived: choices.chance(0.1) }, above('Folder', at)),
  );
  const some = (type: string, count: number, limit: number): EntityJson['uid'][] =>
    times(count, () => ({ type, id: String(choices.below(limit)) }));
  const users = times(sizes.users, (at) => entity('User', at, {}, some('Group', 3, sizes.groups)));
  const docs = times(sizes.docs, (at) => {
    const owner = reference({ type: 'User', id: String(choices.below(sizes.users)) });
    return entity('Doc', at, { level: choices.below(10), owner }, some('Folder', 1, sizes.folders));
  });
  return [...groups, ...folders, ...users, ...docs];
}

function entity(type: string, id: number, attrs: EntityJson['attrs'], parents: EntityJson['uid'][]): EntityJson {
  return { uid: { type, id: String(id) }, attrs, parents };
}
