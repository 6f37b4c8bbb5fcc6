import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { IDENTITY_LIMITS } from '#identity';
import { createPasswordHasher } from './password.ts';
import { checkNewPassword } from './password-rules.ts';

const limits = { ...IDENTITY_LIMITS.password, memoryKiB: 64, passes: 1 };
const context = { email: 'ada.lovelace@example.org', name: 'Ada Lovelace' };

describe('password rules (NIST SP 800-63B-4 §3.1.1.2)', () => {
  for (const [password, expected] of [
    ['seven brave otters', 'ok'],
    ['zxqv!9Lm', 'ok'],
    ['ünïcödé wörds', 'ok'],
    ['😀🐙🚀🎈🍉🧩🪁🎻', 'ok'],
    [' leading and trailing ', 'ok'],
    ['a long passphrase that goes on for a while, and then a little longer, past sixty-four letters', 'ok'],
    ['a7#kQ2z', 'password-too-short'],
    ['', 'password-too-short'],
    ['é'.normalize('NFD').repeat(7), 'password-too-short'],
    [`${'long '.repeat(205)}`, 'password-too-long'],
    ['password', 'password-guessable'],
    ['PassWord2026!!', 'password-guessable'],
    ['1qaz2wsx', 'password-guessable'],
    ['!!!qwerty123', 'password-guessable'],
    ['12345678', 'password-guessable'],
    ['1234567890', 'password-guessable'],
    ['87654321', 'password-guessable'],
    ['aaaaaaaaaaaa', 'password-guessable'],
    ['abababababab', 'password-guessable'],
    ['xyz9xyz9xyz9', 'password-guessable'],
    ['Cordon2026!', 'password-guessable'],
    ['lovelace1815', 'password-guessable'],
    ['ada.lovelace', 'password-guessable'],
    ['AdaLovelace!', 'password-guessable'],
    ['ada.lovelace@example.org', 'password-guessable'],
  ] as const) {
    it(`says ${expected} to \`${password.slice(0, 30)}\``, () => {
      const checked = checkNewPassword(password, context, limits);
      assert.equal(checked.ok ? 'ok' : checked.error.code, expected);
    });
  }
});

describe('password hashing', () => {
  it('writes Argon2id in PHC form at the floor of OWASP ASVS by default', async () => {
    const hasher = createPasswordHasher(IDENTITY_LIMITS.password);
    const phc = (await hasher.hash('seven brave otters')) ?? '';
    assert.match(phc, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    assert.equal(await hasher.withTurn(async (verify) => await verify(phc, 'seven brave otters')), true);
  });

  it('verifies what it hashed, in any normal form, and nothing else', async () => {
    const hasher = createPasswordHasher(limits);
    const phc = await hasher.hash('Zoë and seven otters'.normalize('NFD'));
    const check = async (stored: string | undefined, password: string) =>
      await hasher.withTurn(async (verify) => await verify(stored, password));
    assert.equal(await check(phc, 'Zoë and seven otters'.normalize('NFC')), true);
    assert.equal(await check(phc, 'zoë and seven otters'), false);
    assert.equal(await check(phc, 'Zoë and seven otter'), false);
    assert.equal(await check(undefined, 'Zoë and seven otters'), false);
    assert.equal(await check('$argon2i$v=19$m=64,t=1,p=1$AAAA$AAAA', ''), false);
    assert.notEqual(phc, await hasher.hash('Zoë and seven otters'), 'every hash has its own salt');
  });

  it('sheds a flood instead of piling it up, and works afterwards', async () => {
    const hasher = createPasswordHasher({ ...limits, concurrency: 2, queue: 3 });
    const results = await Promise.all(Array.from({ length: 20 }, async () => await hasher.hash('seven brave otters')));
    assert.equal(results.filter((phc) => phc !== undefined).length, 5);
    assert.ok((await hasher.hash('seven brave otters')) !== undefined);
  });

  it('gives its turn back when the work fails', async () => {
    const hasher = createPasswordHasher({ ...limits, concurrency: 1, queue: 0 });
    await assert.rejects(hasher.withTurn(async () => await Promise.reject(new Error('no'))));
    assert.ok((await hasher.hash('seven brave otters')) !== undefined);
  });
});
