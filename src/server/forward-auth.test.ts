import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { describe, it } from 'node:test';
import { CordonError } from '#base';
import { listenForProxies } from './forward-auth.ts';
import { started } from './testdata/started.ts';

const WIKI = `
listen: { http: "127.0.0.1:0", tls: "127.0.0.1:0" }
apps: { wiki: { enforced_by: forward-auth } }
`;
const METADATA = {
  'x-forwarded-method': 'GET',
  'x-forwarded-proto': 'http',
  'x-forwarded-host': 'wiki.localhost',
  'x-forwarded-uri': '/',
  'x-forwarded-for': '127.0.0.1',
};

const POLICIES = { 'a.cedar': 'permit (principal, action == Action::"access", resource == App::"wiki");' };

async function ask(port: number | undefined): Promise<{ status: number; body: string }> {
  return await new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: '/forward-auth/traefik', headers: METADATA, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    })
      .on('error', reject)
      .end();
  });
}

describe('the listeners for proxies', () => {
  it('are not there unless the configuration names them', async (t) => {
    const cordon = await started(t, WIKI.replace('enforced_by: forward-auth', 'builtin: verify'), POLICIES);
    assert.deepEqual(cordon.front.askedAt, {});
  });

  it('answer a proxy that is trusted', async (t) => {
    const cordon = await started(
      t,
      `${WIKI}forward_auth: { listen: "127.0.0.1:0", trusted_proxies: [127.0.0.1/32] }`,
      POLICIES,
    );
    const { status, body } = await ask(cordon.front.askedAt.http);
    assert.equal(status, 401);
    assert.match(body, /"code":"not-authenticated"/);
  });

  it('answer nobody while no proxy is trusted', async (t) => {
    const cordon = await started(t, `${WIKI}forward_auth: { listen: "127.0.0.1:0" }`, POLICIES);
    const { status, body } = await ask(cordon.front.askedAt.http);
    assert.equal(status, 403);
    assert.match(body, /"code":"proxy-untrusted"/);
  });

  it('answer in the same way when workers carry the traffic', async (t) => {
    const cordon = await started(
      t,
      `${WIKI}gateway: { workers: 2 }\nforward_auth: { listen: "127.0.0.1:0", trusted_proxies: [127.0.0.1/32] }`,
      POLICIES,
    );
    assert.equal((await ask(cordon.front.askedAt.http)).status, 401);
  });

  it('speak HTTP/2 with Envoy, and know only its one method', async (t) => {
    const cordon = await started(
      t,
      `${WIKI}forward_auth: { grpc: "127.0.0.1:0", trusted_proxies: [127.0.0.1/32] }`,
      POLICIES,
    );
    const session = connect(`http://127.0.0.1:${cordon.front.askedAt.grpc}`);
    const stream = session.request({ ':method': 'POST', ':path': '/other', 'content-type': 'application/grpc' });
    stream.end();
    const status = await new Promise((resolve) => {
      stream.once('response', (headers) => resolve(headers['grpc-status']));
    });
    session.destroy();
    assert.equal(status, '12');
  });

  it('stay with Envoy when one of its clients begins and cancels requests without end', async (t) => {
    const { ports, close } = await listenForProxies({
      settings: {
        http: undefined,
        grpc: { host: '127.0.0.1', port: 0 },
        trustedProxies: ['127.0.0.1/32'],
        publicPort: undefined,
      },
      gateway: { ask: ({ client }) => client.abort() },
      contextFor: () => assert.fail('there is no TLS on loopback'),
    });
    const session = connect(`http://127.0.0.1:${ports.grpc}`);
    session.on('error', () => undefined);
    t.after(async () => {
      session.destroy();
      await close();
    });
    const call = { ':method': 'POST', ':path': '/envoy.service.auth.v3.Authorization/Check' };
    for (let i = 0; i < 3000; i++) {
      session
        .request({ ...call, 'content-type': 'application/grpc' })
        .on('error', () => undefined)
        .close(8);
      if (i % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const other = session.request({ ...call, 'content-type': 'text/plain' });
    other.end();
    const status = await new Promise((resolve, reject) => {
      other.once('response', (headers) => resolve(headers['grpc-status'])).once('error', reject);
    });
    assert.equal(status, '12');
  });

  it('send people to the proxy for an app behind it', async (t) => {
    const cordon = await started(t, `${WIKI}forward_auth: { listen: "127.0.0.1:0", public_port: 9080 }`, POLICIES);
    assert.equal(cordon.services.originOf('wiki.localhost'), 'http://wiki.localhost:9080');
    assert.equal(cordon.services.originOf('id.localhost'), `http://id.localhost:${cordon.ports.http}`);
  });

  it('do not begin when a port is taken, and leave nothing open', async () => {
    const contextFor = (): never => assert.fail('nobody shakes hands here');
    const gateway = { ask: (): void => {} };
    const common = { trustedProxies: [], publicPort: undefined };
    const any = { host: '127.0.0.1', port: 0 };
    const first = await listenForProxies({
      settings: { ...common, http: any, grpc: undefined },
      gateway,
      contextFor,
    });
    const taken = { host: '127.0.0.1', port: first.ports.http ?? 0 };
    const second = listenForProxies({ settings: { ...common, http: any, grpc: taken }, gateway, contextFor });
    await assert.rejects(second, (error) => error instanceof CordonError && error.code === 'port-in-use');
    await first.close();
  });

  it('say nothing in the clear beyond loopback', async () => {
    const { ports, close } = await listenForProxies({
      settings: {
        http: { host: '0.0.0.0', port: 0 },
        grpc: undefined,
        trustedProxies: ['127.0.0.1/32'],
        publicPort: undefined,
      },
      gateway: { ask: () => assert.fail('this is no TLS') },
      contextFor: () => assert.fail('this is no TLS'),
    });
    const socket = connectTcp(ports.http ?? 0, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString('latin1'))).on('error', () => undefined);
    socket.write('GET /forward-auth/traefik HTTP/1.1\r\nhost: x\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    assert.doesNotMatch(answer, /HTTP/);
    await close();
  });
});
