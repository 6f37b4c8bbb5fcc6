/// <reference types="node" />
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { counted } from './count.ts';

describe('a count', () => {
  for (const [count, text] of [
    [0, '0 devices'],
    [1, '1 device'],
    [2, '2 devices'],
  ] as const) {
    it(`of ${count} reads \`${text}\``, () => assert.equal(counted(count, 'device'), text));
  }
});
