/// <reference types="node" />
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { changedNames, readDraft } from './draft.ts';

function tabHolds(value: string | null | Error): void {
  Object.defineProperty(globalThis, 'sessionStorage', {
    configurable: true,
    value: {
      getItem: () => {
        if (value instanceof Error) throw value;
        return value;
      },
    },
  });
}

afterEach(() => Reflect.deleteProperty(globalThis, 'sessionStorage'));

describe('a draft of the policies', () => {
  it('is changed where a file is other, new or gone', () => {
    const active = { 'a.cedar': '1', 'b.cedar': '2', 'c.cedar': '3' };
    assert.deepEqual(changedNames(active, { 'a.cedar': '1', 'b.cedar': 'x', 'd.cedar': '' }).sort(), [
      'b.cedar',
      'c.cedar',
      'd.cedar',
    ]);
    assert.deepEqual(changedNames(active, { ...active }), []);
  });

  it('comes back after a reload', () => {
    tabHolds('{"a.cedar":"permit"}');
    assert.deepEqual(readDraft('k'), { 'a.cedar': 'permit' });
  });

  it('that cannot be read is none, so that the page opens', () => {
    for (const value of [null, '', '{', '[]', '7', 'null', '{"a":1}', new Error('storage is off')]) {
      tabHolds(value);
      assert.equal(readDraft('k'), undefined);
    }
  });
});
