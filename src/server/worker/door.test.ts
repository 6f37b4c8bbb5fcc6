// The way of a request for one of Cordon's own hosts: from the listener of a worker to the main process.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type Door, openDoor } from './door.ts';
import { passOn } from './pass-on.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function open(t: TestContext, handle: Handler): Promise<{ door: Door; port: number; listener: Server }> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-door-'));
  const door = await openDoor(join(folder, 'workers.sock'), handle);
  const listener = createServer(passOn(door.key));
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    listener.closeAllConnections();
    listener.close();
    await door.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { door, port: (listener.address() as AddressInfo).port, listener };
}

interface Answered {
  readonly status: number;
  readonly raw: readonly string[];
  readonly text: string;
}

async function send(
  port: number,
  options: { readonly method?: string; readonly path?: string; readonly headers?: Record<string, string> },
  body?: string,
): Promise<Answered> {
  return await new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, agent: false, ...options }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += String(chunk)));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, raw: response.rawHeaders, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Says what it sees of a request. */
function mirror(seen: IncomingMessage, response: ServerResponse): void {
  let body = '';
  seen.on('data', (chunk) => (body += String(chunk)));
  seen.on('end', () => {
    const { method, url, headers, socket } = seen;
    const isEncrypted = 'encrypted' in socket;
    response.setHeader('set-cookie', ['a=1', 'b=2']);
    response.end(JSON.stringify({ method, url, headers, body, address: socket.remoteAddress, isEncrypted }));
  });
}

/** Speaks to the door itself, and returns what it says. */
async function knock(path: string, text: string): Promise<string> {
  const socket = connect(path);
  socket.on('error', () => undefined);
  socket.write(text);
  let answer = '';
  socket.on('data', (chunk) => (answer += String(chunk)));
  await new Promise((resolve) => socket.once('close', resolve));
  return answer;
}

describe('a request for an own host', () => {
  it('reaches the main process as it was, with the client’s address, and its answer comes back as it was', async (t) => {
    const { port } = await open(t, mirror);
    const headers = {
      host: 'id.localhost',
      cookie: 'x=y',
      'transfer-encoding': 'chunked',
      'content-type': 'text/plain',
    };
    const { status, raw, text } = await send(port, { method: 'POST', path: '/a?b=c', headers }, 'hello');
    const seen = JSON.parse(text);
    assert.equal(status, 200);
    assert.deepEqual([seen.method, seen.url, seen.body, seen.headers.cookie], ['POST', '/a?b=c', 'hello', 'x=y']);
    assert.deepEqual([seen.headers.host, seen.address, seen.isEncrypted], ['id.localhost', '127.0.0.1', false]);
    assert.equal(raw.filter((name) => name === 'set-cookie').length, 2);
  });

  it('cannot say by its fields who it is from', async (t) => {
    const { port } = await open(t, mirror);
    const headers = { host: 'id.localhost', secret: 'x', address: '192.0.2.1', 'x-forwarded-for': '192.0.2.1' };
    const { text } = await send(port, { headers });
    assert.equal(JSON.parse(text).address, '127.0.0.1');
  });

  it('uses the connection to the door again, as long as its own lasts', async (t) => {
    const sockets = new Set<unknown>();
    const { port } = await open(t, (seen, response) => {
      sockets.add(seen.socket);
      response.end('x');
    });
    const socket = connect(port, '127.0.0.1');
    let answers = '';
    socket.on('data', (chunk) => (answers += String(chunk)));
    for (let index = 1; index <= 3; index++) {
      socket.write('GET / HTTP/1.1\r\nhost: id.localhost\r\n\r\n');
      while (answers.split('HTTP/1.1 200').length <= index) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.equal(sockets.size, 1);
    socket.destroy();
    await send(port, { headers: { host: 'id.localhost' } });
    assert.equal(sockets.size, 2, 'somebody else has one of their own');
  });

  it('ends over there when the client leaves', async (t) => {
    const left = Promise.withResolvers<void>();
    const { port } = await open(t, (_seen, response) => {
      response.write('a');
      response.once('close', () => left.resolve());
    });
    const socket = connect(port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nhost: id.localhost\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    await left.promise;
  });

  it('is told to come again while there is no main process', async (t) => {
    const { door, port } = await open(t, mirror);
    await door.close();
    const { status, raw } = await send(port, { headers: { host: 'id.localhost' } });
    assert.equal(status, 503);
    assert.ok(raw.includes('retry-after'));
  });
});

describe('the door', () => {
  it('is for this user only', async (t) => {
    const { door } = await open(t, mirror);
    assert.equal(statSync(door.key.path).mode & 0o777, 0o600);
  });

  const strangers: readonly [string, (secret: string) => string][] = [
    ['without an introduction', () => 'GET / HTTP/1.1\r\nhost: id.localhost\r\n\r\n'],
    ['with another secret', () => '{"secret":"guess","address":"127.0.0.1"}\nGET / HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['with a secret that is no text', () => '{"secret":["x"]}\nGET / HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['with an introduction without end', () => `{"secret":"${'x'.repeat(200_000)}`],
    [
      'with a certificate that is none',
      (secret) => `{"secret":"${secret}","isEncrypted":true,"certificate":"eA=="}\nGET / HTTP/1.1\r\nhost: x\r\n\r\n`,
    ],
  ];
  for (const [who, text] of strangers) {
    it(`hears nobody who comes ${who}`, async (t) => {
      let heard = 0;
      const { door } = await open(t, (_seen, response) => {
        heard += 1;
        response.end();
      });
      assert.equal(await knock(door.key.path, text(door.key.secret)), '');
      assert.equal(heard, 0);
    });
  }

  it('hears a worker whose introduction comes in pieces', async (t) => {
    const { door } = await open(t, mirror);
    const text = `${JSON.stringify({ secret: door.key.secret, address: '192.0.2.7', isEncrypted: true, isAuthorized: false })}\n`;
    const socket = connect(door.key.path);
    for (const letter of text) {
      socket.write(letter);
      await new Promise(setImmediate);
    }
    socket.write('GET /x HTTP/1.1\r\nhost: id.localhost\r\nconnection: close\r\n\r\n');
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    const seen = JSON.parse(answer.slice(answer.indexOf('{')).replace(/\}[^}]*$/, '}'));
    assert.deepEqual([seen.address, seen.isEncrypted], ['192.0.2.7', true]);
  });
});
