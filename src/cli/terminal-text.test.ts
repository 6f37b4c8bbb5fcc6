import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { clean, pad, safeJson, shorten, textWidth } from './terminal-text.ts';

/** Everything a terminal or a reader's eye could be tricked with. */
const DANGEROUS = /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;
const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      '\u001b',
      '\u009b',
      '\u0007',
      '\r',
      '\n',
      '\u202e',
      '\ud800',
      '[',
      ']',
      '0',
      ';',
      'm',
      'é',
      '漢',
      '👩‍💻',
    ),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
});

describe('text for a terminal', () => {
  const cases: Readonly<Record<string, readonly [string, string]>> = {
    'a colour': ['\u001b[31mred', '\ufffd[31mred'],
    'a window title': ['\u001b]0;mine\u0007', '\ufffd]0;mine\ufffd'],
    'a clipboard write (OSC 52)': ['\u001b]52;c;cm0gLXJm\u001b\\', '\ufffd]52;c;cm0gLXJm\ufffd\\'],
    'a C1 sequence without escape': ['\u009b2J', '\ufffd2J'],
    'a forged second line': ['ok\nerror: nothing\r\nreally', 'ok error: nothing really'],
    'an overwritten line': ['denied\rallowed', 'denied allowed'],
    'a backspace': ['no\b\byes', 'no\ufffd\ufffdyes'],
    'reordered text (CVE-2021-42574)': ['user\u202egro.live', 'user\ufffdgro.live'],
    'a lone surrogate': ['a\ud800b', 'a\ufffdb'],
    'what is harmless': ['Ünïcode 漢字 👩‍💻 ok', 'Ünïcode 漢字 👩‍💻 ok'],
  };
  for (const [name, [text, shown]] of Object.entries(cases)) {
    it(`shows ${name} without acting`, () => assert.equal(clean(text), shown));
  }

  it('never holds a character that acts, whatever came in', () => {
    fc.assert(fc.property(hostile, (text) => !DANGEROUS.test(clean(text)) && clean(text).isWellFormed()));
  });

  it('leaves clean text as it is', () => {
    fc.assert(fc.property(hostile, (text) => clean(clean(text)) === clean(text)));
  });

  it('is JSON of the same value in which no character acts', () => {
    fc.assert(
      fc.property(fc.jsonValue(), hostile, (value, text) => {
        const whole = { value, text, [text]: [text] };
        const written = safeJson(whole);
        assert.ok(!DANGEROUS.test(written));
        assert.deepEqual(JSON.parse(written), JSON.parse(JSON.stringify(whole)));
      }),
    );
    assert.equal(safeJson(undefined), 'null');
  });
});

describe('the width of text', () => {
  const widths: Readonly<Record<string, number>> = {
    '': 0,
    plain: 5,
    é: 1,
    'e\u0301': 1,
    漢字: 4,
    '👩‍💻': 2,
    ａ: 2,
    '\ufffd': 1,
  };
  for (const [text, width] of Object.entries(widths)) {
    it(`is ${width} columns for \`${text}\``, () => assert.equal(textWidth(text), width));
  }

  it('is never more than asked for after shortening, and shortened text says so', () => {
    fc.assert(
      fc.property(hostile.map(clean), fc.integer({ min: 1, max: 30 }), (text, columns) => {
        const short = shorten(text, columns);
        assert.ok(textWidth(short) <= columns);
        assert.equal(short.endsWith('…') || short === text, true);
      }),
    );
    assert.equal(shorten('漢字漢字', 4), '漢…');
    assert.equal(shorten('abcdef', 4), 'abc…');
  });

  it('is exactly what was asked for after filling', () => {
    assert.equal(pad('漢', 4), '漢  ');
    assert.equal(pad('7', 3, 'right'), '  7');
    assert.equal(pad('long', 2), 'long');
  });
});
