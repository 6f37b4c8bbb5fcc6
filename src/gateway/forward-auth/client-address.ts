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

/** Tells whether the other end of a socket is a trusted proxy. An empty set trusts nobody. */
export function isTrusted(remoteAddress: string | undefined, trusted: IpSet): boolean {
  const read = parseAddress(remoteAddress ?? '', { mapped: 'unmap' });
  return read.ok && ipSetHas(trusted, read.value);
}
