import { err, ok, type Result } from './result.ts';

/** An IPv4 or IPv6 address. `value` is the 32 or 128 bits as a number. */
export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** A network in CIDR notation; `value` is its first address, with all host bits zero. */
export interface Cidr extends Address {
  /** Number of leading bits that are fixed: 0 to 32 or 0 to 128. */
  readonly prefix: number;
}

const BITS = { 4: 32, 6: 128 } as const;
const MAPPED_PREFIX = 0xffffn; // ::ffff:0:0/96, RFC 4291 section 2.5.5.2

/**
 * Parses an address. One host has one spelling here, or a rule written for one spelling would miss the other:
 * refuses leading zeros in IPv4 (some libraries read them as octal), zone ids, dotted IPv4 inside IPv6, and the
 * IPv4-mapped range `::ffff:0:0/96` unless `mapped` is `unmap`, which yields the IPv4 address (for socket peers).
 * @see RFC 4291 section 2.2
 */
export function parseAddress(text: string, options: { mapped?: 'refuse' | 'unmap' } = {}): Result<Address, string> {
  if (!text.includes(':')) return parseV4(text);
  const dotted = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(text)?.[1];
  if (dotted !== undefined) {
    if (options.mapped === 'unmap') return parseV4(dotted);
    return err(`\`${text}\` is an IPv4 address written as IPv6; write \`${dotted}\``);
  }
  const value = parseV6(text);
  if (value === undefined) return err(`\`${text}\` is not an IPv4 or IPv6 address`);
  if (value >> 32n !== MAPPED_PREFIX) return ok({ family: 6, value });
  const plain: Address = { family: 4, value: value & 0xffff_ffffn };
  if (options.mapped === 'unmap') return ok(plain);
  return err(`\`${text}\` is an IPv4 address written as IPv6; write \`${formatAddress(plain)}\``);
}

function parseV4(text: string): Result<Address, string> {
  const parts = text.split('.');
  const isPlain = parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
  if (isPlain) return ok({ family: 4, value: parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n) });
  if (parts.length === 4 && parts.some((part) => /^0\d/.test(part))) {
    return err(`\`${text}\` has leading zeros, which some programs read as octal; write the numbers without them`);
  }
  return err(`\`${text}\` is not an IPv4 or IPv6 address`);
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const [head = [], tail = []] = groups;
  if (![...head, ...tail].every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...head, ...Array.from({ length: missing }, () => '0'), ...tail];
  return all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

/** Renders an address in its canonical text: dotted IPv4, or IPv6 as RFC 5952 section 4 writes it (never with a dotted tail). */
export function formatAddress(address: Address): string {
  const { family, value } = address;
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  let best = { start: 0, length: 1 };
  for (let start = 0, length = 0; start < 8; start += Math.max(length, 1)) {
    length = 0;
    while (groups[start + length] === '0') length++;
    if (length > best.length) best = { start, length };
  }
  if (best.length < 2) return groups.join(':');
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`;
}

/**
 * Parses `address/prefix`. Refuses a bare address, and host bits set (`10.0.0.5/8` means something else to everyone who
 * reads it) unless `hostBits` is `clear`, as cloud providers do on input.
 * @see RFC 4632 section 3.1
 */
export function parseCidr(text: string, options: { hostBits?: 'refuse' | 'clear' } = {}): Result<Cidr, string> {
  const slash = text.indexOf('/');
  const digits = text.slice(slash + 1);
  if (slash < 0 || !/^(0|[1-9]\d{0,2})$/.test(digits)) {
    return err(`\`${text}\` is not a network; write for example \`10.0.0.0/8\` or \`2001:db8::/32\``);
  }
  const address = parseAddress(text.slice(0, slash));
  if (!address.ok) return address;
  const prefix = Number(digits);
  const { family, value } = address.value;
  if (prefix > BITS[family]) return err(`\`${text}\` has a prefix longer than ${BITS[family]} bits`);
  const network: Cidr = { family, prefix, value: value & ~hostMask(family, prefix) };
  if (network.value === value || options.hostBits === 'clear') return ok(network);
  return err(`\`${text}\` has host bits set; write \`${formatCidr(network)}\``);
}

/** Renders `address/prefix`. */
export function formatCidr(cidr: Cidr): string {
  return `${formatAddress(cidr)}/${cidr.prefix}`;
}

/** The network that holds exactly this address. */
export function hostCidr(address: Address): Cidr {
  return { family: address.family, value: address.value, prefix: BITS[address.family] };
}

/** The last address of a network. */
export function lastAddress(cidr: Cidr): Address {
  return { family: cidr.family, value: cidr.value | hostMask(cidr.family, cidr.prefix) };
}

/** True when the network holds the address, or all of the other network. Families never mix. */
export function cidrContains(cidr: Cidr, other: Address | Cidr): boolean {
  if (cidr.family !== other.family || ('prefix' in other && other.prefix < cidr.prefix)) return false;
  return (other.value & ~hostMask(cidr.family, cidr.prefix)) === cidr.value;
}

function hostMask(family: 4 | 6, prefix: number): bigint {
  return (1n << BigInt(BITS[family] - prefix)) - 1n;
}
