import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BOB, LAPTOP, world } from './world.ts';

const PAGE = { accept: 'text/html' };

describe('the page of a denial', () => {
  it('says what would let a person in, and nothing of others or of what is stored about the app', async () => {
    const made = await world({
      policies: `permit (principal in Group::"engineering", action == Action::"access", resource);
        permit (principal == User::"secret-person", action == Action::"access", resource);`,
    });
    const cookie = made.signIn({ user: BOB.id, session: { deviceId: LAPTOP.id } });
    made.patch('device', LAPTOP.id, { ownerId: BOB.id });
    const page = await made.ask({ cookie, headers: PAGE });
    assert.match(
      page.body,
      /What would let you in<\/h2>\n<ul><li>be in the group <code>engineering<\/code><\/li><\/ul>/,
    );
    const program = await made.ask({ cookie, headers: { accept: 'application/json' } });
    assert.deepEqual(JSON.parse(program.body).wouldAllow, ['be in the group `engineering`']);
    made.activate('permit (principal == User::"secret-person", action == Action::"access", resource);');
    const closed = await made.ask({ cookie, headers: PAGE });
    assert.equal(closed.status, 403);
    assert.ok(!closed.body.includes('secret-person') && !closed.body.includes('What would let you in'));
    made.activate('permit (principal, action == Action::"access", resource) when { resource.name == "Secret name" };');
    const stored = await made.ask({ cookie, headers: PAGE });
    assert.ok(!stored.body.includes('Secret name') && !stored.body.includes('What would let you in'));
  });
});
