import { setImmediate } from 'node:timers/promises';
import {
  type Answer,
  type Aspect,
  difference,
  differenceAbout,
  differenceOfSides,
  frontSide,
  oracleSide,
  type Side,
} from './compare.ts';
import type { FuzzRequest } from './requests.ts';
import { shrink } from './shrink.ts';
import { toldOf } from './told.ts';
import { Tally } from './tally.ts';
import { randomScenario, type Scenario, type World } from './world.ts';

/** A world, and perhaps a question, about which the engine and Cedar do not agree. */
export interface Divergence {
  /** Seed of the scenario in which it was found. */
  readonly seed: number;
  readonly aspect: Aspect;
  readonly world: World;
  /** Missing when the world itself is judged differently. */
  readonly request?: FuzzRequest;
}

/** What a run is told. */
export interface CampaignOptions {
  readonly seed: number;
  /** Ends after so many decisions. */
  readonly decisions: number;
  /** Ends when this says so, too. */
  readonly isOver?: () => boolean;
  /** Called after each world. */
  readonly progress?: (tally: Tally, divergences: readonly Divergence[]) => void;
  /** Makes the side under test: this area's engine, unless a test puts a broken one in its place. */
  readonly front?: typeof frontSide;
  /** Larger sets of policies are left out; 1,000 by default. */
  readonly mostPolicies?: number;
}

const MOST_DIVERGENCES = 20;

/** Compares random worlds until enough is decided or too much differs. Every divergence comes back as small as it gets. */
export async function campaign(options: CampaignOptions): Promise<{ tally: Tally; divergences: Divergence[] }> {
  const tally = new Tally();
  const divergences: Divergence[] = [];
  const isOver = (): boolean => options.isOver?.() === true || divergences.length >= MOST_DIVERGENCES;
  for (let seed = options.seed; tally.decisions < options.decisions && !isOver(); seed += 1) {
    const scenario = randomScenario(seed);
    if (scenario.world.policies.length > (options.mostPolicies ?? 1000)) continue;
    const make = options.front ?? frontSide;
    const found = compareScenario(scenario, tally, make);
    if (found !== undefined) divergences.push(minimal({ seed, ...found }, make));
    options.progress?.(tally, divergences);
    await setImmediate(); // so that a signal is heard
  }
  return { tally, divergences };
}

type Found = Omit<Divergence, 'seed'>;

/** The first divergence of a scenario. */
function compareScenario(scenario: Scenario, tally: Tally, make: typeof frontSide): Found | undefined {
  let { world } = scenario;
  let oracle = oracleSide(toldOf(world));
  if (oracle.policyProblems.length > 0) {
    // Not every condition that fits its types is valid: Cedar says which are, and both sides have to agree before they go.
    const aspect = differenceOfSides(make(toldOf(world)), oracle);
    if (aspect !== undefined) return { aspect, world };
    world = withoutWrong(world, oracle.wrongIds);
    oracle = oracleSide(toldOf(world));
  }
  const front = make(toldOf(world));
  const aspect = differenceOfSides(front, oracle);
  if (aspect !== undefined) return { aspect, world };
  if (isRefused(oracle)) {
    tally.refusedWorlds += 1;
    return undefined;
  }
  tally.world(world);
  for (let count = 0; count < scenario.requestCount; count += 1) {
    const request = scenario.request(world.policies, world.links);
    const expected = oracle.ask(request);
    tally.decision(expected);
    const different = differenceAbout(front, expected, request);
    if (different !== undefined) return { aspect: different, world, request };
  }
  return undefined;
}

function isRefused(side: Side): boolean {
  return side.policyProblems.length > 0 || side.entityProblems.length > 0;
}

function withoutWrong(world: World, wrongIds: readonly string[]): World {
  const wrong = new Set(wrongIds);
  const policies = world.policies.filter(({ id }) => !wrong.has(id));
  const left = new Set(policies.map(({ id }) => id));
  const links = world.links.filter(({ newId, templateId }) => !wrong.has(newId) && left.has(templateId));
  return { ...world, policies, links };
}

/** The keys that a world and a question consist of; everything else in them is content. */
const FORM = [
  ...[
    'world',
    'policies',
    'links',
    'entities',
    'schemaFor',
    'isText',
    'isGrown',
    'id',
    'effect',
    'annotations',
    'principal',
  ],
  ...[
    'action',
    'resource',
    'conditions',
    'form',
    'type',
    'kind',
    'body',
    'templateId',
    'newId',
    'values',
    '?principal',
  ],
  ...['?resource', 'uid', 'attrs', 'parents', 'request', 'context'],
];

/** The same divergence with everything left out that it does not need. */
function minimal({ seed, aspect, world, request }: Divergence, make: typeof frontSide): Divergence {
  const start: Omit<Divergence, 'seed' | 'aspect'> = request === undefined ? { world } : { world, request };
  const keeps = (one: typeof start): boolean => difference(toldOf(one.world), one.request, make) === aspect;
  const kept = shrink(start, keeps, { fixed: FORM });
  return { seed, aspect, ...kept };
}

/** Both answers to a divergence, for a report. */
export function answersOf({ world, request }: Divergence): Record<'engine' | 'cedar', Answer | readonly string[]> {
  const told = toldOf(world);
  const [front, oracle] = [frontSide(told), oracleSide(told)];
  const of = (side: Side): Answer | readonly string[] =>
    request === undefined || isRefused(side) ? [...side.policyProblems, ...side.entityProblems] : side.ask(request);
  return { engine: of(front), cedar: of(oracle) };
}
