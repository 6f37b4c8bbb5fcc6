import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findAddress, type Whereabouts, whereabouts } from './whereabouts.ts';

/** A name that no resolver knows (RFC 6761). */
const NOWHERE = 'server.invalid';

async function find(where: Whereabouts, name: string, all = true): Promise<string> {
  return await new Promise((resolve) => {
    where.lookup(name, { all }, (error, address, family) => {
      if (error !== null) return resolve('unknown');
      const [first] = typeof address === 'string' ? [{ address, family: family ?? 0 }] : address;
      resolve(`${first?.address} v${first?.family}`);
    });
  });
}

describe('finding the server', () => {
  it('asks the resolver while it was never reached', async () => {
    const where = whereabouts(undefined, () => {});
    assert.match(await find(where, 'localhost'), /^(?:127\.0\.0\.1 v4|::1 v6)$/);
    assert.equal(await find(where, NOWHERE), 'unknown');
    assert.equal(
      await find(
        whereabouts('garbage', () => {}),
        NOWHERE,
      ),
      'unknown',
      'a file that holds something else',
    );
  });

  it('goes where it was reached, without a resolver, in either form of the question', async () => {
    const where = whereabouts('192.0.2.7', () => {});
    assert.equal(await find(where, NOWHERE), '192.0.2.7 v4');
    assert.equal(await find(where, NOWHERE, false), '192.0.2.7 v4');
    where.reached('2001:db8::7');
    assert.equal(await find(where, NOWHERE), '2001:db8::7 v6');
  });

  it('asks the resolver again after a miss, and goes to the old address when that is silent too', async () => {
    const where = whereabouts('192.0.2.7', () => {});
    where.missed();
    assert.match(await find(where, 'localhost'), /^(?:127\.0\.0\.1|::1)/);
    assert.equal(await find(where, NOWHERE), '192.0.2.7 v4');
    where.missed();
    assert.equal(await find(where, 'localhost'), '192.0.2.7 v4', 'now the one, now the other');
  });

  it('knows that names below localhost are this host, and asks for no other one itself', async () => {
    const find = async (name: string, all: boolean): Promise<unknown> =>
      await new Promise((resolve) => {
        findAddress(name, { all }, (error, address) => resolve(error === null ? address : 'unknown'));
      });
    for (const name of ['agent.localhost', 'localhost', 'AGENT.LOCALHOST.']) {
      assert.equal(await find(name, false), '127.0.0.1', name);
      assert.deepEqual(await find(name, true), [{ address: '127.0.0.1', family: 4 }], name);
    }
    for (const name of ['server.invalid', 'localhost.invalid', 'notlocalhost']) {
      assert.equal(await find(name, false), 'unknown', name);
    }
  });

  it('tells a new address once', () => {
    const told: string[] = [];
    const where = whereabouts('192.0.2.7', (address) => told.push(address));
    for (const address of ['192.0.2.7', '192.0.2.8', '192.0.2.8', '', 'garbage']) where.reached(address);
    assert.deepEqual(told, ['192.0.2.8']);
  });
});
