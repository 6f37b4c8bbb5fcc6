import assert from 'node:assert/strict';
import { createHmac, createPublicKey } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Json } from '#base';
import { POSTURE_TYPE, type Report } from '#wire';
import { admit, verifyPosture } from './signed-posture.ts';
import type { DeviceMemory } from './device-memory.ts';
import { codeOf, HEALTHY, must } from './testdata/devices-bench.ts';
import { type HostKey, jwsOf, newHostKey } from './testdata/host-key.ts';

const NOW = Date.parse('2026-11-24T12:00:00.500Z');
const IAT = Math.floor(NOW / 1000);
const HEADER = { alg: 'ES256', typ: POSTURE_TYPE };
const CLAIMS = {
  sub: 'dev_1',
  iat: IAT,
  jti: 'x'.repeat(22),
  sequence: 7,
  collectedAt: NOW - 2000,
  facts: HEALTHY as unknown as Json,
};
const host = await newHostKey();
const other = await newHostKey();
const publicKey = createPublicKey(host.key);

/** A report around a JWS, with the outer fields as the claims have them. */
function reportOf(posture: string, o: Partial<Report> = {}): Report {
  const { sequence, collectedAt } = CLAIMS;
  return { wire: 1, sequence, collectedAt, posture, addresses: [], deniedFlows: [], ...o };
}

async function attempt(report: Report): Promise<string> {
  return codeOf(await verifyPosture(report, { deviceId: 'dev_1', key: publicKey, now: NOW }));
}

function signed(claims: Readonly<Record<string, Json>>, header: Json = HEADER, key: HostKey = host): string {
  return jwsOf(key.key, { ...CLAIMS, ...claims }, header);
}

describe('a signed posture (RFC 7515, RFC 7519)', () => {
  it('is believed when the device has signed it just now', async () => {
    const claims = must(await verifyPosture(reportOf(signed({})), { deviceId: 'dev_1', key: publicKey, now: NOW }));
    assert.deepEqual(claims, CLAIMS);
  });

  const jwk = publicKey.export({ format: 'jwk' }) as Json;
  const otherJwk = createPublicKey(other.key).export({ format: 'jwk' }) as Json;
  const [header = '', payload = '', signature = ''] = signed({}).split('.');
  const part = (value: Json): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const hmac = (secret: string | Buffer): string => {
    const text = `${part({ alg: 'HS256', typ: POSTURE_TYPE })}.${payload}`;
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
  };
  const spki = publicKey.export({ type: 'spki', format: 'pem' });
  const forged: Record<string, string> = {
    'signed by another key': signed({}, HEADER, other),
    'signed by another key that the header brings along': signed({}, { ...HEADER, jwk: otherJwk }, other),
    'not signed': `${part({ alg: 'none', typ: POSTURE_TYPE })}.${payload}.`,
    'without a signature': `${header}.${payload}.`,
    'signed with the public key as a secret': hmac(spki),
    'signed with the public key as a secret, in DER': hmac(publicKey.export({ type: 'spki', format: 'der' })),
    'of another algorithm by its header': signed({}, { ...HEADER, alg: 'ES384' }),
    'without a type': signed({}, { alg: 'ES256' }),
    'of another type': signed({}, { alg: 'ES256', typ: 'JWT' }),
    'of another type by one letter': signed({}, { alg: 'ES256', typ: 'cordon-posture+JWT' }),
    'with an extension nobody knows': signed({}, { ...HEADER, crit: ['more'], more: true }),
    'with a payload that is not encoded': signed({}, { ...HEADER, crit: ['b64'], b64: false }),
    'with claims that were changed': `${header}.${part({ ...CLAIMS, sub: 'dev_2' })}.${signature}`,
    'with a header that was changed': `${part({ ...HEADER, kid: '1' })}.${payload}.${signature}`,
    'with a signature of zeros': `${header}.${payload}.${Buffer.alloc(64).toString('base64url')}`,
    'with a signature in DER': `${header}.${payload}.${Buffer.alloc(70, 0x30).toString('base64url')}`,
    'encrypted by its form': `${header}.${payload}.${signature}.a.b`,
    'two parts': `${header}.${payload}`,
    nothing: '',
    'a JSON serialisation': JSON.stringify({ protected: header, payload, signature }),
    'not UTF-8': jwsOf(host.key, Buffer.from([0xff, 0xfe, 0x7b]), HEADER),
    'not JSON': jwsOf(host.key, Buffer.from('{'), HEADER),
    'without claims': jwsOf(host.key, {}, HEADER),
    'a list': jwsOf(host.key, [CLAIMS], HEADER),
  };
  for (const [what, jws] of Object.entries(forged)) {
    it(`is refused when it is ${what}`, async () => assert.equal(await attempt(reportOf(jws)), 'posture-invalid'));
  }

  it('is believed whatever key its header names, when the device has signed it', async () => {
    assert.equal(await attempt(reportOf(signed({}, { ...HEADER, jwk, kid: 'any' }))), 'ok');
  });

  const claimed: readonly (readonly [string, Readonly<Record<string, Json>>, string])[] = [
    ['of another device', { sub: 'dev_2' }, 'posture-invalid'],
    ['with another sequence than its report', { sequence: 8 }, 'posture-invalid'],
    ['with another time of collection than its report', { collectedAt: NOW - 2001 }, 'posture-invalid'],
    ['with a short id', { jti: 'x'.repeat(15) }, 'posture-invalid'],
    ['without facts', { facts: null }, 'posture-invalid'],
    ['with a time that is text', { iat: String(IAT) }, 'posture-invalid'],
  ];
  for (const [what, change, code] of claimed) {
    it(`${what} is ${code}`, async () => assert.equal(await attempt(reportOf(signed(change))), code));
  }

  const signedAt: readonly (readonly [string, number, string])[] = [
    ['two minutes ago', IAT - 119, 'ok'],
    ['earlier', IAT - 120, 'posture-stale'],
    ['in two minutes', IAT + 120, 'ok'],
    ['later', IAT + 121, 'posture-stale'],
  ];
  for (const [what, iat, code] of signedAt) {
    it(`signed ${what} is ${code}`, async () => {
      const collectedAt = Math.min(iat * 1000, NOW);
      assert.equal(await attempt(reportOf(signed({ iat, collectedAt }), { collectedAt })), code);
    });
  }

  const collected: readonly (readonly [string, number, string])[] = [
    ['in the second in which it was signed', IAT * 1000 + 999, 'ok'],
    ['after it was signed', IAT * 1000 + 1000, 'posture-invalid'],
    ['five minutes before it was signed', IAT * 1000 - 300_000, 'ok'],
    ['long before it was signed', IAT * 1000 - 300_001, 'posture-stale'],
  ];
  for (const [what, collectedAt, code] of collected) {
    it(`collected ${what} is ${code}`, async () => {
      assert.equal(await attempt(reportOf(signed({ collectedAt }), { collectedAt })), code);
    });
  }

  it('never makes anybody believe other claims, whichever characters are changed', async () => {
    const jws = signed({});
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.';
    const changes = fc.array(fc.tuple(fc.nat(jws.length - 1), fc.constantFrom(...letters)), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(changes, async (edits) => {
        const text = [...jws];
        for (const [at, letter] of edits) text[at] = letter;
        const outcome = await verifyPosture(reportOf(text.join('')), { deviceId: 'dev_1', key: publicKey, now: NOW });
        // The last letter of a part has bits that mean nothing, so that some changes are none.
        if (outcome.ok) assert.deepEqual(outcome.value, CLAIMS);
        else assert.equal(outcome.error.code, 'posture-invalid');
      }),
      { numRuns: 500 },
    );
  });

  it('is refused when it is made of chance', async () => {
    const words = fc.oneof(
      fc.string(),
      fc.array(fc.base64String(), { minLength: 3, maxLength: 3 }).map((p) => p.join('.')),
    );
    await fc.assert(
      fc.asyncProperty(words, async (text) => {
        assert.equal(await attempt(reportOf(text)), 'posture-invalid');
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.json(), async (json) => {
        assert.equal(await attempt(reportOf(jwsOf(host.key, Buffer.from(json), HEADER))), 'posture-invalid');
      }),
    );
  });
});

describe('the memory of reports', () => {
  const memory = (): DeviceMemory => ({
    key: publicKey,
    validity: { notBefore: 0, notAfter: 0 },
    sequence: -1,
    seen: new Map(),
    posture: undefined,
    program: undefined,
    addresses: undefined,
    refusal: undefined,
    turn: Promise.resolve(),
  });
  const claims = { ...CLAIMS, facts: HEALTHY };

  // sequence, jti, whether it is admitted
  const ledger: readonly (readonly [number, string, boolean])[] = [
    [0, 'a', true],
    [0, 'b', false],
    [1, 'a', false],
    [1, 'b', true],
    [5, 'c', true],
    [2, 'd', false],
    [5, 'e', false],
    [6, 'c', false],
    [6, 'f', true],
    [Number.MAX_SAFE_INTEGER, 'g', true],
    [Number.MAX_SAFE_INTEGER, 'h', false],
  ];
  it('admits each sequence and each id once, and never an older one', () => {
    const held = memory();
    for (const [sequence, jti, isAdmitted] of ledger) {
      const outcome = admit(held, { ...claims, sequence, jti }, NOW);
      assert.equal(codeOf(outcome), isAdmitted ? 'ok' : 'posture-replayed', `${sequence} ${jti}`);
    }
  });

  it('admits a growing sequence exactly', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50)), (sequences) => {
        const held = memory();
        let highest = -1;
        for (const [index, sequence] of sequences.entries()) {
          assert.equal(admit(held, { ...claims, sequence, jti: String(index) }, NOW).ok, sequence > highest);
          highest = Math.max(highest, sequence);
        }
      }),
    );
  });
});
