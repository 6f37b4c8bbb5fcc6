import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Measurements } from '#gateway';
import { addMeasurements, NO_MEASUREMENTS } from './measurements.ts';

const times = fc.dictionary(
  fc.constantFrom('wiki', 'git', '__proto__'),
  fc.record({ counts: fc.array(fc.nat(), { minLength: 3, maxLength: 3 }), sumMs: fc.nat() }),
);
const countOf = ({ added }: Measurements): number =>
  Object.values(added)
    .flatMap(({ counts }) => counts)
    .reduce((a, b) => a + b, 0);

describe('what several gateways measured', () => {
  it('loses nothing that one of them counted, whatever the labels are', () => {
    fc.assert(
      fc.property(fc.array(times, { maxLength: 4 }), (all) => {
        const measured = all.map((added): Measurements => ({ ...NO_MEASUREMENTS, added }));
        assert.equal(
          countOf(addMeasurements(measured)),
          measured.map(countOf).reduce((a, b) => a + b, 0),
        );
      }),
    );
  });

  it('calls a server well when all of them do, and takes the copy that is furthest behind', () => {
    const of = (isHealthy: boolean, graphSeq: number, staleMs: number): Measurements => ({
      ...NO_MEASUREMENTS,
      ...{ servers: [{ appId: 'wiki', server: 'a:80', isHealthy }], underWay: 2, graphSeq, staleMs },
    });
    const { servers, underWay, graphSeq, staleMs } = addMeasurements([
      of(true, 9, 0),
      of(false, 7, 400),
      of(true, 8, 20),
    ]);
    assert.deepEqual(servers, [{ appId: 'wiki', server: 'a:80', isHealthy: false }]);
    assert.deepEqual([underWay, graphSeq, staleMs], [6, 7, 400]);
  });
});
