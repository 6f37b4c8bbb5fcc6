import { type Address, type Cidr, cidrContains, parseCidr } from './cidr.ts';

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

/** True for addresses that every host has or none: unspecified, loopback, link-local, multicast and reserved. They tell no host apart. */
export function namesNoHost(address: Address): boolean {
  return NOBODYS.some((cidr) => cidrContains(cidr, address));
}
