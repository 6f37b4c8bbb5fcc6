import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { closePayload, encodeFrame, FrameReader, newMask, OPCODE, type TunnelEvent } from './frames.ts';

const KEY = Buffer.from([1, 2, 3, 4]);
const text = (payload: string): Buffer => encodeFrame(OPCODE.text, Buffer.from(payload), KEY);
const binary = (payload: string): Buffer => encodeFrame(OPCODE.binary, Buffer.from(payload), KEY);
const close = (code: number, reason = ''): Buffer => encodeFrame(OPCODE.close, closePayload(code, reason), KEY);
/** The same frame with other bits in its first byte: not the last of its message, or reserved ones. */
const first = (frame: Buffer, change: (byte: number) => number): Buffer => {
  const copy = Buffer.from(frame);
  copy[0] = change(copy[0] ?? 0);
  return copy;
};
const more = (frame: Buffer): Buffer => first(frame, (byte) => byte & 0x7f);

function read(isMasked: boolean, ...chunks: Buffer[]): TunnelEvent[] {
  const reader = new FrameReader(isMasked);
  return chunks.flatMap((chunk) => reader.read(Buffer.from(chunk)));
}

function shown(events: readonly TunnelEvent[]): string[] {
  return events.map((event) => {
    switch (event.kind) {
      case 'data':
        return `data ${event.bytes.toString('latin1')}`;
      case 'ping':
        return `ping ${event.payload.toString('latin1')}`;
      case 'close':
      case 'violation':
        return `${event.kind} ${event.code} ${event.reason}`;
      default:
        return event.kind;
    }
  });
}

describe('the frames of a tunnel (RFC 6455)', () => {
  const good: Record<string, [frames: Buffer[], events: string[]]> = {
    'bytes are bytes': [
      [binary('one'), binary('two')],
      ['data one', 'data two'],
    ],
    'an empty message is nothing': [[binary('')], []],
    'where a message is split means nothing': [
      [
        more(binary('a')),
        more(encodeFrame(OPCODE.continuation, Buffer.from('b'), KEY)),
        encodeFrame(OPCODE.continuation, Buffer.from('c'), KEY),
        binary('d'),
      ],
      ['data a', 'data b', 'data c', 'data d'],
    ],
    'control frames may stand inside a message': [
      [
        more(binary('a')),
        encodeFrame(OPCODE.ping, Buffer.from('?'), KEY),
        encodeFrame(OPCODE.continuation, Buffer.from('b'), KEY),
      ],
      ['data a', 'ping ?', 'data b'],
    ],
    'a pong is heard': [[encodeFrame(OPCODE.pong, Buffer.from('x'), KEY)], ['pong']],
    'an end ends one direction': [
      [binary('a'), text('end'), binary('')],
      ['data a', 'end'],
    ],
    'a close says why': [[close(4403, 'session-revoked: ended')], ['close 4403 session-revoked: ended']],
    'a close may say nothing': [[encodeFrame(OPCODE.close, Buffer.alloc(0), KEY)], ['close 1005 ']],
    'nothing counts after a close': [[close(1000), binary('late')], ['close 1000 ']],
  };
  for (const [name, [frames, events]] of Object.entries(good)) {
    it(`${name}, in one piece and byte by byte`, () => {
      const bytes = Buffer.concat(frames);
      assert.deepEqual(shown(read(true, bytes)), events);
      const single = shown(read(true, ...Array.from(bytes, (byte) => Buffer.from([byte]))));
      const joined = (list: string[]): string => list.map((one) => one.replace(/^data /, '')).join('');
      assert.equal(joined(single), joined(events));
    });
  }

  const bad: Record<string, [frames: Buffer[], code: number, reason: string]> = {
    'a reserved bit': [[first(binary('a'), (byte) => byte | 0x40)], 1002, 'a reserved bit is set'],
    'a frame of a client without a mask': [
      [encodeFrame(OPCODE.binary, Buffer.from('a'))],
      1002,
      'the frame is not masked',
    ],
    'an unknown operation': [[encodeFrame(0x3, Buffer.from('a'), KEY)], 1002, 'an unknown operation code'],
    'an unknown control operation': [[encodeFrame(0xb, Buffer.alloc(0), KEY)], 1002, 'an unknown operation code'],
    'a continuation of nothing': [[encodeFrame(OPCODE.continuation, KEY, KEY)], 1002, 'a continuation of nothing'],
    'a message inside another': [[more(binary('a')), binary('b')], 1002, 'a message begins inside another'],
    'an end inside a message': [[more(binary('a')), text('end')], 1002, 'a message begins inside another'],
    'another text': [[text('abc')], 1002, 'a text that is not `end`'],
    'a longer text': [[text('ending')], 1002, 'a text that is not `end`'],
    'a text in pieces': [[more(text('end'))], 1002, 'a text that is not `end`'],
    'a second end': [[text('end'), text('end')], 1002, 'a second end'],
    'bytes after the end': [[text('end'), binary('a')], 1002, 'bytes after the end'],
    'a control frame in pieces': [
      [more(encodeFrame(OPCODE.ping, KEY, KEY))],
      1002,
      'a control frame that is fragmented or too long',
    ],
    'a long control frame': [
      [encodeFrame(OPCODE.ping, Buffer.alloc(126), KEY)],
      1002,
      'a control frame that is fragmented or too long',
    ],
    'a frame over the limit': [
      [Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 1, 1, 2, 3, 4])],
      1009,
      'the frame is too long',
    ],
    'a length beyond counting': [
      [Buffer.from([0x82, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4])],
      1009,
      'the frame is too long',
    ],
    'a length in two bytes that fits into seven bits': [
      [Buffer.from([0x82, 0xfe, 0, 125, 1, 2, 3, 4])],
      1002,
      'the length is not in its shortest form',
    ],
    'a length in eight bytes that fits into two': [
      [Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0, 255, 255, 1, 2, 3, 4])],
      1002,
      'the length is not in its shortest form',
    ],
    'a close of one byte': [
      [encodeFrame(OPCODE.close, Buffer.from([3]), KEY)],
      1002,
      'a close code that must not be sent',
    ],
    'a close reason that is not text': [
      [encodeFrame(OPCODE.close, Buffer.from([3, 232, 0xff]), KEY)],
      1002,
      'a close reason that is not UTF-8',
    ],
  };
  for (const [name, [frames, code, reason]] of Object.entries(bad)) {
    it(`${name} is a violation, and nothing follows`, () => {
      const events = read(true, ...frames, binary('later'));
      assert.deepEqual(shown(events).at(-1), `violation ${code} ${reason}`);
    });
  }

  for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000]) {
    it(`a close with code ${code} is a violation`, () => {
      assert.deepEqual(shown(read(true, close(code))), ['violation 1002 a close code that must not be sent']);
    });
  }

  it('frames of a gateway must not be masked', () => {
    assert.deepEqual(shown(read(false, binary('a'))), ['violation 1002 the frame is masked']);
    assert.deepEqual(shown(read(false, encodeFrame(OPCODE.binary, Buffer.from('a')))), ['data a']);
  });

  it('any bytes, in frames of any size and pieces of any size, masked or not, arrive as they are', () => {
    const size = fc.oneof(fc.nat(300), fc.constantFrom(125, 126, 127, 65_535, 65_536, 70_000));
    fc.assert(
      fc.property(
        fc.array(size, { maxLength: 4 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 5000 }),
        (sizes, isMasked, step) => {
          const payloads = sizes.map((length, index) => Buffer.alloc(length, index + 7).fill('ab', length >> 1));
          const bytes = Buffer.concat(
            payloads.map((payload) => encodeFrame(OPCODE.binary, payload, isMasked ? newMask() : undefined)),
          );
          const reader = new FrameReader(isMasked);
          const got: Buffer[] = [];
          for (let at = 0; at < bytes.length; at += step) {
            for (const event of reader.read(bytes.subarray(at, at + step))) {
              assert.equal(event.kind, 'data');
              if (event.kind === 'data') got.push(Buffer.from(event.bytes));
            }
          }
          assert.ok(Buffer.concat(got).equals(Buffer.concat(payloads)));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('a mask is the XOR of section 5.3, wherever in memory and in the payload it begins', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.nat(40), fc.nat(7), (key, length, start) => {
        const payload = Buffer.alloc(length, 0xa5);
        const frame = encodeFrame(OPCODE.binary, payload, Buffer.from(key));
        const masked = [...frame.subarray(6)].map((byte, index) => byte ^ (key[index % 4] ?? 0));
        assert.deepEqual(masked, [...payload]);
        const moved = Buffer.concat([Buffer.alloc(start), frame]).subarray(start);
        const reader = new FrameReader(true);
        const got = [moved.subarray(0, 6 + start), moved.subarray(6 + start)].flatMap((piece) => reader.read(piece));
        assert.deepEqual(Buffer.concat(got.flatMap((one) => (one.kind === 'data' ? [one.bytes] : []))), payload);
      }),
    );
  });

  it('no bytes make the reader throw, keep more than a control frame, or go on after the end', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 8 }), (chunks) => {
        const reader = new FrameReader(true);
        const events = chunks.flatMap((chunk) => reader.read(Buffer.from(chunk)));
        const last = events.findIndex(({ kind }) => kind === 'close' || kind === 'violation');
        assert.ok(last === -1 || last === events.length - 1);
      }),
    );
  });

  it('a close reason that is too long is cut between characters', () => {
    const payload = closePayload(4403, 'ä'.repeat(100));
    assert.equal(payload.length, 124);
    assert.equal(payload.subarray(2).toString(), 'ä'.repeat(61));
  });
});
