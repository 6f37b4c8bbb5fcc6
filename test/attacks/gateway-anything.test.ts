/** Whatever is sent to the gateway: what must hold for every request there is. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BOB, world } from '../gateway/world.ts';
import { authorised, EVERYBODY, rawWorld } from './raw-gateway.ts';

describe('whatever is sent', () => {
  const token = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_.~!#$&+^`|'), minLength: 1, maxLength: 12 });
  const value = fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
    maxLength: 20,
  });
  const path = fc
    .array(fc.constantFrom('/', 'a', 'admin', '..', '%2e', '%2F', '%00', ';', '?', '#', '\\', '%61', '.cordon', ' '), {
      maxLength: 6,
    })
    .map((parts) => `/${parts.join('')}`);
  const request = fc.record({
    method: fc.constantFrom('GET', 'POST', 'PUT', 'HEAD', 'OPTIONS', 'DELETE', 'get', 'TRACE', 'PRI'),
    path,
    host: fc.constantFrom(
      'wiki.localhost',
      'WIKI.localhost',
      'verify.localhost',
      'evil.example',
      'wiki.localhost:80',
      '',
    ),
    fields: fc.array(fc.tuple(token, value), { maxLength: 4 }),
    body: fc.constantFrom(
      '',
      'content-length: 3\r\n\r\nabc',
      'transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
      'upgrade: websocket\r\nconnection: upgrade\r\n',
    ),
  });
  type Sent = typeof request extends fc.Arbitrary<infer T> ? T : never;
  const bytesOf = ({ method, path: target, host, fields, body }: Sent, cookie: string): Buffer =>
    Buffer.from(
      `${method} ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n${cookie === '' ? '' : `cookie: ${cookie}\r\n`}${fields
        .map(([name, text]) => `${name}: ${text}\r\n`)
        .join('')}${body === '' ? '\r\n' : body.includes('\r\n\r\n') ? body : `${body}\r\n`}`,
      'latin1',
    );

  it('not a byte reaches the app without a permit', async () => {
    const made = await rawWorld({
      policies: '@id("e") permit (principal in Group::"engineering", action == Action::"access", resource);',
    });
    const bob = made.signIn({ user: BOB.id });
    const expired = made.signIn({ session: { expiresAt: 1 } });
    const elsewhere = made.signIn({ host: 'other.localhost' });
    await fc.assert(
      fc.asyncProperty(
        request,
        fc.constantFrom('', bob, expired, elsewhere, '__Host-cordon_app=x'),
        async (sent, cookie) => {
          await made.raw(bytesOf(sent, cookie));
          assert.equal(made.bytes(), '');
          assert.equal(made.gateway.counters.permitted, 0);
        },
      ),
      { numRuns: 150 },
    );
    assert.match(await made.raw(authorised(made, ['GET / HTTP/1.1'])), /^HTTP\/1\.1 200/);
    assert.notEqual(made.bytes(), '');
  });

  it('no header that only Cordon may set arrives with a client’s value', async () => {
    const made = await world({ policies: EVERYBODY });
    const cookie = made.signIn();
    const base = fc.constantFrom(
      'x-cordon-assertion',
      'x-cordon-user',
      'x-forwarded-for',
      'x-forwarded-user',
      'remote-user',
      'x-auth-request-groups',
      'x-real-ip',
      'forwarded',
    );
    const spelled = fc
      .tuple(base, fc.constantFrom('-', '_', '.', '~', ' ', '\t'), fc.boolean())
      .map(([name, separator, upper]) => {
        const text = name.replaceAll('-', separator);
        return upper ? text.toUpperCase() : text;
      });
    await fc.assert(
      fc.asyncProperty(spelled, fc.constantFrom('', ' ', '\t'), async (name, gap) => {
        made.arrivals.length = 0;
        const head = `GET / HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${cookie}\r\nconnection: close, ${name}\r\n`;
        await made.raw(`${head}${name}${gap}: forged-by-client\r\n\r\n`);
        for (const { rawHeaders } of made.arrivals) assert.ok(!rawHeaders.includes('forged-by-client'), name);
        for (const { headers } of made.arrivals) assert.equal(headers['x-forwarded-for'], '127.0.0.1');
      }),
      { numRuns: 80 },
    );
  });
});
