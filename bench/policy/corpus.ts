import type { CedarRequest, EntityJson } from '#policy';
import { reference, times } from './app.ts';
import type { Choices } from './random.ts';

/** The schema of both corpora: policies of this size are loaded as in production, strictly validated. */
export const CORPUS_SCHEMA = `
entity Group in [Group];
entity User in [Group];
entity Folder in [Folder] { isArchived: Bool };
entity Doc in [Folder] { level: Long, class: String, owner: User };
action ${Array.from({ length: 16 }, (_, at) => `a${at}`).join(', ')}
appliesTo { principal: [User], resource: [Doc], context: { mfa: Bool } };
`;

/** A head, and what follows it. */
interface Grant {
  readonly effect: 'permit' | 'forbid';
  /** What the head says behind `principal`. */
  readonly principal: string;
  readonly actions: readonly string[];
  readonly resource: string;
  readonly condition: string;
}

/** Many policies, those they are about, and questions that often match. */
export interface Corpus {
  /** The policies with what they are about in their heads. */
  readonly policies: Record<string, string>;
  /** The same policies with everything in their conditions, so that no index can help: each has to be evaluated. */
  readonly scanned: () => Record<string, string>;
  readonly entities: EntityJson[];
  readonly request: () => CedarRequest;
}

/** `grants` or `organisation`, see the functions of these names. */
export type CorpusName = 'grants' | 'organisation';

/** Makes a corpus of so many policies. */
export function corpus(name: CorpusName, count: number, choices: Choices): Corpus {
  return (name === 'grants' ? grants : organisation)(count, choices);
}

/**
 * The proportions of Treetop's corpus: nine tenths permit; one twelfth is for a group, the rest for one person; six in seven are about one
 * document, the others about all public ones. Five grants a person, three groups each, sixteen actions.
 */
function grants(count: number, choices: Choices): Corpus {
  const sizes = {
    users: Math.ceil(count / 5),
    groups: Math.max(64, Math.ceil(count / 200)),
    docs: Math.max(2048, Math.ceil(count / 10)),
    folders: 1,
  };
  const all = times(count, (): Grant => {
    const isOne = choices.below(7) > 0;
    return {
      effect: choices.chance(0.1) ? 'forbid' : 'permit',
      principal:
        choices.below(13) > 0 ? named('== User', sizes.users, choices) : named('in Group', sizes.groups, choices),
      actions: [action(choices)],
      resource: isOne ? named('== Doc', sizes.docs, choices) : 'is Doc',
      condition: isOne ? '' : 'resource.class == "public"',
    };
  });
  return corpusOf(all, entitiesOf(sizes, choices, 0), sizes, choices);
}

/**
 * A large organisation: a tenth as many groups as policies and a twentieth as many folders, both nested; half of the grants are for one
 * person on one document, two fifths for a group in a folder or under a condition, the rest on folders with conditions, and forbids.
 */
function organisation(count: number, choices: Choices): Corpus {
  const sizes = {
    users: Math.ceil(count / 5),
    groups: Math.ceil(count / 10),
    docs: Math.ceil(count / 2),
    folders: Math.ceil(count / 20),
  };
  return corpusOf(
    times(count, () => organisationGrant(sizes, choices)),
    entitiesOf(sizes, choices, 8),
    sizes,
    choices,
  );
}

type Sizes = Readonly<Record<'users' | 'groups' | 'docs' | 'folders', number>>;

function named(type: string, limit: number, choices: Choices): string {
  return `${type}::"${choices.below(limit)}"`;
}

function action(choices: Choices): string {
  return `a${choices.below(16)}`;
}

function organisationGrant(sizes: Sizes, choices: Choices): Grant {
  const user = named('== User', sizes.users, choices);
  const group = named('in Group', sizes.groups, choices);
  const folder = named('in Folder', sizes.folders, choices);
  const actions = [`a${choices.below(5)}`];
  const kind = choices.below(100);
  const common = { effect: 'permit', principal: group, actions, resource: folder, condition: '' } as const;
  if (kind < 50) return { ...common, principal: user, resource: named('== Doc', sizes.docs, choices) };
  if (kind < 75) return { ...common, actions: ['a0', ...actions] };
  if (kind < 90)
    return { ...common, resource: 'is Doc', condition: `resource.level <= ${choices.below(5)} && context.mfa` };
  if (kind < 98) return { ...common, principal: user, condition: 'resource.owner == principal' };
  return { ...common, effect: 'forbid', actions: ['a3'], condition: '!context.mfa' };
}

function corpusOf(all: readonly Grant[], entities: EntityJson[], sizes: Sizes, choices: Choices): Corpus {
  const write = (textOf: (one: Grant) => string): Record<string, string> =>
    Object.fromEntries(all.map((one, at) => [`grant-${at}`, textOf(one)]));
  const uid = (type: string, id: number): EntityJson['uid'] => ({ type, id: String(id) });
  return {
    policies: write(scopedText),
    scanned: () => write(scannedText),
    entities,
    request: () => {
      const { principal, actions, resource } = choices.pick(all);
      const isAimed = choices.chance(0.6);
      const user = /User::"(\d+)"/.exec(principal)?.[1] ?? choices.below(sizes.users);
      const doc = (isAimed ? /Doc::"(\d+)"/.exec(resource)?.[1] : undefined) ?? choices.below(sizes.docs);
      return {
        principal: uid('User', Number(user)),
        action: { type: 'Action', id: isAimed ? choices.pick(actions) : action(choices) },
        resource: uid('Doc', Number(doc)),
        context: { mfa: choices.chance(0.8) },
      };
    },
  };
}

function scopedText({ effect, principal, actions, resource, condition }: Grant): string {
  const [first = ''] = actions;
  const about =
    actions.length === 1 ? `== Action::"${first}"` : `in [${actions.map((id) => `Action::"${id}"`).join(', ')}]`;
  const when = condition === '' ? '' : ` when { ${condition} }`;
  return `${effect} (principal ${principal}, action ${about}, resource ${resource})${when};`;
}

function scannedText({ effect, principal, actions, resource, condition }: Grant): string {
  const about = `[${actions.map((id) => `Action::"${id}"`).join(', ')}].contains(action)`;
  const tests = [`principal ${principal}`, about, `resource ${resource}`, ...(condition === '' ? [] : [condition])];
  return `${effect} (principal, action, resource) when { ${tests.join(' && ')} };`;
}

/** Groups and folders form trees in which each has `branches` below it; none is below another with no branches. */
function entitiesOf(sizes: Sizes, choices: Choices, branches: number): EntityJson[] {
  const above = (type: string, at: number): EntityJson['uid'][] =>
    at === 0 || branches === 0 ? [] : [{ type, id: String(Math.floor((at - 1) / branches)) }];
  const groups = times(sizes.groups, (at) => entity('Group', at, {}, above('Group', at)));
  const folders = times(sizes.folders, (at) =>
    entity('Folder', at, { isArchived: choices.chance(0.1) }, above('Folder', at)),
  );
  const some = (type: string, count: number, limit: number): EntityJson['uid'][] =>
    times(count, () => ({ type, id: String(choices.below(limit)) }));
  const users = times(sizes.users, (at) => entity('User', at, {}, some('Group', 3, sizes.groups)));
  const docs = times(sizes.docs, (at) => {
    const owner = reference({ type: 'User', id: String(choices.below(sizes.users)) });
    const attrs = { level: choices.below(10), class: choices.chance(0.3) ? 'public' : 'internal', owner };
    return entity('Doc', at, attrs, some('Folder', 1, sizes.folders));
  });
  return [...groups, ...folders, ...users, ...docs];
}

function entity(type: string, id: number, attrs: EntityJson['attrs'], parents: EntityJson['uid'][]): EntityJson {
  return { uid: { type, id: String(id) }, attrs, parents };
}
