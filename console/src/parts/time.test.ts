/// <reference types="node" />
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { relative } from './time.ts';

const NOW = 1_000_000_000_000;

describe('a time beside now', () => {
  for (const [difference, text] of [
    [0, 'just now'],
    [-4999, 'just now'],
    [4999, 'just now'],
    [-40_000, '40 s ago'],
    [-180_000, '3 min ago'],
    [-5_400_000, '2 h ago'],
    [-172_800_000, '2 d ago'],
    [7_200_000, 'in 2 h'],
    [30_000, 'in 30 s'],
  ] as const) {
    it(`${difference} ms away reads \`${text}\``, () => assert.equal(relative(NOW + difference, NOW), text));
  }
});
