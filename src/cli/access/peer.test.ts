import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Socket } from 'node:net';
import { endianness } from 'node:os';
import { describe, it } from 'node:test';
import { judgePeer, ownerOfPeer, type PeerOwner } from './peer.ts';

const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const HERE = endianness() === 'LE' ? '0100007F' : '7F000001';
const MAPPED = `0000000000000000${endianness() === 'LE' ? 'FFFF0000' : '0000FFFF'}${HERE}`;
const ends = { local: 0x1f90, remote: 0xc3e2 };

/** A line of the table as Linux writes it. */
const row = (from: string, to: string, uid: number, inode: number): string =>
  `  12: ${from} ${to} 01 00000000:00000000 00:00000000 00000000  ${uid}        0 ${inode} 1 0000000016f6c5fb 20 4 30 10 -1`;
const listener = row(`${HERE}:1F90`, '00000000:0000', 1000, 7).replace(' 01 ', ' 0A ');
const ours = row(`${HERE}:1F90`, `${HERE}:C3E2`, 1000, 8);

const CASES: Readonly<Record<string, { rows: readonly string[]; isRelayed?: boolean; owner: PeerOwner }>> = {
  'the same user': { rows: [listener, ours, row(`${HERE}:C3E2`, `${HERE}:1F90`, 1000, 9)], owner: 'same' },
  'the same user, on a socket for IPv6': {
    rows: [listener, ours, HEAD, row(`${MAPPED}:C3E2`, `${MAPPED}:1F90`, 1000, 9)],
    owner: 'same',
  },
  'another user': { rows: [listener, ours, row(`${HERE}:C3E2`, `${HERE}:1F90`, 1001, 9)], owner: 'other' },
  'another user, on a socket for IPv6': {
    rows: [listener, ours, HEAD, row(`${MAPPED}:C3E2`, `${MAPPED}:1F90`, 1001, 9)],
    owner: 'other',
  },
  root: { rows: [listener, ours, row(`${HERE}:C3E2`, `${HERE}:1F90`, 0, 9)], owner: 'other' },
  'root, where it passes on what Windows asks': {
    rows: [listener, ours, row(`${HERE}:C3E2`, `${HERE}:1F90`, 0, 9)],
    isRelayed: true,
    owner: 'same',
  },
  'somebody who has gone: such a line names nobody': {
    rows: [listener, ours, row(`${HERE}:C3E2`, `${HERE}:1F90`, 0, 0)],
    isRelayed: true,
    owner: 'other',
  },
  'somebody who has gone, with the uid still there': {
    rows: [listener, ours, row(`${HERE}:C3E2`, `${HERE}:1F90`, 1000, 0)],
    owner: 'other',
  },
  'somebody without a line': { rows: [listener, ours], owner: 'other' },
  'the other end of another connection': {
    rows: [listener, ours, row(`${HERE}:C3E2`, `${HERE}:1F91`, 1000, 9), row('0200007F:C3E2', `${HERE}:1F90`, 1000, 9)],
    owner: 'other',
  },
  'somebody without a line, where Windows is outside of this kernel': {
    rows: [listener, ours],
    isRelayed: true,
    owner: 'unknown',
  },
  'somebody who said goodbye and has no line any more': {
    rows: [listener, ours.replace(' 01 ', ' 08 ')],
    isRelayed: true,
    owner: 'other',
  },
  'somebody who has reset it, so that our own end has no line either': { rows: [listener], owner: 'other' },
  'somebody who came from another address of this computer': {
    rows: [listener, row(`${HERE}:1F90`, '0200007F:C3E2', 1000, 8), row('0200007F:C3E2', `${HERE}:1F90`, 1000, 9)],
    owner: 'other',
  },
  'nobody knows, where the table does not even hold what listens': {
    rows: [ours, row(`${HERE}:C3E2`, `${HERE}:1F90`, 1001, 9)],
    owner: 'unknown',
  },
  'nobody knows, where there is no table': { rows: [], owner: 'unknown' },
};

describe('at the other end of a connection over loopback', () => {
  for (const [name, { rows, isRelayed = false, owner }] of Object.entries(CASES)) {
    it(`is ${name}`, () => assert.equal(judgePeer([HEAD, ...rows].join('\n'), ends, isRelayed), owner));
  }

  describe('as the system says it', { skip: process.platform !== 'linux' && 'only Linux says it' }, () => {
    it('is this user', async () => {
      assert.equal(await judged(async (port) => await connected({ port, host: '127.0.0.1' })), 'same');
    });

    it('is somebody else when it comes from another address', async () => {
      assert.equal(
        await judged(async (port) => await connected({ port, host: '127.0.0.1', localAddress: '127.0.0.9' })),
        'other',
      );
    });

    it('is somebody else when it has sent its question and reset the connection', async () => {
      assert.equal(
        await judged(async (port) => {
          const socket = await connected({ port, host: '127.0.0.1' });
          socket.write('x', () => socket.resetAndDestroy());
          return socket;
        }),
        'other',
      );
    });
  });
});

async function connected(options: NetConnectOpts): Promise<Socket> {
  const socket = connect(options);
  await once(socket, 'connect');
  return socket;
}

/** What is said of a connection once its first byte is there, or it is. */
async function judged(begin: (port: number) => Promise<Socket>): Promise<PeerOwner> {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepting = once(server, 'connection') as Promise<[Socket]>;
  const socket = await begin((server.address() as AddressInfo).port);
  const [accepted] = await accepting;
  accepted.on('error', () => undefined);
  if (socket.destroyed || socket.bytesWritten > 0) await once(accepted.resume(), 'data');
  const owner = ownerOfPeer(accepted);
  for (const one of [socket, accepted]) one.destroy();
  server.close();
  return owner;
}
