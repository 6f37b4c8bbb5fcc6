import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { classNames, type WorkloadClass } from './class-names.ts';

function named(classes: readonly (Partial<WorkloadClass> & { id: string })[]): string[] {
  return [...classNames(classes.map((one) => ({ labels: {}, segments: [], workloads: ['a', 'b'], ...one }))).values()];
}

describe('the name of a class of workloads', () => {
  it('is its segments when they tell it apart', () => {
    assert.deepEqual(
      named([
        { id: '1', segments: ['web', 'edge'], labels: { env: 'prod' } },
        { id: '2', segments: ['db'] },
      ]),
      ['web+edge', 'db'],
    );
  });

  it('adds the values of the labels in which classes of the same segments differ', () => {
    const labels = (env: string, cloud: string): Record<string, string> => ({ role: 'api', env, cloud });
    assert.deepEqual(
      named([
        { id: '1', segments: ['api'], labels: labels('prod', 'aws') },
        { id: '2', segments: ['api'], labels: labels('staging', 'aws') },
        { id: '3', segments: ['api'], labels: { role: 'api' } },
      ]),
      ['api (aws, prod)', 'api (aws, staging)', 'api (-, -)'],
    );
  });

  it('is the labels without segments, else the only workload, else the id', () => {
    assert.deepEqual(named([{ id: '1', labels: { role: 'web' } }]), ['role=web']);
    assert.deepEqual(named([{ id: '1', workloads: ['db-1'] }]), ['db-1']);
    assert.deepEqual(named([{ id: 'abc' }]), ['abc']);
  });

  it('is never the same for two classes', () => {
    assert.deepEqual(
      named([
        { id: 'aaaaaaaa', segments: ['x'] },
        { id: 'bbbbbbbb', segments: ['x'] },
      ]),
      ['x #aaaaaa', 'x #bbbbbb'],
    );
  });
});
