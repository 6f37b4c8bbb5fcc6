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

/** A line of the kernel's table of connections, its addresses with ports as the kernel writes them. */
interface Row {
  readonly local: string;
  readonly remote: string;
  readonly state: string;
  readonly uid: string;
  /** `0` where the process is gone already: then the uid says nothing. */
  readonly inode: string;
}

const TABLES = ['/proc/self/net/tcp', '/proc/self/net/tcp6'];
const LOOPBACK = endianness() === 'LE' ? '0100007F' : '7F000001';
/** `::ffff:127.0.0.1`, for a client that speaks IPv4 over a socket for IPv6. */
const MAPPED = `0000000000000000${endianness() === 'LE' ? 'FFFF0000' : '0000FFFF'}${LOOPBACK}`;
const [ESTABLISHED, LISTENING] = ['01', '0A'];
/** Under Windows, its browsers are relayed by a process of root, or come from outside of this kernel. */
const IS_RELAYED = /microsoft/i.test(release());

/** Asks Linux who is at the other end; elsewhere nobody says. */
export function ownerOfPeer({ localPort, remotePort }: Socket): PeerOwner {
  if (process.platform !== 'linux') return 'unknown';
  // What the other end has reset already has no ports any more.
  if (localPort === undefined || remotePort === undefined) return 'other';
  const tables: string[] = [];
  for (const path of TABLES) {
    try {
      tables.push(readFileSync(path, 'latin1'));
    } catch (error) {
      // Without IPv6 there is no table of it; a system without any says nothing. Whatever else fails may be somebody's doing (attack: to
      // open connections until this process can open no file).
      if (!isAbsent(error)) return 'other';
    }
  }
  return judgePeer(tables.join('\n'), { local: localPort, remote: remotePort }, IS_RELAYED);
}

/**
 * What the kernel's tables say. Where they hold what listens, they hold all: then whoever is not among them is somebody else (attacks: to send
 * a code and to be gone, by a reset too; to come from another address of this computer).
 */
export function judgePeer(tables: string, { local, remote }: LoopbackEnds, isRelayed: boolean): PeerOwner {
  const rows = rowsOf(tables);
  if (!rows.some((row) => row.state === LISTENING && isAt(row.local, local))) return 'unknown';
  const between = (from: number, to: number): Row | undefined =>
    rows.find((row) => isAt(row.local, from) && isAt(row.remote, to));
  const [ours, theirs] = [between(local, remote), between(remote, local)];
  if (ours === undefined) return 'other';
  if (theirs === undefined) return isRelayed && ours.state === ESTABLISHED ? 'unknown' : 'other';
  if (theirs.inode === '0') return 'other';
  return theirs.uid === ours.uid || (isRelayed && theirs.uid === '0') ? 'same' : 'other';
}

/** @see proc_net_tcp(5) */
function rowsOf(tables: string): Row[] {
  return tables.split('\n').map((line) => {
    const [, local = '', remote = '', state = '', , , , uid = '', , inode = ''] = line.trim().split(/\s+/);
    return { local, remote, state, uid, inode };
  });
}

function isAt(address: string, port: number): boolean {
  const end = port.toString(16).toUpperCase().padStart(4, '0');
  return address === `${LOOPBACK}:${end}` || address === `${MAPPED}:${end}`;
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EACCES');
}
