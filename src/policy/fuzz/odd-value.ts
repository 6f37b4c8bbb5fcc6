import type { Random } from './random.ts';

const DATE = { __extn: { fn: 'datetime', arg: '2024-10-15' } };
const ODD: readonly unknown[] = [
  null,
  1.5,
  2n ** 63n,
  -(2n ** 63n) - 1n,
  [1, null],
  { __expr: '1 + 1' },
  { __extn: { fn: 'ip', arg: '10.0.0.256' } },
  { __extn: { fn: 'nothing', arg: 'x' } },
  { __extn: { fn: 'decimal', arg: 1 } },
  { __extn: { fn: 'offset', args: [DATE, { __extn: { fn: 'duration', arg: '1d' } }] } },
  { __extn: { fn: 'toDate', arg: DATE } },
  { __extn: { fn: 'datetime', arg: '2024-10-15' }, more: 1 },
  { __extn: { fn: 'datetime' } },
  { fn: 'ip', arg: '::1' },
  { __entity: { type: 'no name', id: 'x' } },
  { __entity: { type: 'User' } },
  { __entity: { type: 'User', id: 1 } },
  { __entity: { type: 'User', id: 'x' }, more: 1 },
  { __entity: 'User::"x"' },
  { type: 'User', id: 'x' },
];

/** A value that Cedar refuses, or reads in a way one would not think of. */
export function oddValue(random: Random): unknown {
  return random.pick(ODD);
}
