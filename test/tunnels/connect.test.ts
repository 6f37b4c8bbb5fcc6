import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { systemClock } from '#base';
import { type TcpApp, tcpApp } from '../gateway/tunnel-client.ts';
import { until } from '../gateway/wire.ts';
import { ADA, type World, world } from '../gateway/world.ts';
import { ada, type Person, type Running } from './person.ts';

const HOST = 'db.localhost';
const apps: TcpApp[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const app of apps.splice(0)) app.close();
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function setting(): Promise<{ made: World; app: TcpApp; person: Person }> {
  const made = await world({ clock: systemClock });
  const app = await tcpApp(made);
  apps.push(app);
  return { made, app, person: ada(made, [HOST]) };
}

async function listening({ out }: Running): Promise<number> {
  await until(() => /:\d+/.test(out()), 'the address');
  return Number(/:(\d+)/.exec(out())?.[1]);
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  sockets.push(socket.on('error', () => undefined));
  await once(socket, 'connect');
  return socket;
}

describe('cordon connect', () => {
  it('forwards each connection to a local port as a tunnel of its own, until told to stop', async () => {
    const { made, person } = await setting();
    const running = person.cordon('connect', 'db');
    const port = await listening(running);
    for (const text of ['one', 'two']) {
      const socket = await dial(port);
      socket.write(text);
      assert.equal(String((await once(socket, 'data'))[0]), text);
    }
    assert.equal(made.gateway.connections().length, 2);
    running.child.kill('SIGTERM');
    assert.equal(await running.ended, 0);
    await until(() => made.gateway.connections().length === 0, 'their end');
  });

  it('says why a connection was cut off and what to do, and lets the next one be decided anew', async () => {
    const { made, person } = await setting();
    const running = person.cordon('connect', HOST);
    const port = await listening(running);
    const socket = await dial(port);
    socket.write('x');
    await once(socket, 'data');
    const broken = once(socket, 'error');
    const start = performance.now();
    made.patch('user', ADA.id, { groups: [] });
    const [error] = (await broken) as [NodeJS.ErrnoException];
    assert.ok(performance.now() - start < 1000);
    assert.equal(error.code, 'ECONNRESET');
    await until(() => running.err().includes('hint:'), 'the reason');
    assert.match(running.err(), /connection 1 cut off: no-permit: /);
    assert.match(running.err(), /hint: Ask the owner of the app for access/);
    const refused = await dial(port);
    await once(refused, 'error');
    await until(() => running.err().includes('connection 2'), 'the refusal');
    assert.match(running.err(), /connection 2 was refused: .*\(no-permit\)\nhint: .*\ncorrelation id: cor_/);
    made.patch('user', ADA.id, { groups: ['engineering'] });
    const again = await dial(port);
    again.write('again');
    assert.equal(String((await once(again, 'data'))[0]), 'again');
  });

  it('tells programs what happens, one event a line', async () => {
    const { made, person } = await setting();
    const running = person.cordon('connect', 'db', '--json');
    const socket = await dial(await listening(running));
    socket.on('error', () => undefined);
    await until(() => running.out().includes('opened'), 'the tunnel');
    made.gateway.cut({}, { code: 'connection-ended' });
    await until(() => running.out().includes('"cut"'), 'the cut');
    const events = running
      .out()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      events.map(({ event, connection, code, closeCode }) => [event, connection, code, closeCode]),
      [
        ['listening', undefined, undefined, undefined],
        ['opened', 1, undefined, undefined],
        ['cut', 1, 'connection-ended', 4403],
      ],
    );
    assert.equal(events[0].app, HOST);
  });

  it('carries standard input and output, and ends with them', async () => {
    const { person } = await setting();
    const running = person.cordon('connect', 'db', '--stdio');
    running.child.stdin?.end('there and back');
    assert.equal(await running.ended, 0, running.err());
    assert.equal(running.out(), 'there and back');
  });

  it('exits 1 when it is refused or cut off over standard input, even while that stays open', async () => {
    const { made, person } = await setting();
    const running = person.cordon('connect', 'db', '--stdio');
    running.child.stdin?.write('x');
    await until(() => running.out() === 'x', 'the echo');
    made.gateway.cut({}, { code: 'connection-ended' });
    assert.equal(await running.ended, 1);
    assert.match(running.err(), /cut off: connection-ended: An administrator ended this connection/);
    made.patch('user', ADA.id, { status: 'disabled' });
    const refused = person.cordon('connect', 'db', '--stdio');
    assert.equal(await refused.ended, 1);
    assert.match(refused.err(), /error: .*\(user-disabled\)/);
  });

  it('lets nobody else on the network act as the person', async () => {
    const { person } = await setting();
    for (const address of ['0.0.0.0:0', '[::]:0', '192.0.2.1:80', 'example.org:80', '127.0.0.1', '127.0.0.1:70000']) {
      const running = person.cordon('connect', 'db', '--listen', address);
      assert.equal(await running.ended, 2, address);
      assert.match(running.err(), /--listen/);
    }
  });

  it('says what to do about a port that is taken, before anybody has to sign in', async () => {
    const { made, app } = await setting();
    const running = ada(made, []).cordon('connect', 'db', '--listen', `127.0.0.1:${app.port}`);
    assert.equal(await running.ended, 2);
    assert.match(running.err(), /port-in-use[\s\S]*hint: name another port/);
    assert.doesNotMatch(running.err(), /open this/);
  });

  it('knows no app by a name with a slip in it, and asks nobody about one', async () => {
    const { made } = await setting();
    const running = ada(made, []).cordon('connect', 'bd');
    assert.equal(await running.ended, 2);
    assert.match(running.err(), /no app is published at `bd\.localhost` \(app-unknown\)\nhint: your page at/);
    assert.doesNotMatch(running.err(), /open this/);
  });

  it('is no way to an app that speaks HTTP', async () => {
    const made = await world({ clock: systemClock });
    const running = ada(made, ['wiki.localhost']).cordon('connect', 'wiki', '--stdio');
    assert.equal(await running.ended, 1);
    assert.match(running.err(), /this app speaks HTTP/);
  });
});
