import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { delimited, integer, readMessage } from './protobuf.ts';

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

describe('messages of protocol buffers', () => {
  it('are written as the encoding says', () => {
    // The examples of the encoding guide: 150 in field 1, "testing" in field 2.
    assert.deepEqual(integer(1, 150), hex('08 96 01'));
    assert.deepEqual(delimited(2, 'testing'), hex('12 07 74 65 73 74 69 6e 67'));
    assert.deepEqual(integer(1, 0), hex('08 00'));
  });

  it('are read field by field, in order', () => {
    const message = Buffer.concat([integer(1, 5), delimited(2, 'a'), delimited(2, ''), delimited(1000, 'b')]);
    assert.deepEqual(readMessage(message), {
      ok: true,
      value: [
        { number: 1 },
        { number: 2, octets: Buffer.from('a') },
        { number: 2, octets: Buffer.from('') },
        { number: 1000, octets: Buffer.from('b') },
      ],
    });
  });

  it('may hold fixed numbers, which are passed over', () => {
    const read = readMessage(hex('09 0000000000000000 15 00000000 1a 01 61'));
    assert.deepEqual(read, {
      ok: true,
      value: [{ number: 1 }, { number: 2 }, { number: 3, octets: Buffer.from('a') }],
    });
  });

  const refused: Record<string, string> = {
    'a length beyond the end': '12 05 61',
    'a key that is cut off': '80',
    'a key without an end': 'ffffffffffffffffffff01',
    'a group': '0b 0c',
    'a wire type that does not exist': '0e',
    'field 0': '02 01 61',
    'a number cut off': '08 96',
    'a fixed number cut off': '09 00',
    'a length of 2^63': '12 ffffffffffffffffff01',
  };
  for (const [what, octets] of Object.entries(refused)) {
    it(`are refused with ${what}`, () => assert.ok(!readMessage(hex(octets)).ok));
  }

  it('are refused with more fields than any request has', () => {
    assert.ok(!readMessage(Buffer.alloc(2 * 4097, integer(1, 0))).ok);
    assert.ok(readMessage(Buffer.alloc(2 * 4096, integer(1, 0))).ok);
  });

  it('read back what was written', () => {
    const fields = fc.array(fc.tuple(fc.integer({ min: 1, max: 5000 }), fc.uint8Array({ maxLength: 300 })));
    fc.assert(
      fc.property(fields, (written) => {
        const read = readMessage(
          Buffer.concat(written.map(([number, octets]) => delimited(number, Buffer.from(octets)))),
        );
        assert.ok(read.ok);
        assert.deepEqual(
          read.value,
          written.map(([number, octets]) => ({ number, octets: Buffer.from(octets) })),
        );
      }),
    );
  });

  it('never throw, and never reach beyond their end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
        const read = readMessage(Buffer.from(octets));
        if (!read.ok) return;
        const size = read.value.reduce((sum, field) => sum + (field.octets?.length ?? 0), 0);
        assert.ok(size <= octets.length);
      }),
    );
  });
});
