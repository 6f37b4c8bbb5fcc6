import type { Actor, Group } from '#model';
import type { StoreTransaction } from '#store';
import type { IdentityContext } from './context.ts';
import { keepingAnAdministrator } from './people.ts';
import { managementEvent } from './record.ts';
import { attempt, type Outcome, Refusal, refuse } from './refusal.ts';

/** Groups of people. */
export interface Groups {
  /** Creates a group. `err`: `group-name-invalid`, `group-exists`, `group-unknown` (a parent). */
  create(input: { id: string; name?: string; parents?: readonly string[]; by: Actor }): Promise<Outcome<Group>>;
  /** Puts a group inside others. `err`: `group-unknown`, `group-cycle`, `last-administrator`. */
  setParents(input: { id: string; parents: readonly string[]; by: Actor }): Promise<Outcome<Group>>;
}

/** Makes the group operations. */
export function groupsOf(context: IdentityContext): Groups {
  return {
    create: async ({ id, name, parents = [], by }) => {
      if (!/^[a-z][a-z0-9-]{0,62}$/.test(id)) {
        return refuse(
          'group-name-invalid',
          `\`${id}\` is not a group name`,
          'use lower-case letters, digits and dashes, at most 63',
        );
      }
      return await attempt(context.store, by, async (tx) => {
        if ((await tx.get('group', id)) !== undefined) {
          throw new Refusal({
            code: 'group-exists',
            message: `there is a group \`${id}\` already`,
            hint: 'use it, or choose another name',
          });
        }
        await requireGroups(tx, parents);
        const group: Group = { id, name: name ?? id, parents: [...new Set(parents)] };
        await tx.put('group', group);
        await record(context, by, { activity: 'create', message: `created group ${id}`, group });
        return group;
      });
    },
    setParents: async ({ id, parents, by }) =>
      await attempt(context.store, by, async (tx) => {
        await requireGroups(tx, [id, ...parents]);
        const before = await tx.get('group', id);
        const group: Group = { id, name: before?.name ?? id, parents: [...new Set(parents)] };
        await refuseCycle(tx, group);
        await keepingAnAdministrator(tx, async () => await tx.put('group', group));
        await record(context, by, { activity: 'update', message: `moved group ${id}`, group });
        return group;
      }),
  };
}

/** Refuses with `group-unknown` when one of the groups does not exist: a name without a group would match nothing, silently. */
export async function requireGroups(tx: Pick<StoreTransaction, 'get'>, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    if ((await tx.get('group', id)) === undefined) {
      throw new Refusal({
        code: 'group-unknown',
        message: `no group \`${id}\``,
        hint: 'create it first, or correct the name',
      });
    }
  }
}

async function refuseCycle(tx: Pick<StoreTransaction, 'get'>, group: Group): Promise<void> {
  const seen = new Set<string>();
  const queue = [...group.parents];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    if (id === group.id) {
      throw new Refusal({
        code: 'group-cycle',
        message: `\`${group.id}\` would be inside itself`,
        hint: 'leave out the parent that is inside this group',
      });
    }
    if (seen.has(id)) continue;
    seen.add(id);
    queue.push(...((await tx.get('group', id))?.parents ?? []));
  }
}

async function record(
  context: IdentityContext,
  by: Actor,
  { activity, message, group }: { activity: 'create' | 'update'; message: string; group: Group },
): Promise<void> {
  const detail = { group: group.id, parents: group.parents };
  await context.journal.append(managementEvent(context, { activity, message, by, severity: 'low', detail }));
}
