import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cookieValues, forwardable, isIdentityHeader, normalName, returnable, trailing } from './headers.ts';

const forward = (...fields: string[]): string[] | string => {
  const read = forwardable(fields, { keepLength: false });
  return read.ok ? read.value : read.error;
};

describe('forwardable', () => {
  it('forwards what is the client’s own, in order, duplicates included', () => {
    assert.deepEqual(forward('Accept', 'a', 'X-Role', 'user', 'x-role', 'admin', 'Via', '1.1 x'), [
      ...['accept', 'a'],
      ...['x-role', 'user'],
      ...['x-role', 'admin'],
      ...['via', '1.1 x'],
    ]);
  });

  const dropped = [
    'X-Cordon-Assertion',
    'x-cordon-anything',
    'X-Forwarded-User',
    'X-Forwarded-For',
    'X-Forwarded-Prefix',
    'Forwarded',
    'X-Real-IP',
    'Remote-User',
    'Remote-Groups',
    'X-Remote-User',
    'X-Auth-Request-Email',
    'X-WEBAUTH-USER',
    'X-Original-URL',
    'X-Rewrite-URL',
    'X-HTTP-Method-Override',
    'X-Envoy-Original-Path',
    'X-Goog-IAP-JWT-Assertion',
    'Cf-Access-Jwt-Assertion',
    'X-Amzn-Oidc-Data',
    'SSL-Client-Cert',
    'X-SSL-Client-Verify',
    'X-Client-Cert',
    'Tailscale-User-Login',
    'Proxy',
    'Host',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'HTTP2-Settings',
    'Keep-Alive',
    'Proxy-Authorization',
    'Proxy-Connection',
    'Expect',
  ];
  for (const name of dropped) {
    it(`drops ${name}`, () => assert.deepEqual(forward(name, 'x', 'Accept', 'a'), ['accept', 'a']));
  }

  it('judges a name alike the first time, later, and after thousands of others', () => {
    for (let round = 0; round < 3; round++) {
      for (const name of dropped) assert.deepEqual(forward(name, 'x'), [], name);
      assert.deepEqual(forward(`X-Own-${round}`, 'x'), [`x-own-${round}`, 'x']);
      assert.match(String(forward('X_Own', 'x')), /letters, digits/);
      assert.match(String(forward('Origin', 'a', 'origin', 'b')), /only once/);
      for (let i = 0; i < 2000; i++) forward(`X-New-${round}-${i}`, 'x');
      assert.deepEqual(forward(`X-Forwarded-New-${round}`, 'x'), []);
    }
  });

  const refused: [string, string][] = [
    ['X_Forwarded_User', 'an underscore'],
    ['x_FORWARDED-user', 'an underscore among dashes'],
    ['X.Authenticated.User', 'a dot'],
    ['X~Auth', 'a tilde'],
    ['X!Auth', 'an exclamation mark'],
    ["X'Auth", 'an apostrophe'],
    ['X|Auth', 'a bar'],
    ['', 'no name'],
  ];
  for (const [name, what] of refused) {
    it(`refuses a name with ${what}`, () => assert.match(String(forward(name, 'x')), /letters, digits and `-`/));
  }

  for (const byte of ['\0', '\x01', '\x0b', '\r', '\n', '\x1b', '\x7f']) {
    it(`refuses a value with the control character ${JSON.stringify(byte)}`, () =>
      assert.match(String(forward('a', `x${byte}y`)), /control character/));
  }
  it('lets a tab and bytes above ASCII pass in values', () =>
    assert.deepEqual(forward('a', 'x\ty\u00e9'), ['a', 'x\ty\u00e9']));

  for (const name of ['authorization', 'host', 'content-type', 'origin', 'sec-websocket-key', 'content-length']) {
    it(`refuses ${name} sent twice`, () => assert.match(String(forward(name, 'a', name, 'b')), /only once/));
  }

  it('drops what `connection` nominates', () =>
    assert.deepEqual(forward('Connection', 'close, X-Hop', 'X-Hop', '1', 'X-End', '2'), ['x-end', '2']));
  it('lets `connection` take away nothing that decisions or upstreams rely on', () => {
    const fields = ['authorization', 'a', 'cookie', 'c=d', 'origin', 'o', 'if-match', 'e', 'range', 'r'];
    assert.deepEqual(
      forward('Connection', 'authorization, cookie, origin, if-match, range, x-cordon-assertion', ...fields),
      fields,
    );
  });

  it('keeps content-length only when told to', () => {
    const fields = ['Content-Length', '5'];
    assert.deepEqual(forwardable(fields, { keepLength: true }), { ok: true, value: ['content-length', '5'] });
    assert.deepEqual(forwardable(fields, { keepLength: false }), { ok: true, value: [] });
  });

  it('takes Cordon’s cookies out and leaves the app’s', () => {
    const cookie =
      'a=1; __Host-cordon_app=secret; b=2;__host-CORDON_flow=x; cordon_y=z; __Secure-cordon-x=1; recordon_a=3';
    assert.deepEqual(forward('Cookie', cookie), ['cookie', 'a=1; b=2; recordon_a=3']);
    assert.deepEqual(forward('Cookie', '__Host-cordon_app=secret'), []);
  });

  it('never lets a client’s value of an identity name through, in any spelling', () => {
    const base = fc.constantFrom(
      'x-cordon-assertion',
      'x-forwarded-user',
      'remote-user',
      'x-real-ip',
      'x-auth-request-user',
    );
    const spelling = fc.tuple(
      base,
      fc.array(fc.constantFrom('-', '_', '.', '~', '!', '#'), { maxLength: 6 }),
      fc.infiniteStream(fc.boolean()),
    );
    const name = spelling.map(([text, separators, upper]) => {
      let at = 0;
      return [...text]
        .map((letter) => {
          const shown = letter === '-' ? (separators[at++] ?? '-') : letter;
          return upper.next().value === true ? shown.toUpperCase() : shown;
        })
        .join('');
    });
    fc.assert(
      fc.property(name, fc.string(), (spelled, value) => {
        const read = forwardable(['accept', 'a', spelled, value], { keepLength: false });
        if (!read.ok) return;
        assert.deepEqual(read.value, ['accept', 'a']);
      }),
    );
  });
});

describe('isIdentityHeader', () => {
  it('compares as CGI, WSGI and PHP do', () => {
    assert.equal(normalName('X_Forwarded.User'), 'x-forwarded-user');
    for (const name of ['X_Forwarded_User', 'x.forwarded.user', 'REMOTE_USER']) assert.ok(isIdentityHeader(name), name);
    for (const name of ['accept', 'x-request-id', 'authorization', 'cookie']) assert.ok(!isIdentityHeader(name), name);
  });
});

describe('returnable', () => {
  const back = (...fields: string[]): string[] => returnable(fields.map((field) => Buffer.from(field, 'latin1')));

  it('passes an answer on as it is, bytes above ASCII included', () =>
    assert.deepEqual(back('Content-Type', 'a/b', 'X-Name', 'Zo\u00eb', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'), [
      ...['Content-Type', 'a/b', 'X-Name', 'Zo\u00eb', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'],
    ]));
  it('drops hop-by-hop fields and what `connection` nominates', () =>
    assert.deepEqual(back('Connection', 'X-Hop', 'X-Hop', '1', 'Transfer-Encoding', 'chunked', 'Keep-Alive', 'x'), []));
  it('lets no upstream speak in Cordon’s name, or lead around the gateway', () =>
    assert.deepEqual(back('X-Cordon-Correlation-Id', 'x', 'Alt-Svc', 'h3=":443"'), []));

  const tossed = [
    '__Host-cordon_app=evil; Path=/; Secure',
    ' __Host-cordon_app=evil',
    '=__Host-cordon_app=evil',
    '= __host-cordon_app=evil',
    '__HOST-CORDON_FLOW=x',
    'cordon_session=1; Domain=example.com',
    '__Secure-cordon-x=1',
  ];
  for (const cookie of tossed) {
    it(`lets no upstream set ${cookie}`, () => assert.deepEqual(back('Set-Cookie', cookie), []));
  }
});

describe('trailing', () => {
  it('passes on what an app or a call says after a body', () => {
    const fields = ['grpc-status', '0', 'Grpc-Message', 'ok', 'x-checksum', 'abc', 'server-timing', 'db;dur=5'];
    assert.deepEqual(
      trailing(fields),
      fields.map((text, index) => (index % 2 === 0 ? text.toLowerCase() : text)),
    );
  });

  for (const name of [
    'X-Forwarded-User',
    'x-cordon-assertion',
    'remote-user',
    'authorization',
    'cookie',
    'set-cookie',
    'host',
    'content-length',
    'content-type',
    'transfer-encoding',
    'connection',
    'te',
    'trailer',
    'location',
    'cache-control',
    'www-authenticate',
    'access-control-allow-origin',
    'sec-fetch-site',
    'impersonate-group',
    'x_forwarded_user',
    'x trace',
    ':status',
    '',
  ]) {
    it(`drops \`${name}\``, () => {
      assert.deepEqual(trailing([name, 'a', 'x-sum', 'b']), ['x-sum', 'b']);
    });
  }

  it('drops a value that would be another line', () => {
    assert.deepEqual(trailing(['x-a', 'b\r\nset-cookie: c', 'x-b', 'c\0', 'x-c', '']), ['x-c', '']);
  });

  it('never says anything about who is there, whatever it is given', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.string())), (pairs) => {
        for (const [index, text] of trailing(pairs.flat()).entries()) {
          if (index % 2 === 0) assert.equal(isIdentityHeader(text), false);
          else assert.doesNotMatch(text, /[\r\n\0]/);
        }
      }),
    );
  });
});

describe('cookieValues', () => {
  it('finds every value of a name, so that a tossed one shows', () => {
    assert.deepEqual(cookieValues('a=1; b=2; a=3', 'a'), ['1', '3']);
    assert.deepEqual(cookieValues(' a = 1 ;ab=2', 'a'), ['1']);
    assert.deepEqual(cookieValues('a; =a; b=a', 'a'), []);
    assert.deepEqual(cookieValues(undefined, 'a'), []);
  });
});
