import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UpstreamFault } from './fault.ts';
import { appAt, reach } from './testdata/permits.ts';
import { answerOf, closedPort, serveBytes, serveText, until } from './testdata/servers.ts';

const tcp = (port: number): string => `tcp://127.0.0.1:${port}`;

describe('a TCP connection to an app', () => {
  it('is opened for a proven permit, and is the caller’s', async () => {
    const server = await serveBytes((socket) => socket.write('SSH-2.0-test\r\n'));
    const made = reach(appAt(tcp(server.port)));
    const socket = await made.upstreams.connect(made.permit());
    const hello = await new Promise((resolve) => socket.once('data', resolve));
    assert.equal(String(hello), 'SSH-2.0-test\r\n');
    socket.destroy();
  });

  it('is opened at another server when the first is down, and spread over those that are well', async () => {
    const [one, two] = await Promise.all([serveBytes(() => undefined), serveBytes(() => undefined)]);
    const made = reach(appAt(tcp(await closedPort()), { others: [tcp(one.port), tcp(two.port)] }));
    const sockets = [];
    for (let i = 0; i < 4; i++) sockets.push(await made.upstreams.connect(made.permit()));
    assert.deepEqual([one.connections.length, two.connections.length], [2, 2]);
    for (const socket of sockets) socket.destroy();
    await until(() => made.events.length === 1, 'the event');
  });

  it('that cannot be opened is a fault with a name, and so is the next, at once', async () => {
    const made = reach(appAt(tcp(await closedPort())));
    for (const message of [/ECONNREFUSED/, /ECONNREFUSED/, /no server of the app is healthy/])
      await assert.rejects(made.upstreams.connect(made.permit()), (error) => {
        assert.ok(error instanceof UpstreamFault);
        assert.equal(error.reason, 'upstream-unreachable');
        assert.match(error.message, message);
        return true;
      });
  });

  it('goes to no app that speaks HTTP, and HTTP to none that does not', async () => {
    const server = await serveText(() => answerOf('x'));
    const http = reach(appAt(server.origin));
    await assert.rejects(http.upstreams.connect(http.permit()), /has no upstream that is TCP/);
    const made = reach(appAt(tcp(server.port)));
    assert.throws(() => made.begin(), /has no upstream that speaks HTTP/);
    assert.equal(server.connections.length, 0);
  });

  it('and requests are refused once all is closed', async () => {
    const server = await serveText(() => answerOf('x'));
    const made = reach(appAt(tcp(server.port)));
    const http = reach(appAt(server.origin));
    await Promise.all([made.upstreams.close(), http.upstreams.close()]);
    await assert.rejects(made.upstreams.connect(made.permit()), /has closed its connections/);
    assert.match((await http.ask()).error?.message ?? '', /has closed its connections/);
    assert.equal(server.connections.length, 0);
  });
});
