import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { App, Device, Session, User } from '#model';
import type { ClientEnd } from './client-end.ts';
import type { Exchange } from './exchange.ts';
import { exchangeAttributes } from './record-attributes.ts';

const ADA = { id: 'u1', email: 'ada@example.org', name: 'Ada "A"' } as User;
const BOB = { ...ADA, id: 'u2', name: 'Bob' };
const LAPTOP = { id: 'd1', name: 'laptop' } as Device;
const WIKI = { id: 'wiki' } as App;
const SESSION = { id: 's1' } as Session;

const requests = fc.record({
  user: fc.constantFrom(undefined, ADA, BOB),
  session: fc.constantFrom(undefined, SESSION),
  device: fc.constantFrom(undefined, LAPTOP, { ...LAPTOP, name: 'other' }),
  app: fc.constantFrom(undefined, WIKI),
  address: fc.constantFrom('192.0.2.7', '::1'),
  transport: fc.constantFrom('tls' as const, 'http' as const),
  agent: fc.constantFrom(undefined, 'a"b', 'é', 'x'.repeat(600)),
  method: fc.constantFrom('GET', 'P"T'),
  host: fc.constantFrom('wiki.example.org', ''),
  path: fc.string({ unit: 'grapheme' }),
  status: fc.constantFrom(undefined, 403),
});
type Request = typeof requests extends fc.Arbitrary<infer R> ? R : never;

function attributes({ agent, method, path, host, status, ...rest }: Request): unknown {
  const client = { header: (name: string) => (name === 'user-agent' ? agent : undefined) } as ClientEnd;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return JSON.parse(
    `{${exchangeAttributes({ ...given, client } as unknown as Exchange, { method, path, host, status })}}`,
  );
}

function expected({ user, session, device, app, address, transport, agent = '', ...asked }: Request): object {
  const { method, host, path, status } = asked;
  const person = user && { uid: user.id, email_addr: user.email, name: user.name };
  const url = { scheme: transport === 'tls' ? 'https' : 'http', hostname: host, path };
  return {
    ...(person && { user: person, actor: { user: person, ...(session && { session: { uid: session.id } }) } }),
    ...(device && { device: { uid: device.id, name: device.name } }),
    src_endpoint: { ip: address },
    dst_endpoint: { hostname: host, ...(app && { svc_name: app.id }) },
    http_request: { http_method: method, user_agent: agent.slice(0, 512), url },
    ...(status && { http_response: { code: status } }),
  };
}

describe('what an event says of a request', () => {
  it('is about this request, whatever the one before it of the same session was', () => {
    fc.assert(
      fc.property(fc.array(requests, { minLength: 2, maxLength: 8 }), (all) => {
        for (const one of all) assert.deepEqual(attributes(one), expected(one));
      }),
      { numRuns: 500 },
    );
  });
});
