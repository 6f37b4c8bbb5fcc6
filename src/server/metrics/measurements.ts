import type { Measurements, TimesByLabel } from '#gateway';

type Servers = Measurements['servers'];

/** Of no gateway. */
export const NO_MEASUREMENTS: Measurements = {
  ...{ boundsMs: [], added: {}, firstByte: {}, cuts: {}, servers: [] },
  ...{ underWay: 0, graphSeq: Number.POSITIVE_INFINITY, staleMs: 0, droppedTraces: 0 },
};

/** What several gateways measured, as one: a server is well when all of them say so, and the copy furthest behind counts. */
export function addMeasurements(all: readonly Measurements[]): Measurements {
  return {
    boundsMs: all.find(({ boundsMs }) => boundsMs.length > 0)?.boundsMs ?? [],
    added: addTimes(all.map(({ added }) => added)),
    firstByte: addTimes(all.map(({ firstByte }) => firstByte)),
    cuts: addTimes(all.map(({ cuts }) => cuts)),
    servers: agreed(all.flatMap(({ servers }) => servers)),
    underWay: all.reduce((sum, { underWay }) => sum + underWay, 0),
    graphSeq: Math.min(...all.map(({ graphSeq }) => graphSeq)),
    droppedTraces: all.reduce((sum, { droppedTraces }) => sum + droppedTraces, 0),
    staleMs: Math.max(0, ...all.map(({ staleMs }) => staleMs)),
  };
}

function agreed(servers: Servers): Servers[number][] {
  const byName = new Map<string, Servers[number]>();
  for (const one of servers) {
    const key = `${one.appId} ${one.server}`;
    byName.set(key, { ...one, isHealthy: one.isHealthy && byName.get(key)?.isHealthy !== false });
  }
  return [...byName.values()];
}

/** Adds up times that several gateways counted. */
function addTimes(all: readonly TimesByLabel[]): TimesByLabel {
  const sums = new Map<string, { readonly counts: number[]; sumMs: number }>();
  for (const [label, { counts, sumMs }] of all.flatMap((one) => Object.entries(one))) {
    const sum = sums.get(label);
    if (sum === undefined) {
      sums.set(label, { counts: [...counts], sumMs });
      continue;
    }
    for (const [at, count] of counts.entries()) sum.counts[at] = (sum.counts[at] ?? 0) + count;
    sum.sumMs += sumMs;
  }
  return Object.fromEntries(sums);
}
