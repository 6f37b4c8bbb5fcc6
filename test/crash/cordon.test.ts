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

/** Changes things one after another until the connection breaks; notes only what was answered. */
async function change(socket: string, acknowledged: Acknowledged, round: number): Promise<number> {
  let count = 0;
  try {
    for (;;) {
      const email = `p${round}-${count}@example.org`;
      const { userId } = (await call(socket, 'POST', '/api/users', { email })) as { userId: string };
      acknowledged.users.set(userId, 'invited');
      if (count % 2 === 0) {
        await call(socket, 'POST', `/api/users/${userId}/disable`);
        acknowledged.users.set(userId, 'disabled');
      }
      const texts = { 'a.cedar': `permit (principal, action == Action::"access", resource); // ${round} ${count}` };
      const { version } = (await call(socket, 'POST', '/api/policies', { texts, message: 'a test' })) as {
        version: number;
      };
      acknowledged.policyVersion = version;
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
  const sql = "select count(*) as n from events where class_uid = 3007 and message like 'invited %'";
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
        await wait(50 + Math.random() * 400);
        await running.stop('SIGKILL');
        changes += await working;
      }
      assert.ok(changes > ROUNDS, `only ${changes} changes in all; the test proves little`);
      await cordon.up('-c', 'cordon.yaml');
      await assertNothingLost(cordon, socket, acknowledged);
    } finally {
      await cordon.remove();
    }
  });
});
