/** A second opinion about bytes: reads HTTP/1.1 requests as strictly as it can, with nothing in common with the parser of the gateway. */

/** One request as this parser reads it. */
export interface Read {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/**
 * Reads all of the bytes of one connection. Throws on anything that two servers could read differently. What is not there yet at the end
 * is no request: `rest` holds it.
 */
export function readRequests(bytes: string): { readonly requests: readonly Read[]; readonly rest: string } {
  const requests: Read[] = [];
  let rest = bytes;
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n');
    if (end === -1) break;
    const request = readHead(rest.slice(0, end));
    const size = bodySize(request, rest.slice(end + 4));
    if (size === undefined) break;
    requests.push(request);
    rest = rest.slice(end + 4 + size);
  }
  return { requests, rest };
}

function readHead(text: string): Read {
  const [first = '', ...lines] = text.split('\r\n');
  const line = /^([A-Z]+) (\/[!-~]*) HTTP\/1\.1$/.exec(first);
  if (line === null) throw new Error(`no request line: ${JSON.stringify(first)}`);
  const fields = lines.map((field) => {
    const parts = /^([A-Za-z0-9-]+): ?([\t\x20-\x7e\x80-\xff]*)$/.exec(field);
    if (parts === null) throw new Error(`no field: ${JSON.stringify(field)}`);
    return [(parts[1] ?? '').toLowerCase(), parts[2] ?? ''] as const;
  });
  return { method: line[1] ?? '', target: line[2] ?? '', fields };
}

/** Octets that the body takes, framing included; undefined while not all of it is there. */
function bodySize({ fields }: Read, after: string): number | undefined {
  const lengths = fields.filter(([name]) => name === 'content-length').map(([, value]) => value);
  const codings = fields.filter(([name]) => name === 'transfer-encoding').map(([, value]) => value);
  if (lengths.length + codings.length > 1) throw new Error('a body of two sizes');
  const [length] = lengths;
  if (length !== undefined) {
    if (!/^\d{1,9}$/.test(length)) throw new Error(`no length: ${length}`);
    return after.length < Number(length) ? undefined : Number(length);
  }
  if (codings.length === 0) return 0;
  if (codings[0] !== 'chunked') throw new Error(`no coding: ${codings[0]}`);
  return chunkedSize(after);
}

function chunkedSize(text: string): number | undefined {
  let at = 0;
  for (;;) {
    const end = text.indexOf('\r\n', at);
    if (end === -1) return undefined;
    const size = text.slice(at, end);
    if (!/^[0-9A-Fa-f]{1,8}$/.test(size)) throw new Error(`no size of a chunk: ${JSON.stringify(size)}`);
    at = end + 2 + Number.parseInt(size, 16);
    if (text.length < at + 2) return undefined;
    if (text.slice(at, at + 2) !== '\r\n') throw new Error('a chunk does not end where it says');
    at += 2;
    if (Number.parseInt(size, 16) === 0) return at;
  }
}
