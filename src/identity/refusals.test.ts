import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newToken } from '#base';
import { type Bench, CHEAP, clientAt, must, openBench, PASSWORD, type Person } from './testdata/identity-bench.ts';

const client = clientAt('203.0.113.9');
/** Five seconds' worth of `refusalsToldPerSecond`. */
const ROOM = 5 * CHEAP.refusalsToldPerSecond;

async function start(): Promise<{ bench: Bench; ada: Person }> {
  const bench = await openBench();
  const ada = await bench.enrol({ email: 'ada@example.org', factors: ['totp', 'passkey'] });
  bench.events.length = 0;
  return { bench, ada };
}

function told({ events }: Bench, code: string): number {
  return events.filter(({ status_code }) => status_code === code).length;
}

/** What somebody without an account can have refused as often as they like. */
const strangers: readonly (readonly [string, string, (bench: Bench) => Promise<unknown>])[] = [
  [
    'being told to wait',
    'too-many-attempts',
    async ({ identity }) => await identity.signIn.password({ email: 'ada@example.org', password: 'wrong', client }),
  ],
  [
    'passkeys of nobody',
    'passkey-refused',
    async ({ identity }) => {
      const { flow } = must(await identity.signIn.beginPasskey({ client }));
      await identity.signIn.finishPasskey({ flow, response: { id: 'x', response: {} }, client });
    },
  ],
  [
    'passkeys that are not of the account they name',
    'passkey-refused',
    async ({ identity, graph }) => {
      const { flow } = must(await identity.signIn.beginPasskey({ client }));
      const [user] = graph.all('user');
      const userHandle = Buffer.from(user?.id ?? '').toString('base64url');
      await identity.signIn.finishPasskey({ flow, response: { id: 'x', response: { userHandle } }, client });
    },
  ],
  [
    'hand-off codes that do not exist',
    'handoff-invalid',
    async ({ identity }) =>
      await identity.handoff.redeem({ code: newToken(), verifier: newToken(), host: 'verify.localhost', client }),
  ],
];

describe('what is written about refusals', () => {
  for (const [what, code, attempt] of strangers) {
    it(`of ${what} is bounded, and goes on later`, async () => {
      const { bench } = await start();
      for (let i = 0; i < 3 * ROOM; i++) await attempt(bench);
      assert.equal(told(bench, code), ROOM);
      bench.clock.advance(1000);
      for (let i = 0; i < ROOM; i++) await attempt(bench);
      assert.equal(told(bench, code), ROOM + CHEAP.refusalsToldPerSecond);
    });
  }

  it('behind a right password is counted by person, so that strangers take no room from it', async () => {
    const { bench, ada } = await start();
    const [, , attempt] = strangers[1] ?? assert.fail('a row is missing');
    for (let i = 0; i < 2 * ROOM; i++) await attempt(bench);
    const { pending } = must(await bench.identity.signIn.password({ email: ada.email, password: PASSWORD, client }));
    bench.events.length = 0;
    for (let i = 0; i < 2 * ROOM; i++) {
      const { flow } = must(await bench.identity.signIn.beginPasskey({ pending, client }));
      await bench.identity.signIn.finishPasskey({ flow, response: { id: 'x', response: {} }, client });
    }
    assert.equal(told(bench, 'passkey-refused'), ROOM);
  });

  it('holds every password that was looked at', async () => {
    const { bench } = await start();
    for (let i = 0; i < 2 * ROOM; i++) {
      const other = clientAt(`100.64.${i}.1`);
      await bench.identity.signIn.password({ email: `nobody${i}@example.org`, password: 'wrong', client: other });
    }
    assert.equal(told(bench, 'account-unknown'), 2 * ROOM);
  });
});
