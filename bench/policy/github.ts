import type { EntityJson } from '#policy';
import { CONNECTED, Gathering, type PaperApp, type PaperWorld, reference, times } from './app.ts';
import type { Choices } from './random.ts';

const POLICIES = `
permit (principal, action in [Action::"pull", Action::"fork"], resource is Repository)
when { principal in resource.readers };

permit (principal, action == Action::"triage", resource is Repository)
when { principal in resource.triagers };

permit (principal, action == Action::"push", resource is Repository)
when { principal in resource.writers };

permit (principal, action == Action::"release", resource is Repository)
when { principal in resource.maintainers };

permit (principal, action in [Action::"addReader", Action::"addWriter", Action::"addMaintainer", Action::"addAdmin"], resource is Repository)
when { principal in resource.admins };

permit (principal, action in [Action::"editIssue", Action::"deleteIssue"], resource is Issue)
when { principal == resource.reporter && principal in resource.repo.readers };

permit (principal, action == Action::"assignIssue", resource is Issue)
when { principal in resource.repo.triagers };

permit (principal, action in [Action::"editIssue", Action::"deleteIssue"], resource is Issue)
when { principal in resource.repo.maintainers };
`;

/** From what anybody with access may do to what only few may. Each group is in the one before. */
const LEVELS = ['readers', 'triagers', 'writers', 'maintainers', 'admins'] as const;
const OF_REPOSITORY = [
  'pull',
  'fork',
  'triage',
  'push',
  'release',
  'addReader',
  'addWriter',
  'addMaintainer',
  'addAdmin',
];
const OF_ISSUE = ['editIssue', 'deleteIssue', 'assignIssue'];

function world(size: number, choices: Choices): PaperWorld {
  const all = new Gathering();
  const users = times(size, (at) => all.add('User', `user_${at}`));
  const teams = times(size, (at) => all.add('Team', `team_${at}`));
  const organisations = times(size, (at) => all.add('Organisation', `org_${at}`));
  all.connectSome(choices, users, teams);
  all.nestSome(choices, teams);
  all.connectSome(choices, users, organisations);
  const permissions = times(size, (at) => permissionsOf(all, `repo_${at}`));
  const repositories = permissions.map((levels, at) =>
    all.add(
      'Repository',
      `repo_${at}`,
      Object.fromEntries(LEVELS.map((level, nth) => [level, reference(levels[nth] ?? { type: '', id: '' })])),
    ),
  );
  for (const levels of permissions) {
    const [readers] = levels;
    if (readers !== undefined) all.connect(choices.pick(organisations), readers);
    for (const someone of [...users, ...teams])
      if (choices.chance(CONNECTED)) all.connect(someone, choices.pick(levels));
  }
  const issues = repositories.map((repository, at) =>
    all.add('Issue', `issue_${at}`, { repo: reference(repository), reporter: reference(choices.pick(users)) }),
  );
  return {
    entities: all.entities,
    request: () => {
      const isIssue = choices.chance(0.3);
      const id = choices.pick(isIssue ? OF_ISSUE : OF_REPOSITORY);
      const resource = choices.pick(isIssue ? issues : repositories);
      return { principal: choices.pick(users), action: { type: 'Action', id }, resource, context: {} };
    },
  };
}

function permissionsOf(all: Gathering, repository: string): EntityJson['uid'][] {
  const levels = LEVELS.map((level) => all.add('Permission', `${repository}/${level}`));
  for (const [at, level] of levels.entries()) {
    const below = levels[at - 1];
    if (below !== undefined) all.connect(level, below);
  }
  return levels;
}

/** Repositories with five levels of access, and issues. */
export const github: PaperApp = { name: 'github', policies: POLICIES, world };
