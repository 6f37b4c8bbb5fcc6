import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { streamsOf } from './streams.ts';

describe('streamsOf', () => {
  it('says that the gateway cuts streams of any tier', () => {
    for (const tier of [0, 1, 2, 3] as const) assert.equal(streamsOf({}, tier), 'cut');
  });

  it('says that behind another proxy T0 and T1 have none, and that others go on', () => {
    const fates = ([0, 1, 2, 3] as const).map((tier) => streamsOf({ enforcedBy: 'forward-auth' }, tier));
    assert.deepEqual(fates, ['refused', 'refused', 'uncut', 'uncut']);
  });
});
