import { Gathering, type PaperApp, type PaperWorld, reference, times } from './app.ts';
import type { Choices } from './random.ts';

const POLICIES = `
permit (principal is User, action in [Action::"createList", Action::"getLists"], resource == Application::"tinytodo");

permit (principal, action, resource is List)
when { resource.owner == principal };

permit (principal, action == Action::"getList", resource is List)
when { principal in resource.readers || principal in resource.editors };

permit (principal, action in [Action::"updateList", Action::"createTask", Action::"updateTask", Action::"deleteTask"], resource is List)
when { principal in resource.editors };
`;

const OF_LIST = ['getList', 'getList', 'updateList', 'deleteList', 'createTask', 'updateTask', 'deleteTask'];
const MOST_TASKS = 50;

function world(size: number, choices: Choices): PaperWorld {
  const all = new Gathering();
  const application = all.add('Application', 'tinytodo');
  const users = times(size, (at) => all.add('User', `user_${at}`));
  const teams = times(size, (at) => all.add('Team', `team_${at}`));
  all.connectSome(choices, users, teams);
  all.nestSome(choices, teams);
  const lists = times(size, (at) => {
    const [readers, editors] = [all.add('Team', `list_${at} readers`), all.add('Team', `list_${at} editors`)];
    all.connectSome(choices, [...users, ...teams], [readers, editors]);
    const tasks = times(choices.below(MOST_TASKS + 1), (id) => ({
      id,
      name: `task ${id}`,
      isDone: choices.chance(0.5),
    }));
    return all.add('List', `list_${at}`, {
      name: `list ${at}`,
      owner: reference(choices.pick(users)),
      readers: reference(readers),
      editors: reference(editors),
      tasks,
    });
  });
  return {
    entities: all.entities,
    request: () => {
      const principal = choices.pick(users);
      if (choices.chance(0.1))
        return {
          principal,
          action: { type: 'Action', id: choices.pick(['createList', 'getLists']) },
          resource: application,
          context: {},
        };
      return {
        principal,
        action: { type: 'Action', id: choices.pick(OF_LIST) },
        resource: choices.pick(lists),
        context: {},
      };
    },
  };
}

/** Lists of tasks with owners, readers and editors. */
export const tinytodo: PaperApp = { name: 'tinytodo', policies: POLICIES, world };
