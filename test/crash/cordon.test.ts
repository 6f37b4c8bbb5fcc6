// Kills the whole of Cordon at random moments: whatever it acknowledged is there after the next start.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Installation, installation } from '../story/cordon.ts';

const ROUNDS = 6;

interface Acknowledged {
  readonly users: Map<string, 'invited' | 'disabled'>;
  policyVersion: number;
}

async function call(socketPath: string, method: string, path: string, body?: object): Promise<unknown> {
  return await new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path, headers: { 'content-type': 'application/json' } }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += String(chunk)));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
      });
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Changes things one after another until the connection breaks; notes only what was answered. Resolves with how much that was. */
async function change(socket: string, acknowledged: Acknowledged, round: number): Promise<number> {
  let count = 0;
  try {
    for (let step = 0; ; step++) {
      const email = `p${round}-${step}@example.org`;
      const { userId } = (await call(socket, 'POST', '/api/users', { email })) as { userId: string };
      acknowledged.users.set(userId, 'invited');
      count += 1;
      if (step % 2 === 0) {
        await call(socket, 'POST', `/api/users/${userId}/disable`);
        acknowledged.users.set(userId, 'disabled');
        count += 1;
      }
      if (step % 4 !== 3) continue;
      const texts = { 'a.cedar': `permit (principal, action == Action::"access", resource); // ${round} ${step}` };
      const answer = (await call(socket, 'POST', '/api/policies', { texts, message: 'a test' })) as { version: number };
      acknowledged.policyVersion = answer.version;
      count += 1;
    }
  } catch {
    return count;
  }
}

async function assertNothingLost(
  cordon: Installation,
  socket: string,
  { users, policyVersion }: Acknowledged,
): Promise<void> {
  const { items } = (await call(socket, 'GET', '/api/users')) as { items: { id: string; status: string }[] };
  const status = new Map(items.map((user) => [user.id, user.status]));
  for (const [id, expected] of users) {
    // What was on its way when the process died may have happened too.
    const isThere = expected === 'invited' ? ['invited', 'disabled'] : ['disabled'];
    assert.ok(isThere.includes(status.get(id) ?? 'lost'), `${id} is ${status.get(id)}, acknowledged as ${expected}`);
  }
  const active = (await call(socket, 'GET', '/api/policies')) as { version: number };
  assert.ok(active.version >= policyVersion, `policies ${active.version}, acknowledged ${policyVersion}`);
  const sql = "select count(*) as n from events where message like 'invited %'";
  const { rows } = (await call(socket, 'POST', '/api/events/query', { sql })) as { rows: { n: number | string }[] };
  assert.ok(Number(rows[0]?.n) >= users.size, `${rows[0]?.n} events for ${users.size} acknowledged invitations`);
  assert.equal((await cordon.run('audit', 'verify', '--journal', 'data/journal')).code, 0);
}

describe('a killed Cordon', { timeout: 120_000 }, () => {
  it('has lost nothing that it acknowledged', async () => {
    const cordon = installation();
    const socket = join(cordon.folder, 'data/control.sock');
    const acknowledged: Acknowledged = { users: new Map(), policyVersion: 0 };
    cordon.write('cordon.yaml', 'listen: { http: "127.0.0.1:0", tls: "off" }\n');
    cordon.write('policies/a.cedar', 'permit (principal, action == Action::"access", resource);\n');
    try {
      let changes = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const running = await cordon.up('-c', 'cordon.yaml');
        await assertNothingLost(cordon, socket, acknowledged);
        const working = change(socket, acknowledged, round);
        await wait(200 + Math.random() * 800);
        await running.stop('SIGKILL');
        changes += await working;
      }
      assert.ok(changes > 2 * ROUNDS, `only ${changes} changes in all; the test proves little`);
      await cordon.up('-c', 'cordon.yaml');
      await assertNothingLost(cordon, socket, acknowledged);
    } finally {
      await cordon.remove();
    }
  });
});
