import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { canonicalTarget, isOwnPath, safeReturn } from './path.ts';

const path = (target: string): string => {
  const read = canonicalTarget(target);
  return read.ok ? read.value.path + read.value.query : `refused: ${read.error}`;
};

describe('canonicalTarget (RFC 3986 section 6.2.2)', () => {
  const kept = [
    '/',
    '/a/b',
    '/a/b/',
    '/a?x=1&y=%2F..%2F',
    '/?',
    "/a/b:c@d!$&'()*+,=~_-.txt",
    '/.well-known/x',
    '/...',
    '/a..b/..c/d..',
    '/%C3%A9',
    '/%23',
    '/%20',
    '/%3F',
  ];
  for (const target of kept) it(`keeps ${target} as it is`, () => assert.equal(path(target), target));

  const resolved: [string, string][] = [
    ['/%61dmin', '/admin'],
    ['/%41%2d%5f%7e', '/A-_~'],
    ['/%c3%a9', '/%C3%A9'],
    ['/a%2Db?q=%61', '/a-b?q=%61'],
  ];
  for (const [target, canonical] of resolved) {
    it(`decides about ${target} as ${canonical}`, () => assert.equal(path(target), canonical));
  }

  const refused = [
    ['encoded slash', '/a%2fb'],
    ['encoded backslash', '/a%5cb'],
    ['encoded dots', '/public/%2e%2e/admin'],
    ['double encoding', '/%252e%252e/'],
    ['encoded NUL', '/a%00'],
    ['encoded CR LF', '/a%0d%0ab'],
    ['encoded semicolon', '/a%3bb'],
    ['encoded DEL', '/a%7f'],
    ['overlong UTF-8', '/%c0%ae%c0%ae/'],
    ['half a character', '/%c3'],
    ['broken escape', '/%zz'],
    ['escape cut off', '/%a'],
    ['raw percent sign at the end', '/%'],
    ['backslash', '/a\\b'],
    ['path parameter', '/admin;x=1'],
    ['path parameter after dots', '/..;/admin'],
    ['empty segment', '//admin'],
    ['empty segment inside', '/a//b'],
    ['dot segment', '/./admin'],
    ['dot segment at the end', '/a/.'],
    ['parent segment', '/public/../admin'],
    ['parent segment at the end', '/a/..'],
    ['fragment', '/foo/secret#/bar'],
    ['fragment in the query', '/a?b#c'],
    ['space', '/a b'],
    ['control character in the query', '/a?b\tc'],
    ['byte outside ASCII', '/\u00e9'],
    ['byte outside ASCII in the query', '/?\u00e9'],
    ['quotation mark', '/"'],
    ['angle bracket', '/<'],
    ['absolute form', 'http://evil.example/'],
    ['authority form', 'evil.example:443'],
    ['asterisk form', '*'],
    ['empty target', ''],
    ['query alone', '?a'],
    ['very long target', `/${'a'.repeat(8192)}`],
  ] as const;
  for (const [name, target] of refused) {
    it(`refuses ${name}`, () => assert.match(path(target), /^refused: /));
  }

  const pieces = fc.constantFrom(
    '/',
    '.',
    '..',
    '%2e',
    '%2F',
    '%5c',
    '%61',
    '%C3%A9',
    '%',
    ';',
    '\\',
    'a',
    '?',
    '#',
    '%25',
    '%00',
    '//',
    '~',
  );
  const targets = fc.oneof(
    fc.string(),
    fc.array(pieces).map((parts) => `/${parts.join('')}`),
  );

  it('is a fixed point: what it returns, it returns again', () => {
    fc.assert(
      fc.property(targets, (target) => {
        const once = canonicalTarget(target);
        if (!once.ok) return;
        const again = canonicalTarget(once.value.path + once.value.query);
        assert.deepEqual(again, once);
      }),
    );
  });

  it('returns only what an eager decoder and resolver leaves where it is', () => {
    fc.assert(
      fc.property(targets, (target) => {
        const read = canonicalTarget(target);
        if (!read.ok) return;
        const eager = decodeURIComponent(read.value.path);
        assert.ok(!/\\|;|\/\/|\0/.test(eager), eager);
        assert.equal(new URL(`http://h${read.value.path}`).pathname, read.value.path);
      }),
    );
  });
});

describe('canonicalTarget where the app takes encoded slashes', () => {
  const slash = (target: string): string => {
    const read = canonicalTarget(target, 'slash');
    return read.ok ? read.value.path : 'refused';
  };
  for (const [sent, decided] of [
    ['/repos/group%2fproject/tree', '/repos/group%2Fproject/tree'],
    ['/a%2Fb%2fc', '/a%2Fb%2Fc'],
    ['/a%2Fb/', '/a%2Fb/'],
    ['/a%2F..b', '/a%2F..b'],
    ['/%61%2Fb', '/a%2Fb'],
    ['/public/..%2Fadmin', 'refused'],
    ['/a%2F..', 'refused'],
    ['/a%2F../b', 'refused'],
    ['/a%2F%2e%2e/b', 'refused'],
    ['/a%2F.%2Fb', 'refused'],
    ['/a%2F%2Fb', 'refused'],
    ['/%2Fb', 'refused'],
    ['/a/%2Fb', 'refused'],
    ['/a%2F/b', 'refused'],
    ['/a%2F', 'refused'],
    ['/a%5Cb', 'refused'],
    ['/a%252Fb', 'refused'],
  ] as const) {
    it(`${decided === 'refused' ? 'refuses' : 'keeps'} ${sent}`, () => assert.equal(slash(sent), decided));
  }

  it('never lets a server that decodes slashes first leave the place that was decided on', () => {
    const piece = fc.constantFrom('a', '.', '..', '%2F', '%2f', '/', '%2e', 'b');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const read = canonicalTarget(`/${pieces.join('')}`, 'slash');
        if (!read.ok) return;
        const decoded = read.value.path.replaceAll('%2F', '/');
        assert.equal(new URL(decoded, 'http://x').pathname, decoded);
        assert.ok(!decoded.includes('//'));
      }),
    );
  });
});

describe('isOwnPath', () => {
  for (const own of ['/.cordon', '/.cordon/', '/.cordon/callback', '/.CORDON/x', '/.Cordon'])
    it(`says yes to ${own}`, () => assert.equal(isOwnPath(own), true));
  for (const other of ['/', '/cordon', '/.cordons', '/.cordon2/x', '/a/.cordon/x'])
    it(`says no to ${other}`, () => assert.equal(isOwnPath(other), false));
});

describe('safeReturn', () => {
  for (const good of ['/', '/a/b?x=1&y=2', '/a?next=https://evil.example'])
    it(`returns to ${good}`, () => assert.equal(safeReturn(good), good));

  const bad = [
    '//evil.example',
    '/\\evil.example',
    '/%09/evil.example',
    '/\t\\evil.example',
    '/./\\evil.example',
    '/%5cevil.example',
    'https://wiki.localhost.evil.example/',
    'https://wiki.localhost:3838/',
    'javascript:alert(1)',
    '/%0d%0aset-cookie:a=b',
    '/a\r\nb',
    '/.cordon/sign-out',
    '/.CORDON/callback?code=x',
    '/a#b',
    'a',
    '',
    null,
    undefined,
  ];
  for (const text of bad)
    it(`returns to / instead of ${JSON.stringify(text)}`, () => assert.equal(safeReturn(text), '/'));

  it('never leaves the host, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl(),
          fc.string().map((text) => `/${text}`),
        ),
        (text) => {
          const url = new URL(safeReturn(text), 'http://here.example');
          assert.equal(url.origin, 'http://here.example');
        },
      ),
    );
  });
});
