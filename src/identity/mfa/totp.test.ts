import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Secret } from 'otpauth';
import { checkTotp, newTotpSecret, totpCode, totpUri } from './totp.ts';

const SEED = Secret.fromLatin1('12345678901234567890').base32;

describe('TOTP (RFC 6238)', () => {
  for (const [seconds, code] of [
    [59, '94287082'],
    [1111111109, '07081804'],
    [1111111111, '14050471'],
    [1234567890, '89005924'],
    [2000000000, '69279037'],
    [20000000000, '65353130'],
  ] as const) {
    it(`gives the code of appendix B at ${seconds} s`, () => {
      assert.equal(totpCode(SEED, Math.floor(seconds / 30), 8), code);
    });
  }

  const now = 1_800_000_000_000;
  const step = Math.floor(now / 30_000);
  for (const [name, offset, lastStep, outcome] of [
    ['accepts the present step', 0, -1, 'accepted'],
    ['accepts the step before', -1, -1, 'accepted'],
    ['accepts the step after', 1, -1, 'accepted'],
    ['refuses two steps before', -2, -1, 'wrong'],
    ['refuses two steps after', 2, -1, 'wrong'],
    ['refuses the last accepted step as replayed', 0, step, 'replayed'],
    ['refuses a step before the last accepted one as replayed', -1, step, 'replayed'],
    ['accepts the step after the last accepted one', 1, step, 'accepted'],
  ] as const) {
    it(name, () => {
      const check = checkTotp({ secret: SEED, code: totpCode(SEED, step + offset), now, lastStep });
      assert.equal(check.outcome, outcome);
      if (check.outcome === 'accepted') assert.equal(check.step, step + offset);
    });
  }

  for (const code of ['', '12345', '1234567', 'abcdef', '１２３４５６', '-12345', '1e5000']) {
    it(`refuses \`${code}\``, () => {
      assert.equal(checkTotp({ secret: SEED, code, now, lastStep: -1 }).outcome, 'wrong');
    });
  }

  it('reads a code with spaces', () => {
    const code = totpCode(SEED, step).replace(/^(\d{3})/, ' $1 ');
    assert.equal(checkTotp({ secret: SEED, code, now, lastStep: -1 }).outcome, 'accepted');
  });

  it('makes secrets of 160 bits and the address an app reads', () => {
    const secret = newTotpSecret();
    assert.match(secret, /^[A-Z2-7]{32}$/);
    assert.notEqual(secret, newTotpSecret());
    const uri = new URL(totpUri(secret, 'Cordon', 'a@example.org'));
    assert.equal(uri.protocol, 'otpauth:');
    assert.equal(uri.searchParams.get('secret'), secret);
    assert.equal(uri.searchParams.get('issuer'), 'Cordon');
  });
});
