import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { encodeFrame } from '#wire';
import { acceptKey, closeFrame, FrameBoundary } from './websocket.ts';

function masked(plain: Buffer): Buffer {
  const head = plain[1] === 126 ? 4 : plain[1] === 127 ? 10 : 2;
  const result = Buffer.concat([plain.subarray(0, head), Buffer.alloc(4), plain.subarray(head)]);
  result[1] = (result[1] ?? 0) | 0x80;
  return result;
}

describe('WebSocket framing (RFC 6455)', () => {
  it('answers the key of section 1.3 with its accept value', () =>
    assert.equal(acceptKey('dGhlIHNhbXBsZSBub25jZQ=='), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='));

  for (const [length, head] of [
    [0, [0x81, 0]],
    [125, [0x81, 125]],
    [126, [0x81, 126, 0, 126]],
    [65_535, [0x81, 126, 0xff, 0xff]],
    [65_536, [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
  ] as const) {
    it(`writes the length ${length} in its shortest form`, () => {
      const bytes = encodeFrame(1, Buffer.alloc(length));
      assert.deepEqual([...bytes.subarray(0, head.length)], head);
      assert.equal(bytes.length, head.length + length);
    });
  }

  it('puts code and reason into a close frame', () => {
    const bytes = closeFrame(4403, 'no-permit: é');
    assert.equal(bytes[0], 0x88);
    assert.equal(bytes.readUInt16BE(2), 4403);
    assert.equal(bytes.subarray(4).toString(), 'no-permit: é');
  });
  it('cuts a long reason to 123 bytes, never inside a character', () => {
    const bytes = closeFrame(4403, '€'.repeat(100));
    assert.equal(bytes.length, 2 + 2 + 123);
    assert.equal(bytes.subarray(4).toString(), '€'.repeat(41));
  });
});

describe('FrameBoundary', () => {
  const messages = fc.array(
    fc.record({
      opcode: fc.constantFrom(1, 2, 9, 10),
      length: fc.oneof(fc.nat(300), fc.constantFrom(125, 126, 127, 65_535, 65_536)),
      mask: fc.boolean(),
    }),
    { minLength: 1, maxLength: 6 },
  );

  it('is open exactly between two frames, however the bytes are cut into chunks', () => {
    fc.assert(
      fc.property(
        messages,
        fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 40 }),
        (list, sizes) => {
          const frames = list.map(({ opcode, length, mask }) => {
            const plain = encodeFrame(opcode, Buffer.alloc(length, 0x88)); // a payload that looks like close frames
            return mask ? masked(plain) : plain;
          });
          const ends = new Set<number>([0]);
          for (const one of frames) ends.add(Math.max(...ends) + one.length);
          const bytes = Buffer.concat(frames);
          const boundary = new FrameBoundary();
          for (let at = 0, turn = 0; at < bytes.length; turn++) {
            const next = Math.min(bytes.length, at + (sizes[turn % sizes.length] ?? 1));
            boundary.feed(bytes.subarray(at, next));
            at = next;
            assert.equal(boundary.isOpen, ends.has(at), `at ${at}`);
          }
          assert.equal(boundary.isClosed, false);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('is closed from the head of a close frame on', () => {
    const boundary = new FrameBoundary();
    boundary.feed(encodeFrame(1, Buffer.from('a')));
    assert.equal(boundary.isOpen, true);
    const close = closeFrame(1000, 'bye');
    boundary.feed(close.subarray(0, 1));
    assert.deepEqual([boundary.isOpen, boundary.isClosed], [false, false]);
    boundary.feed(close.subarray(1));
    assert.deepEqual([boundary.isOpen, boundary.isClosed], [false, true]);
  });

  it('keeps no payload, and survives a length of 2^63', () => {
    const boundary = new FrameBoundary();
    boundary.feed(Buffer.from([0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
    boundary.feed(Buffer.alloc(1_000_000));
    assert.equal(boundary.isOpen, false);
  });
});
