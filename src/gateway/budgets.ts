import type { Socket } from 'node:net';
import { parseAddress } from '#base';
import type { ReasonCode } from '#model';
import type { Limits } from './limits.ts';

/** A bucket of requests that fills with time and holds five seconds' worth. */
interface Bucket {
  left: number;
  /** When it was last looked into, milliseconds since the epoch. */
  at: number;
}

/** One client address, or one /64 of IPv6: whoever has one address of it has 2^64. */
interface Network extends Bucket {
  readonly key: string;
  /** Exchanges open now. */
  open: number;
  /** Connections that remember this entry. */
  connections: number;
}

/** One connection of one client. */
interface Peer extends Bucket {
  readonly network: Network;
}

/** An exchange that was let in, or why it was not. */
export interface Entrance {
  readonly refused: ReasonCode | undefined;
  /** To be called once, when the exchange has ended, refused or not. */
  readonly leave: () => void;
}

/** Seconds' worth of requests that may come at once. */
const BURST_SECONDS = 5;
/** Addresses and accounts remembered at most (attack: to fill the memory with addresses). The one quiet for longest starts anew. */
const MOST_REMEMBERED = 65_536;
/** Entries looked at to find one that may be forgotten: those with something open may not. */
const MOST_LOOKED_AT = 16;

/** What clients may take: requests per second of a connection, an address, an account and an app, and exchanges open at once. */
export class Budgets {
  readonly #limits: Limits;
  readonly #peers = new WeakMap<Socket, Peer>();
  readonly #networks = new Map<string, Network>();
  readonly #accounts = new Map<string, Bucket>();
  readonly #apps = new Map<string, Bucket>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** A request over a connection of its client's own. */
  enter(socket: Socket, address: string, now: number): Entrance {
    const peer = this.#peers.get(socket) ?? this.#meet(socket, address, now);
    const refused = this.#open(peer.network, now);
    if (refused !== undefined) return entrance(peer.network, refused);
    const mayGoOn = take(peer, this.#limits.requestsPerSecondPerConnection, now);
    return entrance(peer.network, mayGoOn ? undefined : 'too-many-requests');
  }

  /** A request that another proxy holds: the connection is the proxy's, the address its client's. */
  enterAsked(address: string, now: number): Entrance {
    const network = this.#networkOf(address, now);
    return entrance(network, this.#open(network, now));
  }

  /** False when the account has asked for too much. */
  spendAccount(userId: string, now: number): boolean {
    return this.#spend(this.#accounts, userId, { perSecond: this.#limits.requestsPerSecondPerAccount, now });
  }

  /** False when the app is asked for more than it is to bear. `own` is what the app says itself. */
  spendApp(appId: string, own: number | undefined, now: number): boolean {
    return this.#spend(this.#apps, appId, { perSecond: own ?? this.#limits.requestsPerSecondPerApp, now });
  }

  /** Forgets whoever has nothing open and a full bucket. */
  forget(now: number): void {
    for (const [key, network] of this.#networks) {
      if (network.open === 0 && network.connections === 0 && isFull(network, now)) this.#networks.delete(key);
    }
    for (const buckets of [this.#accounts, this.#apps]) {
      for (const [key, bucket] of buckets) if (isFull(bucket, now)) buckets.delete(key);
    }
  }

  /** How many addresses, accounts and apps are remembered. */
  get remembered(): number {
    return this.#networks.size + this.#accounts.size + this.#apps.size;
  }

  #open(network: Network, now: number): ReasonCode | undefined {
    network.open += 1;
    if (network.open > this.#limits.connectionsPerAddress) return 'too-many-connections';
    return take(network, this.#limits.requestsPerSecondPerAddress, now) ? undefined : 'too-many-requests';
  }

  #meet(socket: Socket, address: string, now: number): Peer {
    const network = this.#networkOf(address, now);
    network.connections += 1;
    socket.once('close', () => {
      network.connections -= 1;
    });
    const peer: Peer = { network, left: full(this.#limits.requestsPerSecondPerConnection), at: now };
    this.#peers.set(socket, peer);
    return peer;
  }

  #networkOf(address: string, now: number): Network {
    const key = networkKey(address);
    const known = this.#networks.get(key);
    if (known !== undefined) return known;
    const left = full(this.#limits.requestsPerSecondPerAddress);
    const network: Network = { key, open: 0, connections: 0, left, at: now };
    this.#networks.set(key, network);
    if (this.#networks.size > MOST_REMEMBERED) this.#forgetOneNetwork();
    return network;
  }

  #forgetOneNetwork(): void {
    let looked = 0;
    for (const [key, network] of this.#networks) {
      if (looked++ === MOST_LOOKED_AT) return;
      this.#networks.delete(key);
      if (network.open === 0 && network.connections === 0) return;
      this.#networks.set(key, network); // last in line
    }
  }

  #spend(
    buckets: Map<string, Bucket>,
    id: string,
    { perSecond, now }: { readonly perSecond: number; readonly now: number },
  ): boolean {
    if (perSecond === Number.POSITIVE_INFINITY) return true;
    let bucket = buckets.get(id);
    if (bucket === undefined) {
      bucket = { left: full(perSecond), at: now };
      buckets.set(id, bucket);
      if (buckets.size > MOST_REMEMBERED) for (const oldest of buckets.keys()) if (buckets.delete(oldest)) break;
    }
    return take(bucket, perSecond, now);
  }
}

function entrance(network: Network, refused: ReasonCode | undefined): Entrance {
  return {
    refused,
    leave: () => {
      network.open -= 1;
    },
  };
}

function full(perSecond: number): number {
  return perSecond * BURST_SECONDS;
}

/** Whatever the rate, a bucket is full after as long as it holds. */
function isFull({ at }: Bucket, now: number): boolean {
  return now - at > BURST_SECONDS * 1000;
}

/** A clock that is set back gives nothing. */
function take(bucket: Bucket, perSecond: number, now: number): boolean {
  if (perSecond === Number.POSITIVE_INFINITY) return true;
  const elapsed = Math.max(0, now - bucket.at) / 1000;
  bucket.left = Math.min(full(perSecond), bucket.left + elapsed * perSecond);
  bucket.at = now;
  if (bucket.left < 1) return false;
  bucket.left -= 1;
  return true;
}

/** What counts as one client: an IPv4 address, or a /64 of IPv6, which is one customer's. */
export function networkKey(address: string): string {
  if (!address.includes(':')) return address;
  const parsed = parseAddress(address, { mapped: 'unmap' });
  if (!parsed.ok || parsed.value.family === 4) return address;
  return `${(parsed.value.value >> 64n).toString(16)}/64`;
}
