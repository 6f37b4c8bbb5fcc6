import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Agent, WebSocket } from 'undici';
import { systemClock } from '#base';
import { type Authority, createAuthority, type ServerCertificate } from '#devices';
import { SERVER_OPTIONS } from '#gateway';
import { openStore, type Store } from '#store';
import { listen, portOf } from './upstream.ts';
import { LAPTOP, type World, world, type WorldOptions } from './world.ts';

describe('the gateway over TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-tls-'));
  let [store, authority, own]: [Store | undefined, Authority | undefined, ServerCertificate | undefined] = [] as never;
  before(async () => {
    store = await openStore({ path: join(folder, 'store.db'), clock: systemClock });
    authority = await createAuthority({ store, clock: systemClock });
    own = await authority.issueServer(['wiki.localhost', 'localhost']);
  });
  after(async () => {
    await store?.close();
    rmSync(folder, { recursive: true });
  });

  async function tlsWorld(options: WorldOptions): Promise<{ made: World; server: Server; port: number }> {
    const made = await world(options);
    const { certificate: cert = '', key = '' } = own ?? {};
    const server = createServer({ ...SERVER_OPTIONS, cert, key }, (incoming, response) => {
      made.gateway.handle(incoming, response);
    });
    server.on('upgrade', (incoming, socket, head) => {
      made.gateway.upgrade(incoming, socket, head);
    });
    await listen(server);
    return { made, server, port: portOf(server) };
  }

  function askOver(port: number, cookie: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const headers = { host: `wiki.localhost:${port}`, cookie };
      const options = {
        host: '127.0.0.1',
        port,
        servername: 'wiki.localhost',
        ca: authority?.certificate,
        agent: false,
        headers,
      };
      request(options, (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0));
      })
        .on('error', reject)
        .end();
    });
  }

  it('counts the device whose certificate was proved, which over HTTP nobody proves', async () => {
    const phone = { ...LAPTOP, id: 'dev_phone' };
    const { made, server, port } = await tlsWorld({
      apps: [{ device: 'healthy' }],
      options: { deviceOf: () => phone },
    });
    made.put('device', phone);
    const cookie = made.signIn({ session: { deviceId: 'dev_none' } });
    assert.equal(await askOver(port, cookie), 200);
    assert.equal((await made.ask({ cookie })).status, 403);
    const { headers } = made.arrivals[0] ?? assert.fail();
    assert.deepEqual([headers['x-forwarded-proto'], headers['x-forwarded-host']], ['https', `wiki.localhost:${port}`]);
    const claims = JSON.parse(
      Buffer.from(String(headers['x-cordon-assertion']).split('.')[1] ?? '', 'base64url').toString(),
    );
    assert.equal(claims.device.id, 'dev_phone');
    server.close();
  });

  it('cuts a WebSocket with the reason, and takes only its own https origin', async () => {
    const { made, server, port } = await tlsWorld({ apps: [{ host: 'localhost' }] });
    const cookie = made.signIn({ host: 'localhost' });

    const dispatcher = new Agent({ connect: { ca: authority?.certificate ?? '' } });
    const open = (origin: string): Promise<{ code: number; reason: string } | 'refused'> =>
      new Promise((resolve) => {
        const socket = new WebSocket(`wss://localhost:${port}/`, { dispatcher, headers: { cookie, origin } });
        let isOpen = false;
        socket.onopen = () => {
          isOpen = true;
          made.gateway.cut({}, { code: 'connection-ended' });
        };
        socket.onclose = ({ code, reason }) => resolve(isOpen ? { code, reason } : 'refused');
      });
    assert.equal(await open(`http://localhost:${port}`), 'refused');
    assert.deepEqual(await open(`https://localhost:${port}`), {
      code: 4403,
      reason: 'connection-ended: An administrator ended this connection',
    });
    await dispatcher.close();
    server.close();
  });
});
