import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { App } from '#model';
import { isSameUpstream } from './same-upstream.ts';
import { appAt } from './testdata/permits.ts';

describe('an app is reached in the same way', () => {
  const base = appAt('https://a:1', { others: ['https://b:1'], ca: '/ca.pem' });
  const cases: [string, App, boolean][] = [
    ['when nothing changed', { ...base }, true],
    ['when only what has nothing to do with it changed', { ...base, name: 'Other', tier: 1 }, true],
    [
      'when it came from the store in another order',
      appAt('https://a:1', { ca: '/ca.pem', others: ['https://b:1'] }),
      true,
    ],
    [
      'when only its check of health changed',
      appAt('https://a:1', { ...base.upstreamOptions, healthPath: '/h' }),
      true,
    ],
    ['never at another server', { ...base, upstream: 'https://a:2' }, false],
    [
      'never at more servers',
      appAt('https://a:1', { ...base.upstreamOptions, others: ['https://b:1', 'https://c:1'] }),
      false,
    ],
    ['never at fewer servers', appAt('https://a:1', { ca: '/ca.pem' }), false],
    ['never with another authority', appAt('https://a:1', { ...base.upstreamOptions, ca: '/other.pem' }), false],
    ['never without the authority', appAt('https://a:1', { others: ['https://b:1'] }), false],
    ['never with another protocol', appAt('https://a:1', { ...base.upstreamOptions, protocol: 'http2' }), false],
    [
      'never with another name in the certificate',
      appAt('https://a:1', { ...base.upstreamOptions, serverName: 'x' }),
      false,
    ],
    ['never with another key', appAt('https://a:1', { ...base.upstreamOptions, certificate: '/c', key: '/k' }), false],
    ['never without options', appAt('https://a:1'), false],
  ];
  for (const [name, changed, expected] of cases)
    it(name, () => {
      assert.equal(isSameUpstream(base, changed), expected);
      assert.equal(isSameUpstream(changed, base), expected);
    });
});
