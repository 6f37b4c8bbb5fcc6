import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertNever, CordonError, formatProblem, manualClock, type Problem } from '#base';

describe('a problem', () => {
  const problem = { code: 'yaml-invalid', message: 'this is not YAML' };
  for (const [name, more, text] of [
    ['without a place', {}, 'this is not YAML (yaml-invalid)'],
    ['with a file', { source: { file: 'a.yaml' } }, 'a.yaml: this is not YAML (yaml-invalid)'],
    ['with a line', { source: { file: 'a.yaml', line: 3 } }, 'a.yaml:3: this is not YAML (yaml-invalid)'],
    ['with all', { source: { file: 'a.yaml', line: 3, column: 5 } }, 'a.yaml:3:5: this is not YAML (yaml-invalid)'],
    ['with a column alone', { source: { file: 'a.yaml', column: 5 } }, 'a.yaml: this is not YAML (yaml-invalid)'],
    ['with a hint', { hint: 'use spaces' }, 'this is not YAML (yaml-invalid)\n  hint: use spaces'],
  ] satisfies [string, Partial<Problem>, string][]) {
    it(`${name} reads as a person needs it`, () => assert.equal(formatProblem({ ...problem, ...more }), text));
  }
});

describe('a failure', () => {
  it('carries code, hint, cause and problems', () => {
    const cause = new Error('ENOSPC');
    const failure = new CordonError('journal-unwritable', 'cannot write', { cause, hint: 'free space' });
    assert.ok(failure instanceof Error);
    assert.deepEqual(
      [failure.name, failure.code, failure.message, failure.hint, failure.cause, failure.problems],
      ['CordonError', 'journal-unwritable', 'cannot write', 'free space', cause, []],
    );
    assert.equal('cause' in new CordonError('x', 'y'), false);
  });

  it('is thrown for a value that no type allows', () => {
    assert.throws(() => assertNever('surprise' as never), /unexpected value `"surprise"`/);
  });
});

describe('a manual clock', () => {
  it('stands still until it is moved, in either direction', () => {
    const clock = manualClock(100);
    assert.equal(clock.now(), 100);
    clock.advance(5);
    clock.advance(-20);
    assert.equal(clock.now(), 85);
  });
});
