import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { checkProof, type ProofDemand } from './proof.ts';
import { type ProgramKey, prove } from './testdata/prove.ts';
import { programKey, type Proving } from './testdata/prove.ts';

const NOW = Date.UTC(2026, 10, 24, 12);
const TOKEN = `cordon_at_${'t'.repeat(43)}`;
const URL_ = 'https://wiki.example.org/pages/1';
const DEMAND: ProofDemand = {
  method: 'POST',
  origin: 'https://wiki.example.org',
  path: '/pages/1',
  now: NOW,
  token: TOKEN,
};
const REQUEST = { method: 'POST', url: URL_, now: NOW, token: TOKEN };

describe('a DPoP proof (RFC 9449 section 4.3)', () => {
  let key: ProgramKey;
  before(async () => {
    key = await programKey();
  });
  const outcome = async (proving: Proving, demand: ProofDemand = DEMAND, by = key): Promise<string> => {
    const checked = checkProof(await prove(by, REQUEST, proving), demand);
    return checked.ok ? 'holds' : checked.error;
  };

  for (const alg of ['ES256', 'EdDSA'] as const) {
    it(`of ${alg} that jose made holds, and names its key by the thumbprint of RFC 7638`, async () => {
      const own = await programKey(alg);
      const checked = checkProof(await prove(own, REQUEST, { claims: { jti: 'one' } }), DEMAND);
      assert.deepEqual(checked, {
        ok: true,
        value: { keyThumbprint: own.thumbprint, id: 'one', issuedAt: NOW / 1000 },
      });
    });
  }

  const holds: Readonly<Record<string, Proving>> = {
    'with more members in header, key and claims': { header: { kid: 'k' }, claims: { nonce: 'n' } },
    'at the older edge of the window': { claims: { iat: NOW / 1000 - 60 } },
    'at the newer edge of the window': { claims: { iat: NOW / 1000 + 60 } },
    'whose address has a query and a fragment': { claims: { htu: `${URL_}?a=1#b` } },
    'whose address spells the host and the port out': { claims: { htu: 'https://WIKI.example.org:443/pages/1' } },
    'whose path is escaped without need': { claims: { htu: 'https://wiki.example.org/p%61ges/1' } },
  };
  for (const [name, proving] of Object.entries(holds)) {
    it(`holds ${name}`, async () => assert.equal(await outcome(proving), 'holds'));
  }

  it('holds for the root when its address has no path', async () => {
    const proving = { claims: { htu: 'https://wiki.example.org' } };
    assert.equal(await outcome(proving, { ...DEMAND, path: '/' }), 'holds');
  });

  it('needs no `ath` where no token is presented', async () => {
    const { token: _, ...demand } = DEMAND;
    assert.equal(await outcome({ claims: { ath: undefined } }, demand), 'holds');
  });

  const address = 'the proof is for another address';
  const window = 'the proof was not made within the last 60 seconds';
  const pair = 'algorithm and key of the proof are not ES256 with P-256, or EdDSA with Ed25519';
  const refused: readonly (readonly [string, Proving, string])[] = [
    ['of another type', { header: { typ: 'JWT' } }, '`typ` of the proof is not `dpop+jwt`'],
    ['without a type', { header: { typ: undefined } }, '`typ` of the proof is not `dpop+jwt`'],
    ['without a key', { header: { jwk: undefined } }, 'the proof holds no public key'],
    ['with a list for a key', { header: { jwk: [] } }, 'the proof holds no public key'],
    ['with a symmetric key', { header: { jwk: { kty: 'oct', k: 'AAAA' } } }, 'the proof holds a private key'],
    ['for another method', { claims: { htm: 'GET' } }, 'the proof is for another method'],
    ['for the method in other letters', { claims: { htm: 'post' } }, 'the proof is for another method'],
    ['without a method', { claims: { htm: undefined } }, 'the proof is for another method'],
    ['for another path', { claims: { htu: 'https://wiki.example.org/pages/2' } }, address],
    ['for the path below', { claims: { htu: `${URL_}/` } }, address],
    ['for a path that only resolves to ours', { claims: { htu: 'https://wiki.example.org/x/../pages/1' } }, address],
    ['for another host', { claims: { htu: 'https://mail.example.org/pages/1' } }, address],
    ['for plain HTTP', { claims: { htu: 'http://wiki.example.org/pages/1' } }, address],
    ['for another port', { claims: { htu: 'https://wiki.example.org:8443/pages/1' } }, address],
    ['for our host as user of another', { claims: { htu: 'https://wiki.example.org@evil.org/pages/1' } }, address],
    ['for a user at our host', { claims: { htu: 'https://ada@wiki.example.org/pages/1' } }, address],
    ['for a path only', { claims: { htu: '/pages/1' } }, address],
    ['without an address', { claims: { htu: undefined } }, address],
    ['a second too old', { claims: { iat: NOW / 1000 - 61 } }, window],
    ['a second too new', { claims: { iat: NOW / 1000 + 61 } }, window],
    ['without a time', { claims: { iat: undefined } }, window],
    ['without a name', { claims: { jti: undefined } }, 'the proof has no `jti` that names it'],
    ['with an empty name', { claims: { jti: '' } }, 'the proof has no `jti` that names it'],
    ['with a name without end', { claims: { jti: 'j'.repeat(257) } }, 'the proof has no `jti` that names it'],
    ['for another token', { claims: { ath: 'x' } }, 'the proof is for another token'],
    ['without its token', { claims: { ath: undefined } }, 'the proof is for another token'],
    ['without end', { claims: { jti: 'j'.repeat(4096) } }, 'the proof is longer than 4096 characters'],
  ];
  for (const [name, proving, error] of refused) {
    it(`is refused ${name}`, async () => assert.equal(await outcome(proving), error));
  }

  it('is refused with the private key in it, whose holder gave it away', async () => {
    assert.equal(await outcome({ header: { jwk: key.privateJwk } }), 'the proof holds a private key');
  });

  it('is refused with the key of somebody else in it', async () => {
    const other = await programKey();
    assert.equal(await outcome({ header: { jwk: other.jwk } }), 'the signature of the proof is wrong');
  });

  it('is refused with a key that is no point of the curve', async () => {
    const jwk = { ...key.jwk, y: key.jwk.x };
    assert.equal(await outcome({ header: { jwk } }), 'the key of the proof is not a point of its curve');
  });

  it('is refused when it marks something as critical', async () => {
    const text = await prove(key, REQUEST);
    const [head = '', ...rest] = text.split('.');
    const header = JSON.parse(Buffer.from(head, 'base64url').toString('utf8')) as object;
    const critical = Buffer.from(JSON.stringify({ ...header, crit: ['b64'] })).toString('base64url');
    assert.deepEqual(checkProof([critical, ...rest].join('.'), DEMAND), {
      ok: false,
      error: 'the proof has critical members nobody knows',
    });
  });

  for (const alg of ['none', 'HS256', 'RS256', 'ES384', 'es256', 'EdDSA', 'Ed25519', '']) {
    it(`is refused when a P-256 key comes with the algorithm \`${alg}\` (CVE-2015-9235)`, async () => {
      const [head = '', ...rest] = (await prove(key, REQUEST)).split('.');
      const header = JSON.parse(Buffer.from(head, 'base64url').toString('utf8')) as object;
      const other = Buffer.from(JSON.stringify({ ...header, alg })).toString('base64url');
      assert.deepEqual(checkProof([other, ...rest].join('.'), DEMAND), { ok: false, error: pair });
    });
  }

  it('is refused by a key of another kind, although its signature is right', async () => {
    for (const alg of ['ES384', 'RS256', 'PS256']) {
      const { privateKey, publicKey } = await generateKeyPair(alg);
      const text = await new SignJWT({ jti: 'x', htm: 'POST', htu: URL_, iat: NOW / 1000 })
        .setProtectedHeader({ typ: 'dpop+jwt', alg, jwk: await exportJWK(publicKey) })
        .sign(privateKey);
      assert.equal(checkProof(text, DEMAND).ok, false, alg);
    }
  });

  const malformed = [
    '',
    '.',
    '..',
    'a.b',
    'a.b.c',
    'a.b.c.d',
    'e30.e30.',
    '.e30.e30',
    'e30.e30.e30',
    'bnVsbA.bnVsbA.e30',
  ];
  for (const text of [...malformed, 'W10.W10.e30', 'a b.c.d', 'é.e30.e30', 'e30=.e30.e30']) {
    it(`is refused when it is \`${text}\``, () => assert.equal(checkProof(text, DEMAND).ok, false));
  }

  it('never holds with one character changed, and never throws', async () => {
    const text = await prove(key, REQUEST);
    const place = fc.nat(text.length - 1);
    const letter = fc.constantFrom(...'ABCdef019-_.= ');
    fc.assert(
      fc.property(place, letter, (at, with_) => {
        // The last character of a part holds bits that nobody reads; the rest of the property is about the others.
        if (text[at] === with_ || [at + 1, at].some((next) => next === text.length || text[next] === '.')) return;
        const changed = text.slice(0, at) + with_ + text.slice(at + 1);
        assert.equal(checkProof(changed, DEMAND).ok, false, `${at} ${with_}`);
      }),
      { numRuns: 300 },
    );
  });

  it('never holds for arbitrary header and claims without a signature, and never throws', () => {
    const part = fc.oneof(fc.json(), fc.string(), fc.constant('{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC"}}'));
    fc.assert(
      fc.property(part, part, fc.string(), (head, body, tail) => {
        const text = [head, body, tail].map((one) => Buffer.from(one).toString('base64url')).join('.');
        assert.equal(checkProof(text, DEMAND).ok, false);
      }),
    );
  });
});
