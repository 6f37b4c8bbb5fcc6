import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Client } from '#identity';
import {
  type Bench,
  CHEAP,
  clientAt,
  codeOf,
  must,
  openBench,
  PASSWORD,
  type Person,
} from './testdata/identity-bench.ts';

async function start(): Promise<{ bench: Bench; ada: Person }> {
  const bench = await openBench();
  return { bench, ada: await bench.enrol({ email: 'ada@example.org', factors: ['totp', 'passkey'] }) };
}

async function tryPassword(bench: Bench, password: string, client: Client, email = 'ada@example.org'): Promise<string> {
  const outcome = await bench.identity.signIn.password({ email, password, client });
  return outcome.ok || outcome.error.retryAfterSeconds === undefined
    ? codeOf(outcome)
    : `wait ${outcome.error.retryAfterSeconds}`;
}

/** A new /24 every time, so that only the account's counter can matter. */
function stranger(index: number): Client {
  return clientAt(`100.${64 + (index >> 8)}.${index & 255}.1`);
}

describe('throttling', () => {
  it('makes one address wait after six wrong passwords, whatever the accounts', async () => {
    const { bench } = await start();
    const client = clientAt('203.0.113.9');
    const answers = [];
    for (let i = 0; i < 8; i++)
      answers.push(await tryPassword(bench, 'wrong password', client, `user${i}@example.org`));
    assert.deepEqual(answers, [...Array.from({ length: 6 }, () => 'credentials-wrong'), 'wait 30', 'wait 30']);
    assert.equal(await tryPassword(bench, PASSWORD, clientAt('203.0.113.10')), 'ok', 'others go on');
    bench.clock.advance(30_000);
    assert.equal(await tryPassword(bench, PASSWORD, client), 'ok');
  });

  it('doubles the wait up to an hour', async () => {
    const { bench } = await start();
    const waits = [];
    for (let i = 0; i < 16; i++) {
      await tryPassword(bench, 'wrong password', stranger(i));
      const answer = await tryPassword(bench, 'wrong password', stranger(i + 1000));
      if (!answer.startsWith('wait')) continue;
      waits.push(Number(answer.slice(5)));
      bench.clock.advance((waits.at(-1) ?? 0) * 1000);
    }
    assert.deepEqual(waits.slice(0, 9), [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
  });

  it('counts attempts that arrive at the same time one by one', async () => {
    const { bench } = await start();
    const client = clientAt('203.0.113.9');
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => await tryPassword(bench, 'wrong password', client)),
    );
    assert.equal(answers.filter((answer) => answer === 'credentials-wrong').length, 6);
  });

  it('treats an unknown account exactly as a known one', async () => {
    const { bench } = await start();
    const series = async (email: string, offset: number): Promise<string[]> => {
      const answers = [];
      for (let i = 0; i < 9; i++) answers.push(await tryPassword(bench, 'wrong password', stranger(offset + i), email));
      return answers;
    };
    assert.deepEqual(await series('nobody@example.org', 0), await series('ada@example.org', 100));
  });

  it('sees one client in all addresses of an IPv6 /64, and in an IPv4-mapped one', async () => {
    for (const [first, second] of [
      ['2001:db8::1', '2001:db8::ffff:1'],
      ['203.0.113.9', '::ffff:203.0.113.9'],
    ] as const) {
      const { bench } = await start();
      for (let i = 0; i < 6; i++) await tryPassword(bench, 'wrong password', clientAt(first), `user${i}@example.org`);
      assert.equal(await tryPassword(bench, PASSWORD, clientAt(second)), 'wait 30');
      assert.equal(await tryPassword(bench, PASSWORD, clientAt('2001:db8:0:1::1')), 'ok');
    }
  });

  it('survives a restart', async () => {
    const { bench } = await start();
    const client = clientAt('203.0.113.9');
    for (let i = 0; i < 6; i++) await tryPassword(bench, 'wrong password', client);
    const outcome = await bench.restart().signIn.password({ email: 'ada@example.org', password: PASSWORD, client });
    assert.equal(codeOf(outcome), 'too-many-attempts');
  });

  it("lets strangers lock out neither the owner's browser nor a passkey, and never after a hundred failures the password itself", async () => {
    const { bench, ada } = await start();
    let failures = 0;
    for (let i = 0; i < 150; i++) {
      if ((await tryPassword(bench, 'wrong password', stranger(i))) === 'credentials-wrong') failures++;
      bench.clock.advance(3_600_000);
    }
    assert.equal(failures, 80, 'NIST SP 800-63B-4 allows a hundred; twenty are kept for known browsers');
    bench.clock.advance(90 * 24 * 3_600_000);
    assert.equal(
      await tryPassword(bench, PASSWORD, stranger(999)),
      'wait 3600',
      'time alone does not bring more guesses',
    );
    const { flow, options } = must(await bench.identity.signIn.beginPasskey({ client: stranger(1) }));
    const response = ada.authenticator?.get(options);
    assert.equal(codeOf(await bench.identity.signIn.finishPasskey({ flow, response, client: stranger(1) })), 'ok');
    assert.equal(await tryPassword(bench, PASSWORD, { ...stranger(1), deviceToken: ada.client.deviceToken }), 'ok');
    assert.equal(await tryPassword(bench, PASSWORD, stranger(999)), 'ok', 'the owner was back');
  });

  it('ends guessing from a known browser after twenty failures', async () => {
    const { bench, ada } = await start();
    let failures = 0;
    for (let i = 0; i < 40; i++) {
      if ((await tryPassword(bench, 'wrong password', ada.client)) === 'credentials-wrong') failures++;
      bench.clock.advance(3_600_000);
    }
    assert.equal(failures, 20);
  });

  it("does not take another person's browser for a known one", async () => {
    const { bench, ada } = await start();
    await bench.enrol({ email: 'bob@example.org', factors: ['totp'] });
    for (let i = 0; i < 6; i++) await tryPassword(bench, 'wrong password', ada.client, 'bob@example.org');
    assert.equal(await tryPassword(bench, PASSWORD, ada.client, 'bob@example.org'), 'wait 30');
  });

  it('starts from zero after a success, for the account but not for the address', async () => {
    const { bench } = await start();
    const client = clientAt('203.0.113.9');
    for (let i = 0; i < 5; i++) await tryPassword(bench, 'wrong password', client);
    assert.equal(await tryPassword(bench, PASSWORD, client), 'ok');
    assert.equal(await tryPassword(bench, 'wrong password', client), 'credentials-wrong');
    assert.equal(await tryPassword(bench, PASSWORD, client), 'wait 30', 'an own account in between buys no guesses');
    assert.equal(await tryPassword(bench, 'wrong password', stranger(0)), 'credentials-wrong');
    assert.equal(await tryPassword(bench, PASSWORD, stranger(1)), 'ok');
  });

  it('counts codes apart from passwords', async () => {
    const { bench, ada } = await start();
    const pending = must(
      await bench.identity.signIn.password({ email: ada.email, password: PASSWORD, client: stranger(0) }),
    ).pending;
    const codes = [];
    for (let i = 0; i < 8; i++)
      codes.push(codeOf(await bench.identity.signIn.totp({ pending, code: '000000', client: stranger(i) })));
    assert.deepEqual(codes, [
      ...Array.from({ length: 6 }, () => 'code-wrong'),
      'too-many-attempts',
      'too-many-attempts',
    ]);
    assert.equal(
      codeOf(await bench.identity.signIn.totp({ pending, code: bench.freshCode(ada), client: stranger(9) })),
      'ok',
      'thirty seconds later',
    );
    const again = must(
      await bench.identity.signIn.password({ email: ada.email, password: PASSWORD, client: stranger(20) }),
    ).pending;
    const recovery = await bench.identity.signIn.recovery({
      pending: again,
      code: ada.recoveryCodes[0] ?? '',
      client: stranger(20),
    });
    assert.equal(codeOf(recovery), 'ok');
  });

  it('sheds a flood before it costs anything, and forgets about it', async () => {
    const bench = await openBench({ ...CHEAP, throttle: { ...CHEAP.throttle, rows: 10 } });
    await bench.enrol({ email: 'ada@example.org', factors: ['totp'] });
    const answers = await Promise.all(
      Array.from(
        { length: 100 },
        async (_, i) => await tryPassword(bench, 'wrong password', stranger(i), `user${i}@example.org`),
      ),
    );
    assert.equal(
      answers.filter((answer) => answer === 'credentials-wrong').length,
      34,
      'two at work and thirty-two in line',
    );
    assert.equal(answers.filter((answer) => answer === 'wait 1').length, 66);
    assert.equal((await bench.identity.sweep()).throttle, 58, 'two rows per attempt, ten may stay');
    bench.clock.advance(30 * 24 * 3_600_000 + 1);
    assert.equal((await bench.identity.sweep()).throttle, 10);
  });

  it('does not make anybody wait longer because the clock was set back', async () => {
    const { bench } = await start();
    const client = clientAt('203.0.113.9');
    for (let i = 0; i < 6; i++) await tryPassword(bench, 'wrong password', client);
    bench.clock.advance(-365 * 24 * 3_600_000);
    assert.equal(await tryPassword(bench, PASSWORD, client), 'wait 30');
  });
});
