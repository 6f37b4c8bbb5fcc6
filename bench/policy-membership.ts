/**
 * Claims: who joins or leaves a group is judged by it at once. 100,000 people in 1,000 nested groups; one person changes groups, or a whole
 * group moves below another: how long the change and the next decision take together. The baseline builds the entities anew.
 */
import { authorize, type EntityJson, updateEntities } from '#policy';
import { type BenchOptions, type Measurement, measurement, median, quantile, timed } from './harness.ts';
import { times } from './policy/app.ts';
import { compiled, stored } from './policy/decisions.ts';
import { Choices } from './policy/random.ts';

const PEOPLE = 100_000;
const GROUPS = 1000;
const STAFF = { type: 'Group', id: 'staff' };
const POLICY = 'permit (principal in Group::"staff", action == Action::"open", resource);';

/** Measures the change of one person's groups and of a group's own place. */
export async function run({ quick, progress }: BenchOptions): Promise<Measurement[]> {
  const choices = new Choices(1);
  const entities = everybody(choices);
  progress('baseline');
  const rebuild: number[] = [];
  for (let round = 0; round < (quick ? 1 : 5); round++) rebuild.push(await timed(() => stored(entities)));
  const store = stored(entities);
  const policies = compiled(POLICY);
  const toggle = (entity: EntityJson, person: EntityJson['uid']): number[] =>
    [true, false].map((isMember) => {
      const parents = isMember ? [...entity.parents, STAFF] : entity.parents;
      const start = performance.now();
      const changed = updateEntities(store, { upsert: [{ ...entity, parents }] });
      const request = {
        principal: person,
        action: { type: 'Action', id: 'open' },
        resource: { type: 'App', id: 'payroll' },
      };
      const { decision } = authorize(policies, store, request);
      const end = performance.now();
      if (!changed.ok) throw new Error(`the change is refused: ${JSON.stringify(changed.error[0])}`);
      if (decision !== (isMember ? 'allow' : 'deny')) throw new Error(`the change is not seen: ${decision}`);
      return end - start;
    });
  const people = entities.slice(GROUPS + 1);
  const person: number[] = [];
  const group: number[] = [];
  for (let round = 0; round < (quick ? 300 : 3000); round++) {
    if (round % 100 === 0) progress(`change ${round}`);
    const one = choices.pick(people);
    person.push(...toggle(one, one.uid));
    // The first tenth of the groups have most others, and so most people, below them.
    const upper = entities[1 + choices.below(GROUPS / 10)];
    const below = people.find(({ parents }) => parents.some(({ id }) => id === upper?.uid.id));
    if (upper !== undefined && below !== undefined) group.push(...toggle(upper, below.uid));
  }
  return [claim('person', person, rebuild), claim('group', group, rebuild)];
}

function everybody(choices: Choices): EntityJson[] {
  const groups = times(GROUPS, (at) => ({
    uid: { type: 'Group', id: `g${at}` },
    attrs: {},
    parents: at === 0 ? [] : [{ type: 'Group', id: `g${Math.floor((at - 1) / 8)}` }],
  }));
  const people = times(PEOPLE, (at) => ({
    uid: { type: 'User', id: `u${at}` },
    attrs: { name: `person ${at}` },
    parents: times(5, () => ({ type: 'Group', id: `g${choices.below(GROUPS)}` })),
  }));
  return [{ uid: STAFF, attrs: {}, parents: [] }, ...groups, ...people];
}

function claim(what: string, values: readonly number[], rebuild: readonly number[]): Measurement {
  return measurement({
    claim: `policy-membership-${what}`,
    value: median(values),
    unit: 'ms',
    baseline: median(rebuild),
    baselineName: 'all entities read anew',
    better: 'less',
    target: 0.003,
    note: `wanted under 1 ms; ${values.length} changes with the next decision, p99 ${quantile(values, 0.99).toFixed(3)} ms; ${PEOPLE} people`,
  });
}
