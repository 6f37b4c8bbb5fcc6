import { type Cidr, cidrContains, formatAddress, parseAddress, parseCidr } from '#base';

/** Every host has these, so they tell none apart: unspecified, loopback, link-local, multicast and reserved. */
const NOBODYS: readonly Cidr[] = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '::/127',
  'fe80::/10',
  'ff00::/8',
].flatMap((text) => {
  const cidr = parseCidr(text);
  return cidr.ok ? [cidr.value] : [];
});

/**
 * The addresses a host may be known by, in canonical text, each once and in order, so that equal sets are equal lists. What cannot be
 * read or names no host is left out: an address that is not there is allowed nothing.
 */
export function hostAddresses(texts: readonly string[]): string[] {
  const found = texts.flatMap((text) => {
    const address = parseAddress(text, { mapped: 'unmap' });
    if (!address.ok || NOBODYS.some((cidr) => cidrContains(cidr, address.value))) return [];
    return [formatAddress(address.value)];
  });
  return [...new Set(found)].sort();
}
