import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Pages } from './pages.ts';

const PAGE = 1024 * 1024;

/** Takes room, fills it with one letter, and returns what was taken. */
function fill(pages: Pages, bytes: number, letter: string): Buffer {
  const room = pages.room(bytes);
  pages.take(bytes);
  return room.fill(letter);
}

describe('pages', () => {
  it('give rooms that do not overlap, as long as what lies in them is kept', () => {
    const sizes = fc.array(fc.oneof(fc.nat(200_000), fc.integer({ min: PAGE - 2, max: PAGE + 2 })), { maxLength: 40 });
    fc.assert(
      fc.property(sizes, fc.nat(10), (given, most) => {
        const pages = new Pages();
        let kept: { readonly bytes: Buffer; readonly letter: string }[] = [];
        for (const [index, size] of given.entries()) {
          const letter = String.fromCharCode(97 + (index % 26));
          kept.push({ bytes: fill(pages, size, letter), letter });
          kept = kept.slice(-most);
          pages.reuse(new Set(kept.map(({ bytes }) => bytes.buffer)));
          for (const { bytes, letter: wanted } of kept) assert.ok(bytes.every((byte) => byte === wanted.charCodeAt(0)));
        }
      }),
      { numRuns: 30 },
    );
  });

  it('are written again when nothing in them is kept', () => {
    const pages = new Pages();
    const first = fill(pages, PAGE, 'a');
    const second = fill(pages, PAGE, 'b');
    pages.reuse(new Set([second.buffer]));
    assert.equal(fill(pages, PAGE, 'c').buffer, first.buffer);
    assert.equal(String.fromCharCode(second[0] ?? 0), 'b', 'the last page is not a full one until more is asked for');
  });

  it('give back what is larger than a page', () => {
    const pages = new Pages();
    const large = fill(pages, 3 * PAGE, 'a');
    fill(pages, PAGE, 'b');
    pages.reuse(new Set());
    assert.notEqual(fill(pages, PAGE, 'c').buffer, large.buffer);
  });

  it('lose nothing of a room of which less was taken', () => {
    const pages = new Pages();
    pages.room(100);
    pages.take(10);
    assert.equal(pages.room(5).byteOffset, 10);
  });
});
