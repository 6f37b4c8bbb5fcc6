import assert from 'node:assert/strict';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { challengeServer } from './challenge-listener.ts';
import { noChallenges } from './challenges.ts';

describe('the listener for proofs', () => {
  const challenges = noChallenges();
  let server: Server;
  before(async () => {
    challenges.http.set('token-1', 'token-1.thumbprint');
    server = challengeServer(challenges, { isServed: (host) => host === 'wiki.example.org', httpsPort: () => 443 });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });

  async function send(line: string, host = 'wiki.example.org'): Promise<string> {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.end(`${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    return text;
  }

  const PROOF = '/.well-known/acme-challenge';
  const answers: readonly (readonly [name: string, line: string, expected: RegExp, host?: string])[] = [
    ['a proof that is asked for', `GET ${PROOF}/token-1`, /^HTTP\/1\.1 200 [^]*\ntoken-1\.thumbprint\r/],
    ['the same by an address, as authorities may ask', `GET ${PROOF}/token-1`, /^HTTP\/1\.1 200 /, '192.0.2.1'],
    ['a token that nobody made', `GET ${PROOF}/token-2`, /^HTTP\/1\.1 404 /],
    ['no token', `GET ${PROOF}/`, /^HTTP\/1\.1 404 /],
    ['a token that is a path', `GET ${PROOF}/token-1/..`, /^HTTP\/1\.1 404 /],
    ['a proof that is posted for', `POST ${PROOF}/token-1`, /^HTTP\/1\.1 404 /],
    ['a page, sent on', 'GET /deep?x=1', /^HTTP\/1\.1 308 [^]*location: https:\/\/wiki\.example\.org\/deep\?x=1\r/],
    ['a host that is not served', 'GET /', /^HTTP\/1\.1 404 /, 'evil.example'],
    [
      'a host of another port, sent to the one for HTTPS',
      'GET /',
      /location: https:\/\/wiki\.example\.org\/\r/,
      'wiki.example.org:80',
    ],
    ['a form in the clear', 'POST /sign-in', /^HTTP\/1\.1 404 /],
    ['a path that leads elsewhere', 'GET //evil.example/', /^HTTP\/1\.1 404 /],
    ['a path with a line feed', 'GET /a%0d%0aset-cookie:x', /^HTTP\/1\.1 404 /],
  ];
  for (const [name, line, expected, host] of answers) {
    it(`answers ${name}`, async () => {
      assert.match(await send(line, host), expected);
    });
  }
});
