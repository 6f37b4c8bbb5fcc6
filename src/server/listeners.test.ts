import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { CordonError, manualClock } from '#base';
import { createAuthority } from '#devices';
import { openStore } from '#store';
import { keepCertificates } from './certificates.ts';
import { type Handlers, type Listeners, openListeners } from './listeners.ts';

const LOCAL = { host: '127.0.0.1', port: 0 };
const open: Listeners[] = [];

async function listeners(tls = false): Promise<Listeners> {
  const opened = await openListeners({ http: LOCAL, tls: tls ? LOCAL : undefined });
  open.push(opened);
  return opened;
}

/** Every handler answers with its own name. */
function named(): Handlers {
  const says =
    (name: string) =>
    (_request: IncomingMessage, response: ServerResponse): void => {
      response.end(name);
    };
  return {
    own: new Map([
      ['id.localhost', says('identity')],
      ['agent.localhost', says('agent')],
    ]),
    tlsOnly: new Set(['agent.localhost']),
    gateway: {
      handle: says('gateway'),
      upgrade: (_request, socket) => {
        socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\ngateway');
      },
      stream: (stream) => {
        stream.respond({ ':status': 200 });
        stream.end('gateway over HTTP/2');
      },
    },
  };
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
}

async function get(port: number | undefined, host: string): Promise<{ status: number; text: string }> {
  return await new Promise((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port, headers: { host }, agent: false }, (response) => {
      textOf(response).then((text) => {
        resolve({ status: response.statusCode ?? 0, text });
      }, reject);
    })
      .on('error', reject)
      .end();
  });
}

async function raw(port: number | undefined, text: string): Promise<string> {
  const socket = connect(port ?? 0, '127.0.0.1');
  socket.end(text);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

/** True once the other end takes no more bytes, within two seconds. */
async function isEnded(socket: Socket): Promise<boolean> {
  socket.on('error', () => undefined).resume();
  for (let i = 0; i < 40 && !socket.destroyed; i++) {
    await sleep(50);
    socket.write('x');
  }
  const { destroyed } = socket;
  socket.destroy();
  return destroyed;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    if (error instanceof CordonError) return error.code;
    throw error;
  }
}

afterEach(async () => {
  await Promise.all(open.splice(0).map(async (one) => await one.close(0)));
});

describe('the listeners', () => {
  it('tell everybody that Cordon is starting until there is somebody to answer', async () => {
    const { ports, serve } = await listeners();
    assert.deepEqual(await get(ports.http, 'id.localhost'), { status: 503, text: 'Cordon is starting\n' });
    serve(named());
    assert.deepEqual(await get(ports.http, 'id.localhost'), { status: 200, text: 'identity' });
  });

  const hosts: readonly [string, string, string][] = [
    ['an own host', 'id.localhost', 'identity'],
    ['an own host in another spelling', 'ID.Localhost.:8080', 'identity'],
    ['an app', 'wiki.localhost', 'gateway'],
    ['a host below an own one', 'x.id.localhost', 'gateway'],
    ['an own host with something before it', 'evil@id.localhost', 'gateway'],
    ['the agents’ host over plain HTTP', 'agent.localhost', 'gateway'],
  ];
  for (const [what, host, answered] of hosts) {
    it(`let the ${answered} answer ${what}`, async () => {
      const { ports, serve } = await listeners();
      serve(named());
      assert.equal((await get(ports.http, host)).text, answered);
    });
  }

  it('let only the gateway upgrade', async () => {
    const { ports, serve } = await listeners();
    serve(named());
    const upgrade = (host: string): string =>
      `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
    assert.match(await raw(ports.http, upgrade('wiki.localhost')), /^HTTP\/1\.1 101 .*gateway$/s);
    assert.match(await raw(ports.http, upgrade('id.localhost')), /^HTTP\/1\.1 404 /);
  });

  it('end the connection of an upgrade that nobody takes, whatever its client does', async () => {
    const { ports, serve } = await listeners();
    serve(named());
    const socket = connect({ port: ports.http ?? 0, host: '127.0.0.1', allowHalfOpen: true });
    socket.write('GET / HTTP/1.1\r\nHost: id.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    assert.ok(await isEnded(socket), 'it stays open');
  });

  it('let no own host answer a target that names a host itself', async () => {
    const { ports, serve } = await listeners();
    serve(named());
    for (const target of ['http://evil.localhost/api/me', 'http://id.localhost/', '*']) {
      const method = target === '*' ? 'OPTIONS' : 'GET';
      const answer = await raw(
        ports.http,
        `${method} ${target} HTTP/1.1\r\nhost: id.localhost\r\nconnection: close\r\n\r\n`,
      );
      assert.match(answer, /gateway/, target);
    }
  });

  it('refuse bytes that are not HTTP', async () => {
    const { ports, serve } = await listeners();
    serve(named());
    assert.match(await raw(ports.http, 'NOT HTTP\r\n\r\n'), /^HTTP\/1\.1 400 /);
  });

  it('name the port that is taken, and keep none bound then', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    assert.equal(
      await codeOf(openListeners({ http: LOCAL, tls: { host: '127.0.0.1', port: port ?? 0 } })),
      'port-in-use',
    );
    other.close();
  });

  it('name an address that is not this machine’s', async () => {
    assert.equal(
      await codeOf(openListeners({ http: { host: '192.0.2.1', port: 0 }, tls: undefined })),
      'address-unusable',
    );
  });

  it('show every host a certificate of Cordon’s own CA', async () => {
    const clock = manualClock(Date.now());
    const store = await openStore({ path: ':memory:', clock });
    const authority = await createAuthority({ store, clock });
    const apps = ['wiki.localhost'];
    const certificates = await keepCertificates({
      authority,
      clock,
      agentHost: 'agent.localhost',
      hosts: () => ['id.localhost', 'agent.localhost', ...apps],
      files: () => undefined,
    });
    const { ports, serve, useCertificates } = await listeners(true);
    serve(named());
    useCertificates(certificates.contextFor);
    const over = async (servername: string): Promise<string> =>
      await new Promise((resolve, reject) => {
        const options = { host: '127.0.0.1', port: ports.tls, servername, ca: authority.certificate, agent: false };
        httpsRequest({ ...options, headers: { host: servername } }, (response) => {
          textOf(response).then(resolve, reject);
        })
          .on('error', reject)
          .end();
      });
    assert.equal(await over('agent.localhost'), 'agent');
    assert.equal(await over('wiki.localhost'), 'gateway');
    await assert.rejects(over('new.localhost'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    apps.push('new.localhost');
    await certificates.refresh();
    assert.equal(await over('new.localhost'), 'gateway');
    await store.close();
  });
});

describe('the TLS listener', () => {
  async function open(): Promise<
    Listeners & { over: (name: string, protocols: readonly string[], host?: string) => Promise<string> }
  > {
    const clock = manualClock(Date.now());
    const store = await openStore({ path: ':memory:', clock });
    const authority = await createAuthority({ store, clock });
    const hosts = ['id.localhost', 'agent.localhost', 'wiki.localhost'];
    const certificates = await keepCertificates({
      authority,
      clock,
      agentHost: 'agent.localhost',
      hosts: () => hosts,
      files: () => undefined,
    });
    const made = await listeners(true);
    made.useCertificates(certificates.contextFor);
    const over = async (name: string, protocols: readonly string[], host = name): Promise<string> => {
      const socket = connectTls({
        host: '127.0.0.1',
        port: made.ports.tls ?? 0,
        ca: authority.certificate,
        ALPNProtocols: [...protocols],
        checkServerIdentity: () => undefined,
        ...(name === '' ? {} : { servername: name }),
      });
      try {
        await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
        if (socket.alpnProtocol !== 'h2') {
          const request = httpsRequest({ createConnection: () => socket, headers: { host, expect: '100-continue' } });
          const answer = await new Promise<IncomingMessage>((resolve, reject) => {
            request.once('response', resolve).once('error', reject).end();
          });
          return `${String(socket.alpnProtocol)} ${await textOf(answer)}`;
        }
        const session = connectHttp2(`https://${host}`, { createConnection: () => socket });
        let text = '';
        for await (const chunk of session.request({ ':authority': host, ':path': '/' })) text += String(chunk);
        session.destroy();
        return `h2 ${text}`;
      } catch (error) {
        return error instanceof Error && 'code' in error ? String(error.code) : 'failed';
      } finally {
        socket.destroy();
        await store.close();
      }
    };
    return { ...made, over };
  }

  it('ends a connection that proves a name to an authority, whatever its client does', async () => {
    const { ports, ...made } = await open();
    made.serve(named());
    const to = { host: '127.0.0.1', port: ports.tls ?? 0, servername: 'wiki.localhost', allowHalfOpen: true };
    const socket = connectTls({ ...to, ALPNProtocols: ['acme-tls/1'], rejectUnauthorized: false });
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    assert.ok(await isEnded(socket), 'it stays open');
  });

  const BOTH = ['h2', 'http/1.1'];
  const cases: readonly (readonly [string, string, readonly string[], string])[] = [
    ['speaks HTTP/2 for an app', 'wiki.localhost', BOTH, 'h2 gateway over HTTP/2'],
    ['speaks HTTP/2 for a name in capitals', 'WIKI.localhost', BOTH, 'h2 gateway over HTTP/2'],
    ['speaks HTTP/2 for a name that nobody knows, to say so', 'nothing.localhost', BOTH, 'h2 gateway over HTTP/2'],
    ['speaks HTTP/1.1 with whoever wants that', 'wiki.localhost', ['http/1.1'], 'http/1.1 gateway'],
    ['speaks HTTP/1.1 with whoever does not say', 'wiki.localhost', [], 'false gateway'],
    ['speaks HTTP/1.1 for an own host', 'id.localhost', BOTH, 'http/1.1 identity'],
    ['speaks HTTP/1.1 for an own host in capitals', 'ID.localhost', BOTH, 'http/1.1 identity'],
    ['speaks nothing else', 'wiki.localhost', ['h3', 'spdy/3'], 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL'],
    ['speaks no HTTP/2 for an own host', 'id.localhost', ['h2'], 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL'],
    ['has nothing to show without a name', '', BOTH, 'ECONNRESET'],
  ];
  for (const [what, name, protocols, expected] of cases) {
    it(what, async () => {
      const made = await open();
      made.serve(named());
      assert.equal(await made.over(name, protocols, name === '' ? 'wiki.localhost' : name), expected);
    });
  }

  it('lets no own host answer on a connection that was made for another one', async () => {
    const made = await open();
    made.serve(named());
    assert.equal(await made.over('wiki.localhost', ['http/1.1'], 'id.localhost'), 'http/1.1 gateway');
  });

  it('speaks HTTP/1.1 for everybody while Cordon is starting', async () => {
    const made = await open();
    assert.equal(await made.over('wiki.localhost', BOTH), 'http/1.1 Cordon is starting\n');
  });
});

describe('an own host', () => {
  const ask = (expect: string): string =>
    `POST / HTTP/1.1\r\nHost: id.localhost\r\nExpect: ${expect}\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab`;

  it('lets a client that asks first go on', async () => {
    const { ports, serve } = await listeners();
    serve(named());
    assert.match(
      await raw(ports.http, ask('100-continue')),
      /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK[\s\S]*identity$/,
    );
  });

  it('meets no other expectation', async () => {
    const { ports, serve } = await listeners();
    serve(named());
    assert.match(await raw(ports.http, ask('something')), /^HTTP\/1\.1 417 /);
  });
});

describe('the certificates', () => {
  it('of files are shown to browsers, and never to agents, who pin Cordon’s own CA', async () => {
    const clock = manualClock(Date.now());
    const [store, elsewhere] = [
      await openStore({ path: ':memory:', clock }),
      await openStore({ path: ':memory:', clock }),
    ];
    const authority = await createAuthority({ store, clock });
    const publicAuthority = await createAuthority({ store: elsewhere, clock });
    const folder = mkdtempSync(join(tmpdir(), 'cordon-tls-'));
    const bought = await publicAuthority.issueServer(['wiki.localhost']);
    writeFileSync(join(folder, 'cert.pem'), bought.certificate);
    writeFileSync(join(folder, 'key.pem'), bought.key);
    const certificates = await keepCertificates({
      authority,
      clock,
      agentHost: 'agent.localhost',
      hosts: () => ['agent.localhost', 'wiki.localhost'],
      files: () => ({ certificate: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }),
    });
    const { ports, serve, useCertificates } = await listeners(true);
    serve(named());
    useCertificates(certificates.contextFor);
    const answer = async (servername: string, ca: string): Promise<string> =>
      await new Promise((resolve, reject) => {
        const to = { host: '127.0.0.1', port: ports.tls, servername, ca, agent: false, headers: { host: servername } };
        httpsRequest(to, (response) => {
          textOf(response).then(resolve, reject);
        })
          .on('error', reject)
          .end();
      });
    assert.equal(await answer('wiki.localhost', publicAuthority.certificate), 'gateway');
    assert.equal(await answer('agent.localhost', authority.certificate), 'agent');
    await assert.rejects(answer('wiki.localhost', authority.certificate));
    await assert.rejects(answer('agent.localhost', publicAuthority.certificate));
    await store.close();
    await elsewhere.close();
  });

  it('refuse files that do not fit, as `tls-files-invalid`', async () => {
    const clock = manualClock(Date.now());
    const store = await openStore({ path: ':memory:', clock });
    const authority = await createAuthority({ store, clock });
    const made = keepCertificates({
      authority,
      clock,
      agentHost: 'agent.localhost',
      hosts: () => ['agent.localhost'],
      files: () => ({ certificate: import.meta.filename, key: '/nowhere/key.pem' }),
    });
    assert.equal(await codeOf(made), 'tls-files-invalid');
    await store.close();
  });
});
