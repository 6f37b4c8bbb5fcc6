import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { estate } from './estate.ts';
import { ask, type Asking, until } from './wire.ts';
import { ADA, LAPTOP, world } from './world.ts';

const HOUR = 3_600_000;
const codeOf = ({ body }: { readonly body: string }): unknown => JSON.parse(body).code;

describe('a clock that is set forward', () => {
  it('ends what has expired by it, open streams too, with an event, and needs no restart when it is set right', async () => {
    const made = await world();
    const cookie = made.signIn();
    const client = await made.webSocket({ cookie });
    made.clock.advance(13 * HOUR);
    made.gateway.sweep();
    assert.match((await client.closed).reason ?? '', /^session-expired/);
    const answer = await made.ask({ cookie });
    assert.deepEqual([answer.status, codeOf(answer)], [401, 'session-expired']);
    assert.ok(
      made.events.some(({ status_code: code, activity_name: name }) => code === 'session-expired' && name === 'cut'),
    );
    made.clock.advance(-13 * HOUR);
    assert.equal((await made.ask({ cookie })).status, 200);
  });
});

describe('a clock that is set back', () => {
  it('brings nothing back that was ended', async () => {
    const made = await world();
    const cookie = made.signIn();
    const [session] = made.graph.all('session');
    assert.ok(session);
    made.clock.advance(HOUR);
    made.remove('session', session.id);
    made.clock.advance(-2 * HOUR);
    assert.equal((await made.ask({ cookie })).status, 401);
    assert.deepEqual(made.arrivals, []);
  });

  it('makes no posture fresh that was stale, however far it is set back', async () => {
    const made = await world({ apps: [{ tier: 0, device: 'healthy' }] });
    const stale = { ...LAPTOP.posture, collectedAt: made.clock.now() - 25 * HOUR };
    made.patch('device', LAPTOP.id, { posture: stale });
    const cookie = made.signIn();
    for (const back of [0, HOUR, 12 * HOUR]) {
      made.clock.advance(-back);
      const code = codeOf(await made.ask({ cookie }));
      // Whoever signed in after now is not believed either.
      assert.equal(code, back === 0 ? 'device-stale' : 'sign-in-too-old');
    }
    assert.deepEqual(made.arrivals, []);
  });

  it('lets nobody in that a policy refuses, and answers those it permits', async () => {
    const made = await world();
    const [ada, bob] = [made.signIn(), made.signIn({ user: 'usr_bob' })];
    for (const hours of [-1, -24, -24 * 365]) {
      made.clock.advance(hours * HOUR);
      assert.equal((await made.ask({ cookie: bob })).status, 403);
      assert.ok((await made.ask({ cookie: ada })).status < 500);
    }
    made.clock.advance((24 * 365 + 25) * HOUR);
    assert.equal((await made.ask({ cookie: ada })).status, 200);
  });
});

describe('a journal that fails and comes back', () => {
  it('is used again without a restart', async () => {
    const made = await world({ apps: [{ tier: 1, device: 'any' }] });
    const cookie = made.signIn();
    made.isWritable = false;
    assert.equal(codeOf(await made.ask({ cookie })), 'cannot-record');
    assert.deepEqual(made.arrivals, []);
    made.isWritable = true;
    assert.equal((await made.ask({ cookie })).status, 200);
    assert.ok(made.events.length > 0);
  });
});

describe('policies and graphs that cannot be asked', () => {
  it('open nothing while they fail, and are asked again when they do not', async () => {
    let failure: Error | undefined;
    const made = await world();
    const broken = await world({
      options: {
        policies: () => {
          if (failure !== undefined) throw failure;
          return made.policies;
        },
      },
    });
    const cookie = broken.signIn();
    failure = new Error('no policies to be had');
    const answer = await broken.ask({ cookie });
    assert.deepEqual([answer.status, codeOf(answer)], [500, 'internal']);
    assert.doesNotMatch(answer.body, /to be had/, 'what failed inside is for the log');
    assert.deepEqual(broken.arrivals, []);
    failure = undefined;
    assert.equal((await broken.ask({ cookie })).status, 200);
    assert.ok(broken.errors.splice(0).length > 0);
    assert.ok(broken.graph.get('user', ADA.id));
  });
});

describe('a store that is gone', () => {
  it('leaves the gateway deciding from what it knows, and lets nobody sign in', async (t) => {
    const { cordon, waiting, cookie } = await estate(t);
    const port = cordon.ports.http ?? 0;
    await cordon.services.store.close();
    const asking = ask(port, { cookie });
    await until(() => waiting.length === 1, 'the request at the app');
    waiting[0]?.end('served');
    assert.deepEqual([(await asking).status, (await asking).body], [200, 'served']);
    assert.equal((await ask(port)).status, 401, 'who is not known is not let in');
    const token = 'a'.repeat(43);
    for (const [path, body] of [
      ['/api/sign-in/password', { email: 'ada@example.org', password: 'seven brave otters' }],
      ['/api/enrolment', { token }],
    ] as const) {
      const answer = await ask(port, identityCall(port, path, body));
      assert.deepEqual([answer.status, JSON.parse(answer.body).error.code], [503, 'store-unavailable'], path);
      assert.doesNotMatch(answer.body, /cordon\.db|closed/, 'where it lies is for the log');
      assert.equal(answer.headers['set-cookie'], undefined);
    }
  });
});

function identityCall(port: number, path: string, body: object): Asking {
  return {
    host: 'id.localhost',
    method: 'POST',
    path,
    headers: {
      'content-type': 'application/json',
      origin: `http://id.localhost:${port}`,
      'x-requested-with': 'cordon',
    },
    body: JSON.stringify(body),
  };
}
