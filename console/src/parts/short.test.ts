/// <reference types="node" />
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { browserText, shortId } from './short.ts';

describe('an identifier', () => {
  for (const [id, text] of [
    ['', ''],
    ['111122223333', '111122223333'],
    ['12345678901234', '12345678901234'],
    ['00000000-0000-4000-8000-000000000001', '0000000…000001'],
  ] as const) {
    it(`\`${id}\` is shown as \`${text}\``, () => assert.equal(shortId(id), text));
  }

  it('is never longer than asked for', () => {
    for (let most = 1; most < 20; most++) assert.ok(shortId('abcdefghijklmnopqrstuvwxyz', most).length <= most);
  });
});

describe('a browser', () => {
  for (const [userAgent, text] of [
    ['Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0', 'Firefox on Linux'],
    [
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36',
      'Chrome on Linux',
    ],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0',
      'Edge on Windows',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1',
      'Safari on iOS',
    ],
    ['curl/8.5.0', 'curl'],
    ['Firefox/', 'Firefox'],
    ['a scanner of somebody', 'a scanner of somebody'],
    ['', ''],
  ] as const) {
    it(`\`${userAgent.slice(0, 50)}\` is ${text === '' ? 'nothing' : text}`, () =>
      assert.equal(browserText(userAgent), text));
  }
});
