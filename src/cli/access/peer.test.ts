import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
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
const listener = row(`${HERE}:1F90`, '00000000:0000', 1000, 7);
const ours = row(`${HERE}:1F90`, `${HERE}:C3E2`, 1000, 8);

const CASES: Readonly<Record<string, { rows: readonly string[]; isRelayed?: boolean; owner: PeerOwner }>> = {
  'the same user': { rows: [listener, ours, row(`${HERE}:C3E2`, `${HERE}:1F90`, 1000, 9)], owner: 'same' },
  'the same user, on a socket for IPv6': {
    rows: [ours, HEAD, row(`${MAPPED}:C3E2`, `${MAPPED}:1F90`, 1000, 9)],
    owner: 'same',
  },
  'another user': { rows: [listener, ours, row(`${HERE}:C3E2`, `${HERE}:1F90`, 1001, 9)], owner: 'other' },
  'another user, on a socket for IPv6': {
    rows: [ours, HEAD, row(`${MAPPED}:C3E2`, `${MAPPED}:1F90`, 1001, 9)],
    owner: 'other',
  },
  root: { rows: [ours, row(`${HERE}:C3E2`, `${HERE}:1F90`, 0, 9)], owner: 'other' },
  'root, where it passes on what Windows asks': {
    rows: [ours, row(`${HERE}:C3E2`, `${HERE}:1F90`, 0, 9)],
    isRelayed: true,
    owner: 'same',
  },
  'somebody who has gone: such a line names nobody': {
    rows: [ours, row(`${HERE}:C3E2`, `${HERE}:1F90`, 0, 0)],
    isRelayed: true,
    owner: 'other',
  },
  'somebody who has gone, with the uid still there': {
    rows: [ours, row(`${HERE}:C3E2`, `${HERE}:1F90`, 1000, 0)],
    owner: 'other',
  },
  'somebody without a line': { rows: [listener, ours], owner: 'other' },
  'the other end of another connection': {
    rows: [ours, row(`${HERE}:C3E2`, `${HERE}:1F91`, 1000, 9), row('0200007F:C3E2', `${HERE}:1F90`, 1000, 9)],
    owner: 'other',
  },
  'nobody knows, where the table does not even hold our own end': { rows: [listener], owner: 'unknown' },
  'nobody knows, where there is no table': { rows: [], owner: 'unknown' },
};

describe('at the other end of a connection over loopback', () => {
  for (const [name, { rows, isRelayed = false, owner }] of Object.entries(CASES)) {
    it(`is ${name}`, () => assert.equal(judgePeer([HEAD, ...rows].join('\n'), ends, isRelayed), owner));
  }

  it('is this user, as the system says it', {
    skip: process.platform !== 'linux' && 'only Linux says it',
  }, async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    const [accepted] = (await once(server, 'connection')) as [Socket];
    assert.equal(ownerOfPeer(accepted), 'same');
    for (const one of [socket, accepted]) one.destroy();
    server.close();
  });
});
