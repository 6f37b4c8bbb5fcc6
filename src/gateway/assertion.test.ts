import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { CordonError, manualClock } from '#base';
import type { Session, User } from '#model';
import { type AssertionSubject, createAssertionSigner, generateAssertionKey, shownClaims } from './assertion.ts';

const NOW = Date.UTC(2026, 10, 24, 12);
const user: User = { id: 'u1', email: 'ada@example.org', name: 'Ada', groups: [], status: 'active', createdAt: 0 };
const session: Session = {
  id: 's1',
  userId: 'u1',
  tokenHash: 'h',
  acr: 'urn:cordon:aal2',
  amr: ['pwd', 'otp', 'mfa'],
  authenticatedAt: NOW - 5500,
  createdAt: NOW,
  expiresAt: NOW + 1000,
  address: '192.0.2.1',
  userAgent: 'test',
};
const subject: AssertionSubject = {
  app: { id: 'app_wiki', host: 'wiki.localhost' },
  session,
  user,
  groups: new Set(['staff', 'engineering']),
  device: { id: 'd1', name: 'Laptop', form: 'agent', status: 'active', managed: true, enrolledAt: 0 },
  method: 'GET',
  url: 'https://wiki.example.org/pages/1',
};

describe('an identity assertion (RFC 7515, RFC 7519)', () => {
  it('is verified by jose with the published keys, and says who is there', async () => {
    const clock = manualClock(NOW);
    const signer = createAssertionSigner({ clock, issuer: 'https://id.example.org' });
    const keys = createLocalJWKSet({ keys: [...signer.jwks().keys] });
    const { payload, protectedHeader } = await jwtVerify(signer.sign(subject), keys, {
      algorithms: ['ES256'],
      issuer: 'https://id.example.org',
      audience: 'app_wiki',
      currentDate: new Date(NOW),
    });
    assert.equal(protectedHeader.alg, 'ES256');
    assert.deepEqual(payload, {
      iss: 'https://id.example.org',
      aud: 'app_wiki',
      sub: 'u1',
      email: 'ada@example.org',
      name: 'Ada',
      groups: ['engineering', 'staff'],
      acr: 'urn:cordon:aal2',
      amr: ['pwd', 'otp', 'mfa'],
      auth_time: Math.floor((NOW - 5500) / 1000),
      sid: 's1',
      device: { id: 'd1', name: 'Laptop', managed: true, posture: 'unknown' },
      htm: 'GET',
      htu: 'https://wiki.example.org/pages/1',
      iat: NOW / 1000,
      exp: NOW / 1000 + 60,
    });
  });

  it('is refused by jose for another app, after its minute, and with one byte changed', async () => {
    const signer = createAssertionSigner({ clock: manualClock(NOW) });
    const keys = createLocalJWKSet({ keys: [...signer.jwks().keys] });
    const token = signer.sign(subject);
    const at = (time: number, audience = 'app_wiki') => ({ audience, currentDate: new Date(time) });
    await assert.rejects(jwtVerify(token, keys, at(NOW, 'app_other')), { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED' });
    await assert.rejects(jwtVerify(token, keys, at(NOW + 60_000)), { code: 'ERR_JWT_EXPIRED' });
    const [head, payload = '', signature] = token.split('.');
    const forged = `${head}.${payload.slice(0, -2)}${payload.endsWith('A') ? 'B' : 'A'}${payload.slice(-1)}.${signature}`;
    await assert.rejects(jwtVerify(forged, keys, at(NOW)));
  });

  it('lists all groups or, where they are too many, none, and says how many', () => {
    const signer = createAssertionSigner({ clock: manualClock(NOW) });
    const many = Array.from({ length: 152 }, (_, i) => `department-of-something-${i}`);
    const token = signer.sign({ ...subject, groups: new Set(many) });
    assert.deepEqual([shownClaims(token).groups, shownClaims(token).groups_omitted], [[], 152]);
    assert.ok(token.length < 2048, 'an upstream takes the head');
    assert.equal(shownClaims(signer.sign(subject)).groups_omitted, undefined);
  });

  it('is made anew after 20 s, at once when a fact changes, and when the clock jumps back', () => {
    const clock = manualClock(NOW);
    const signer = createAssertionSigner({ clock });
    const first = signer.sign(subject);
    clock.advance(19_999);
    assert.equal(signer.sign(subject), first);
    const changed = signer.sign({ ...subject, groups: new Set(['staff']) });
    assert.deepEqual(shownClaims(changed).groups, ['staff']);
    clock.advance(1);
    const second = signer.sign(subject);
    assert.notEqual(second, first);
    assert.ok(shownClaims(second).exp * 1000 - clock.now() >= 59_000);
    clock.advance(-60_000);
    assert.ok(shownClaims(signer.sign(subject)).exp * 1000 <= clock.now() + 60_000);
  });

  it('stays when what it says is the same in new objects, and not when one of them says something else', () => {
    const signer = createAssertionSigner({ clock: manualClock(NOW) });
    const first = signer.sign(subject);
    const copies = {
      session: { ...session },
      user: { ...subject.user },
      groups: new Set([...subject.groups].reverse()),
      app: { ...subject.app },
    };
    assert.equal(signer.sign({ ...subject, ...copies }), first);
    assert.equal(signer.sign({ ...subject, ...copies }), first);
    const renamed = { ...subject, ...copies, user: { ...subject.user, name: 'Zoe' } };
    assert.equal(shownClaims(signer.sign(renamed)).name, 'Zoe');
    assert.equal(shownClaims(signer.sign(subject)).name, subject.user.name);
  });

  it('is never shared between sessions, apps, devices, methods or addresses', () => {
    const signer = createAssertionSigner({ clock: manualClock(NOW) });
    const { device: _, ...rest } = subject;
    const tokens = [
      subject,
      { ...subject, session: { ...session, id: 's2' } },
      { ...subject, app: { id: 'app_x', host: 'x' } },
      { ...rest, device: undefined },
      { ...subject, method: 'POST' },
      { ...subject, url: 'https://wiki.example.org/pages/2' },
    ].map((one) => signer.sign(one));
    assert.equal(new Set(tokens).size, 6);
    const [, , , without, posted, elsewhere] = tokens.map(shownClaims);
    assert.equal(without?.device, undefined);
    assert.equal(posted?.htm, 'POST');
    assert.equal(elsewhere?.htu, 'https://wiki.example.org/pages/2');
  });

  it('keeps its key over restarts when it is given one, and publishes no private part', () => {
    const key = generateAssertionKey();
    const [one, two] = [key, key].map((same) => createAssertionSigner({ clock: manualClock(NOW), key: same }).jwks());
    assert.deepEqual(one, two);
    assert.deepEqual(Object.keys(one?.keys[0] ?? {}).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  });

  const wrong = {
    'an RSA key': generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
    'a key of another curve': generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({ format: 'jwk' }),
    'a public key': generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
    'an empty key': {},
  };
  for (const [name, key] of Object.entries(wrong)) {
    it(`is not signed with ${name}`, () =>
      assert.throws(
        () => createAssertionSigner({ clock: manualClock(NOW), key }),
        (error) => error instanceof CordonError && error.code === 'assertion-key-invalid',
      ));
  }
});
