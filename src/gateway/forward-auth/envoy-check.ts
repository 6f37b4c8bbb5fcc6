import { isUtf8 } from 'node:buffer';
import { err, ok, type Result } from '#base';
import { IDENTITY_HEADER_PRESETS } from '#model';
import { identityHeaderNames } from '../identity-headers.ts';
import { type Original, isScheme } from './original.ts';
import { delimited, integer, readMessage, type WireField } from './protobuf.ts';

/** What Envoy asks over gRPC: the original, the address that its client's connection comes from, and its client's fields. */
export interface EnvoyCheck {
  readonly original: Omit<Original, 'forwardedFor'>;
  /** Address of the other end of the client's connection, as Envoy saw it. */
  readonly source: string;
  /** `X-Forwarded-For`, for where another trusted proxy stands before Envoy. */
  readonly forwardedFor: string;
  /** Alternating names and values, without pseudo-fields. */
  readonly rawHeaders: readonly string[];
}

/** Numbers of the fields that are read, by message, as `envoy.service.auth.v3` and `envoy.config.core.v3` publish them. */
const CHECK_REQUEST = { attributes: 1 } as const;
const ATTRIBUTES = { source: 1, request: 4 } as const;
const PEER = { address: 1 } as const;
const ADDRESS = { socketAddress: 1 } as const;
const SOCKET_ADDRESS = { address: 2 } as const;
const REQUEST = { http: 2 } as const;
const HTTP = { method: 2, headers: 3, path: 4, host: 5, scheme: 6, headerMap: 13 } as const;
const HEADER_MAP = { headers: 1 } as const;
const HEADER = { key: 1, value: 2, rawValue: 3 } as const;
const MAP_ENTRY = { key: 1, value: 2 } as const;

/** Reads `envoy.service.auth.v3.CheckRequest`. The error says what is missing, doubled or malformed. */
export function readCheck(message: Buffer): Result<EnvoyCheck, string> {
  try {
    const attributes = inside(message, CHECK_REQUEST.attributes);
    const http = fieldsOf(inside(inside(attributes, ATTRIBUTES.request), REQUEST.http));
    const source = inside(inside(inside(attributes, ATTRIBUTES.source), PEER.address), ADDRESS.socketAddress);
    const scheme = textOf(http, HTTP.scheme);
    if (!isScheme(scheme)) return err('the scheme is neither `http` nor `https`');
    const rawHeaders = headersOf(http);
    return ok({
      original: {
        method: textOf(http, HTTP.method),
        scheme,
        authority: textOf(http, HTTP.host),
        target: textOf(http, HTTP.path),
      },
      source: textOf(fieldsOf(source), SOCKET_ADDRESS.address),
      forwardedFor: rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1] === 'x-forwarded-for').join(','),
      rawHeaders,
    });
  } catch (error) {
    if (error instanceof Unreadable) return err(error.message);
    throw error;
  }
}

/** Never leaves this file. */
class Unreadable extends Error {}

function fieldsOf(octets: Buffer): readonly WireField[] {
  const read = readMessage(octets);
  if (!read.ok) throw new Unreadable(read.error);
  return read.value;
}

/** The one field of a number. Of two, protocol buffers would merge or take the last, and two readers need not agree. */
function one(fields: readonly WireField[], number: number): Buffer {
  const found = fields.filter((field) => field.number === number);
  if (found.length > 1) throw new Unreadable(`field ${number} was sent more than once`);
  const octets = found[0]?.octets;
  if (octets === undefined) throw new Unreadable(`field ${number} is missing`);
  return octets;
}

function inside(octets: Buffer, number: number): Buffer {
  return one(fieldsOf(octets), number);
}

function textOf(fields: readonly WireField[], number: number): string {
  return latin(one(fields, number));
}

/** Octets as Node shows those of a head: one character each. */
function latin(octets: Buffer): string {
  return octets.toString('latin1');
}

/** Fields come as a map in which equal names are joined, or, with `encode_raw_headers`, as they were sent. */
function headersOf(http: readonly WireField[]): string[] {
  const headers: string[] = [];
  const add = (name: string, value: string): void => {
    if (!name.startsWith(':')) headers.push(name, value);
  };
  for (const { number, octets } of http) {
    if (octets === undefined) continue;
    if (number === HTTP.headers) {
      const entry = fieldsOf(octets);
      add(textOf(entry, MAP_ENTRY.key), optional(entry, MAP_ENTRY.value));
    } else if (number === HTTP.headerMap) {
      for (const header of fieldsOf(octets)) {
        if (header.number !== HEADER_MAP.headers || header.octets === undefined) continue;
        const entry = fieldsOf(header.octets);
        const raw = optional(entry, HEADER.rawValue);
        add(textOf(entry, HEADER.key), raw === '' ? optional(entry, HEADER.value) : raw);
      }
    }
  }
  return headers;
}

/** An empty text is not written at all. */
function optional(fields: readonly WireField[], number: number): string {
  return fields.some((field) => field.number === number) ? textOf(fields, number) : '';
}

const OK = 0;
const PERMISSION_DENIED = 7;
/** `OVERWRITE_IF_EXISTS_OR_ADD`. */
const OVERWRITE = 2;

/** Names that no request of a client may carry to an upstream, whether or not this one does. */
export const ALL_NAMES: readonly string[] = identityHeaderNames(IDENTITY_HEADER_PRESETS);
/** How they are written: every permit takes nearly all of them away. */
const REMOVALS: ReadonlyMap<string, Buffer> = new Map(ALL_NAMES.map((name) => [name, removal(name)]));

function removal(name: string): Buffer {
  return delimited(5, name);
}

/** Writes `CheckResponse` for a permit: fields to set, over whatever the client sent, and names to take away. */
export function writePermit(fields: readonly string[], remove: readonly string[]): Buffer {
  const okResponse = Buffer.concat([
    ...pairs(fields).map(([name, value]) => delimited(2, headerOption(name, value))),
    ...remove.map((name) => REMOVALS.get(name) ?? removal(name)),
  ]);
  return Buffer.concat([delimited(1, integer(1, OK)), delimited(3, okResponse)]);
}

/** Writes `CheckResponse` for a denial: what Envoy answers its client with. */
export function writeDenial(status: number, fields: readonly string[], body: string): Buffer {
  const denied = Buffer.concat([
    delimited(1, integer(1, status)),
    ...pairs(fields)
      .filter(([name, value]) => name !== 'content-length' && isText(value))
      .map(([name, value]) => delimited(2, headerOption(name, value))),
    delimited(3, body),
  ]);
  return Buffer.concat([delimited(1, integer(1, PERMISSION_DENIED)), delimited(2, denied)]);
}

/** `HeaderValueOption`. Envoy reads the value from a text here, which must be UTF-8: see `isText`. */
function headerOption(name: string, value: string): Buffer {
  const header = Buffer.concat([delimited(1, name), delimited(2, Buffer.from(value, 'latin1'))]);
  return Buffer.concat([delimited(1, header), integer(3, OVERWRITE)]);
}

/** True for a field value, one character per octet, that Envoy can be told: protocol buffers refuse a whole message over one octet. */
export function isText(value: string): boolean {
  return isUtf8(Buffer.from(value, 'latin1'));
}

function pairs(fields: readonly string[]): (readonly [string, string])[] {
  return Array.from({ length: fields.length / 2 }, (_, i) => [fields[2 * i] ?? '', fields[2 * i + 1] ?? '']);
}
