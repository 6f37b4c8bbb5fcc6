import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { buildEvent, type EventInput, writeEvent } from '#model';

type Input = EventInput<'httpActivity'>;

const inputs: fc.Arbitrary<Input> = fc.record(
  {
    class: fc.constant('httpActivity' as const),
    activity: fc.constantFrom('get' as const, 'cut' as const, 'other' as const),
    time: fc.integer({ min: 0, max: 4e12 }),
    message: fc.string({ unit: 'grapheme' }),
    severity: fc.constantFrom('informational' as const, 'low' as const, 'critical' as const),
    status: fc.constantFrom('success' as const, 'failure' as const),
    statusCode: fc.string(),
    action: fc.constantFrom('allowed' as const, 'denied' as const),
    correlationId: fc.string(),
    attributes: fc.record({ user: fc.record({ uid: fc.string() }), device: fc.jsonValue() }, { requiredKeys: [] }),
    cordon: fc.dictionary(fc.string(), fc.jsonValue()),
  },
  { requiredKeys: ['class', 'activity', 'time', 'message'] },
) as fc.Arbitrary<Input>;

describe('a written event', () => {
  it('is the text of the event built from the same, apart from its id', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const { attributes = {}, cordon, ...rest } = input;
        const written = writeEvent<'httpActivity'>({
          ...rest,
          attributes: JSON.stringify(attributes).slice(1, -1),
          ...(cordon === undefined ? {} : { cordon: JSON.stringify(cordon) }),
        });
        const built = buildEvent(input);
        const withSameId = written.text.replace(/"uid":"evt_[^"]*"/, `"uid":"${built.metadata.uid}"`);
        assert.equal(withSameId, JSON.stringify(built));
        assert.deepEqual([written.time, written.class_uid], [built.time, built.class_uid]);
      }),
    );
  });

  it('has an id of its own', () => {
    const input = { class: 'authentication', activity: 'logon', time: 7, message: '', attributes: '' } as const;
    const ids = Array.from({ length: 1000 }, () => /"uid":"(evt_[^"]*)"/.exec(writeEvent(input).text)?.[1]);
    assert.equal(new Set(ids).size, 1000);
  });
});
