import { Gathering, type PaperApp, type PaperWorld, reference, times } from './app.ts';
import type { Choices } from './random.ts';

const POLICIES = `
permit (principal, action == Action::"readDocument", resource)
when { resource in principal.viewAccess };

permit (principal, action in [Action::"readDocument", Action::"writeDocument", Action::"shareDocument"], resource is Document)
when { resource.owner == principal };

permit (principal, action == Action::"readDocument", resource is Document)
when { resource.isPublic };

permit (principal, action == Action::"createDocument", resource is Folder)
when { resource.owner == principal };

permit (principal, action == Action::"createDocument", resource is Folder)
when { resource in principal.editAccess };
`;

/**
 * Documents in folders, shared with people and groups. Each person has a view, above which nothing is; what is shared with the person, or
 * with a group of the person, is in it. With `isBroken` the shares name views that nobody has, as the paper's generator did.
 */
function world(size: number, choices: Choices, isBroken: boolean): PaperWorld {
  const all = new Gathering();
  const viewOf = (kind: string, at: number): string => `${kind} ${isBroken ? at : `${kind.toLowerCase()}_${at}`}`;
  const views = times(size, (at) => all.add('View', `User user_${at}`));
  const edits = times(size, (at) => all.add('View', `Edit user_${at}`));
  const users = times(size, (at) =>
    all.add('User', `user_${at}`, {
      viewAccess: reference(views[at] ?? { type: 'View', id: '' }),
      editAccess: reference(edits[at] ?? { type: 'View', id: '' }),
    }),
  );
  const groups = times(size, (at) => all.add('Group', `group_${at}`));
  const groupViews = times(size, (at) => all.add('View', `Group group_${at}`));
  const sharedViews = times(size, (at) => ({ type: 'View', id: viewOf('User', at) }));
  const sharedGroupViews = times(size, (at) => ({ type: 'View', id: viewOf('Group', at) }));
  const folders = times(size, (at) => all.add('Folder', `folder_${at}`, { owner: reference(choices.pick(users)) }));
  const documents = times(size, (at) =>
    all.add('Document', `doc_${at}`, { owner: reference(choices.pick(users)), isPublic: choices.chance(0.05) }),
  );
  // A member of a group sees what the group sees.
  for (const [at, user] of users.entries())
    for (const [group, uid] of groups.entries()) {
      if (!choices.chance(0.05)) continue;
      all.connect(user, uid);
      all.connect(groupViews[group] ?? uid, views[at] ?? uid);
    }
  all.nestSome(choices, folders);
  all.connectSome(choices, documents, folders);
  for (const shared of [sharedViews, sharedGroupViews]) all.connectSome(choices, [...documents, ...folders], shared);
  all.connectSome(choices, folders, edits);
  const actions = ['readDocument', 'readDocument', 'writeDocument', 'shareDocument', 'createDocument'];
  return {
    entities: all.entities,
    request: () => {
      const id = choices.pick(actions);
      const resource = choices.pick(id === 'createDocument' ? folders : documents);
      return { principal: choices.pick(users), action: { type: 'Action', id }, resource, context: {} };
    },
  };
}

/** Documents, folders and shares. */
export const gdrive: PaperApp = {
  name: 'gdrive',
  policies: POLICIES,
  world: (size, choices) => world(size, choices, false),
};

/** The same with the shares of the paper's generator, which never matched: nearly every question is denied. */
export const brokenGdrive: PaperApp = {
  name: 'gdrive with the paper’s view names',
  policies: POLICIES,
  world: (size, choices) => world(size, choices, true),
};
