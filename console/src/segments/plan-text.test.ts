/// <reference types="node" />
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { allowed, classNames, type Pair, pieceText, type WorkloadClass } from './plan-text.ts';

function workloads(id: string, segments: string[], labels: Record<string, string> = {}): WorkloadClass {
  return { id, segments, labels, workloads: [] };
}

const names = (...classes: readonly WorkloadClass[]): string[] =>
  [...classNames(classes).values()].map(({ text }) => text);

describe('the name of a class', () => {
  it('is its segments, else its labels, else that it has none', () => {
    assert.deepEqual(
      names(
        workloads('abcdef', ['web', 'eu']),
        workloads('b', [], { app: 'db', env: 'prod' }),
        workloads('abcdef1', []),
      ),
      ['web + eu', 'app=db env=prod', 'no segment (abcd)'],
    );
  });

  it('tells two of the same segments apart by the labels that differ, and by their ids when none does', () => {
    assert.deepEqual(
      names(
        workloads('a', ['web'], { env: 'prod', role: 'web' }),
        workloads('b', ['web'], { env: 'dev', role: 'web' }),
        workloads('c', ['db'], { env: 'prod' }),
      ),
      ['web · env=prod', 'web · env=dev', 'db'],
    );
    assert.deepEqual(names(workloads('aaaa1', ['web']), workloads('bbbb1', ['web'])), ['web · aaaa', 'web · bbbb']);
  });

  it('says which label one lacks that its siblings have', () => {
    assert.deepEqual(names(workloads('a', ['web'], { zone: 'x' }), workloads('b', ['web'])), [
      'web · zone=x',
      'web · no zone',
    ]);
  });

  it('adds the id only to those that labels leave alike', () => {
    const alike = { env: 'prod' };
    assert.deepEqual(
      names(
        workloads('aaaa1', ['web'], alike),
        workloads('bbbb1', ['web'], alike),
        workloads('c', ['web'], { env: 'dev' }),
      ),
      ['web · env=prod aaaa', 'web · env=prod bbbb', 'web · env=dev'],
    );
  });

  it('is there for every class', () => {
    const classes = [workloads('a', []), workloads('b', [])];
    assert.deepEqual([...classNames(classes).keys()], ['a', 'b']);
  });
});

describe('a pair', () => {
  const piece = (effect: string, ports: string): Pair['pieces'][number] => {
    return { protocol: 'tcp', ports, effect, reason: '', policies: [] } as unknown as Pair['pieces'][number];
  };

  it('shows only what is allowed, and nothing when no policy speaks of it', () => {
    const pair = { from: 'a', to: 'b', pieces: [piece('allow', '443'), piece('deny', '22')] };
    assert.deepEqual(allowed(pair).map(pieceText), ['tcp 443']);
    assert.deepEqual(allowed(undefined), []);
  });
});
