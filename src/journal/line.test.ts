import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeLine, encodeLine, encodeLines, GENESIS } from './line.ts';

describe('journal line', () => {
  it('returns every event text byte for byte', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.json()), fc.nat(), (event, seq) => {
        const text = JSON.stringify(event);
        const line = encodeLine({ seq: seq + 1, prev: GENESIS }, text);
        const decoded = decodeLine(Buffer.from(line.text));
        assert.ok(decoded.ok);
        assert.deepEqual(
          { ...decoded.value, event: decoded.value.event.toString() },
          { seq: seq + 1, prev: GENESIS, hash: line.hash, event: text },
        );
      }),
    );
  });

  it('is the same among others in one buffer, each chained to the one before', () => {
    const texts = fc.array(
      fc.dictionary(fc.string({ unit: 'grapheme' }), fc.json()).map((event) => JSON.stringify(event)),
    );
    fc.assert(
      fc.property(texts, fc.integer({ min: 0, max: 999_999_999_999_990 }), (events, seq) => {
        const { bytes, lines } = encodeLines({ seq, hash: GENESIS }, events);
        let prev = GENESIS;
        let whole = '';
        for (const [index, event] of events.entries()) {
          const line = encodeLine({ seq: seq + index + 1, prev }, event);
          whole += `${line.text}\n`;
          const { from = 0, to = 0, ...rest } = lines[index] ?? {};
          assert.deepEqual(rest, { seq: seq + index + 1, hash: line.hash });
          assert.equal(bytes.toString('utf8', from, to), event);
          prev = line.hash;
        }
        assert.equal(bytes.toString(), whole);
        assert.equal(lines.length, events.length);
      }),
    );
  });

  it('refuses a line in which any one byte differs', () => {
    const bytes = Buffer.from(encodeLine({ seq: 7, prev: GENESIS }, '{"message":"é"}').text);
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        assert.equal(decodeLine(changed).ok, false, `byte ${at} bit ${bit}`);
      }
    }
  });

  const text = encodeLine({ seq: 7, prev: GENESIS }, '{}').text;
  for (const [name, other] of [
    ['a leading zero in seq', text.replace('"seq":7', '"seq":07')],
    ['added space', text.replace('"event":', '"event": ')],
    ['an empty line', ''],
    ['a lone suffix', text.slice(-54)],
    ['a line cut short', text.slice(0, -1)],
    ['an event that is not an object', encodeLine({ seq: 7, prev: GENESIS }, '[]').text],
  ] as const) {
    it(`refuses ${name}`, () => assert.equal(decodeLine(Buffer.from(other)).ok, false));
  }
});
