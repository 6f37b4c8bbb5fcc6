import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { estate } from './estate.ts';
import { until } from './wire.ts';
import { world } from './world.ts';

/** A request on a connection that would be kept. */
function ask(
  port: number | undefined,
  cookie: string,
): { answer: () => string; isClosed: () => boolean; again: () => void } {
  const socket = connect(port ?? 0, '127.0.0.1');
  let answer = '';
  let isClosed = false;
  socket
    .on('data', (chunk) => (answer += chunk.toString()))
    .on('error', () => undefined)
    .on('close', () => (isClosed = true));
  const again = (): void => void socket.write(`GET / HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${cookie}\r\n\r\n`);
  again();
  return { answer: () => answer, isClosed: () => isClosed, again };
}

describe('a stop', () => {
  it('lets a request under way end, says that the connection ends with it, and takes no new ones', async (t) => {
    const { cordon, waiting, cookie } = await estate(t);
    const client = ask(cordon.ports.http, cookie);
    await until(() => waiting.length === 1, 'the request at the app');
    const stopping = cordon.stop();
    await sleep(100);
    const refused = connect(cordon.ports.http ?? 0, '127.0.0.1');
    const { promise, resolve } = Promise.withResolvers<string>();
    refused.once('error', ({ message }) => resolve(message)).once('connect', () => resolve('connected'));
    assert.match(await promise, /ECONNREFUSED/);
    assert.equal(client.isClosed(), false);
    waiting[0]?.end('finished');
    await until(() => client.isClosed(), 'the end of the connection');
    assert.match(client.answer(), /^HTTP\/1\.1 200 .*connection: close.*finished$/is);
    await stopping;
  });

  it('ends a kept connection that is idle at once, and does not take as long as it may', async (t) => {
    const { cordon, waiting, cookie } = await estate(t);
    const client = ask(cordon.ports.http, cookie);
    await until(() => waiting.length === 1, 'the request at the app');
    waiting[0]?.end('done');
    await until(() => client.answer().includes('done'), 'the answer');
    assert.equal(client.isClosed(), false);
    const began = performance.now();
    await cordon.stop();
    await until(() => client.isClosed(), 'the end of the connection');
    assert.ok(performance.now() - began < 2000);
  });

  it('does not wait for connections on which nobody asked for anything', async (t) => {
    const { cordon } = await estate(t);
    const idle = connect(cordon.ports.http ?? 0, '127.0.0.1').on('error', () => undefined);
    await new Promise((resolve) => idle.once('connect', resolve));
    const began = performance.now();
    await cordon.stop();
    const took = performance.now() - began;
    assert.ok(took < 5000, `${took} ms`);
    idle.destroy();
  });

  it('ends what is not done in time, and says why', async (t) => {
    const { cordon, waiting, cookie } = await estate(t, 'gateway: { drain: 300ms }');
    const client = ask(cordon.ports.http, cookie);
    await until(() => waiting.length === 1, 'the request at the app');
    const began = performance.now();
    await cordon.stop();
    const took = performance.now() - began;
    assert.ok(took > 280 && took < 2500, `${took} ms`);
    assert.match(client.answer(), /^HTTP\/1\.1 503 .*gateway-stopping/s);
  });

  it('tells a client of HTTP/2 with GOAWAY, and lets its stream end', async (t) => {
    const { cordon, waiting, cookie } = await estate(t);
    const session = connectHttp2(`https://127.0.0.1:${cordon.ports.tls}`, {
      servername: 'wiki.localhost',
      rejectUnauthorized: false,
    });
    let goaway: number | undefined;
    session.on('goaway', (code) => (goaway = code)).on('error', () => undefined);
    const stream = session.request({ ':path': '/', ':authority': 'wiki.localhost', cookie });
    let body = '';
    stream
      .on('data', (chunk) => (body += String(chunk)))
      .on('error', () => undefined)
      .end();
    await until(() => waiting.length === 1, 'the request at the app');
    const stopping = cordon.stop();
    await until(() => goaway !== undefined, 'GOAWAY');
    assert.equal(goaway, 0);
    waiting[0]?.end('finished');
    await until(() => stream.closed, 'the end of the stream');
    assert.equal(body, 'finished');
    await stopping;
  });
});

describe('a gateway that drains', () => {
  it('waits for no WebSocket, which never ends by itself, and closes it with 1001', async () => {
    const made = await world();
    const client = await made.webSocket({ cookie: made.signIn() });
    const began = performance.now();
    await made.gateway.drain(5000);
    assert.ok(performance.now() - began < 1000);
    assert.equal((await client.closed).code, 1001);
  });
});

describe('what is open', () => {
  it('stays open when the configuration is loaded again and the certificate is made anew', async (t) => {
    const { cordon, waiting, cookie } = await estate(t);
    const client = ask(cordon.ports.http, cookie);
    await until(() => waiting.length === 1, 'the request at the app');
    assert.deepEqual(await cordon.reload(), { ok: true, value: 0 });
    await cordon.front.showCertificates();
    waiting[0]?.end('still here');
    await until(() => client.answer().includes('still here'), 'the answer');
    assert.equal(client.isClosed(), false, 'and its connection is kept');
  });
});
