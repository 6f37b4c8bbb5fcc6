import { err, formatAddress, type IpSet, ipSetHas, ok, parseAddress, type Result } from '#base';

/**
 * The address of the client: the nearest one in `X-Forwarded-For` that is no trusted proxy's. What stands further left was said by
 * somebody nobody trusts, and is not read (attack: `X-Forwarded-For: 10.0.0.1` sent by the client itself). When all are trusted, it is
 * the first: then a proxy asks for itself.
 */
export function clientAddress(forwardedFor: string, trusted: IpSet): Result<string, string> {
  const hops = forwardedFor.split(',');
  let address: string | undefined;
  for (let i = hops.length - 1; i >= 0; i--) {
    const read = parseAddress((hops[i] ?? '').trim(), { mapped: 'unmap' });
    if (!read.ok) return err('`x-forwarded-for` holds something that is not an address');
    address = formatAddress(read.value);
    if (!ipSetHas(trusted, read.value)) break;
  }
  return address === undefined ? err('`x-forwarded-for` is empty') : ok(address);
}

/** Lists kept, and the longest of them, characters. */
const MOST_KEPT = 1000;
const LONGEST_KEPT = 80;

/** Makes a `clientAddress` that remembers what it has read: a client that asks often comes from one address. */
export function addressReader(trusted: IpSet): (forwardedFor: string) => Result<string, string> {
  const kept = new Map<string, Result<string, string>>();
  return (forwardedFor) => {
    const known = kept.get(forwardedFor);
    if (known !== undefined) return known;
    const address = clientAddress(forwardedFor, trusted);
    // Who sends ever new lists only makes us read them.
    if (kept.size >= MOST_KEPT) kept.clear();
    if (forwardedFor.length <= LONGEST_KEPT) kept.set(forwardedFor, address);
    return address;
  };
}

/** Tells whether the other end of a socket is a trusted proxy. An empty set trusts nobody. */
export function isTrusted(remoteAddress: string | undefined, trusted: IpSet): boolean {
  const read = parseAddress(remoteAddress ?? '', { mapped: 'unmap' });
  return read.ok && ipSetHas(trusted, read.value);
}
