import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { endianness, release } from 'node:os';

/** Whose process is at the other end of a connection over loopback: this user's, another user's, or the system does not say. */
export type PeerOwner = 'same' | 'other' | 'unknown';

/** The ports of a connection between two processes of this computer, as the listening one sees it. */
export interface LoopbackEnds {
  readonly local: number;
  readonly remote: number;
}

/** A line of the kernel's table of connections. */
interface Row {
  readonly uid: string;
  /** `0` where the process is gone already: then the uid says nothing. */
  readonly inode: string;
}

const TABLES = ['/proc/self/net/tcp', '/proc/self/net/tcp6'];
const LOOPBACK = endianness() === 'LE' ? '0100007F' : '7F000001';
/** `::ffff:127.0.0.1`, for a client that speaks IPv4 over a socket for IPv6. */
const MAPPED = `0000000000000000${endianness() === 'LE' ? 'FFFF0000' : '0000FFFF'}${LOOPBACK}`;
/** Under Windows, a process of root passes on what its browsers ask. */
const IS_RELAYED = /microsoft/i.test(release());

/** Asks Linux who is at the other end; elsewhere nobody says. */
export function ownerOfPeer({ localPort, remotePort }: Socket): PeerOwner {
  if (process.platform !== 'linux' || localPort === undefined || remotePort === undefined) return 'unknown';
  const tables: string[] = [];
  for (const path of TABLES) {
    try {
      tables.push(readFileSync(path, 'latin1'));
    } catch {
      // Without IPv6 there is no table of it; without any, nothing is known.
    }
  }
  return judgePeer(tables.join('\n'), { local: localPort, remote: remotePort }, IS_RELAYED);
}

/** What the kernel's tables say. Whoever has gone by the time they are read is somebody else (attack: to send a code and to be gone). */
export function judgePeer(tables: string, { local, remote }: LoopbackEnds, isRelayed: boolean): PeerOwner {
  const ours = rowOf(tables, local, remote);
  if (ours === undefined) return 'unknown';
  const theirs = rowOf(tables, remote, local);
  if (theirs === undefined || theirs.inode === '0') return 'other';
  return theirs.uid === ours.uid || (isRelayed && theirs.uid === '0') ? 'same' : 'other';
}

/** The end of a connection that has this port. @see proc_net_tcp(5) */
function rowOf(tables: string, from: number, to: number): Row | undefined {
  const [a, b] = [from, to].map((port) => port.toString(16).toUpperCase().padStart(4, '0'));
  for (const line of tables.split('\n')) {
    const [, local = '', remote = '', , , , , uid = '', , inode = ''] = line.trim().split(/\s+/);
    if (isAt(local, a) && isAt(remote, b)) return { uid, inode };
  }
  return undefined;
}

function isAt(address: string, port: string | undefined): boolean {
  return address === `${LOOPBACK}:${port}` || address === `${MAPPED}:${port}`;
}
