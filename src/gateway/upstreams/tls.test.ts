import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { upstreamRefusal } from './refusal.ts';
import { type Issued, type TestAuthority, testAuthority } from './testdata/certificates.ts';
import { appAt, type Outcome, reach } from './testdata/permits.ts';
import { answerOf, serveBytes, until } from './testdata/servers.ts';

describe('an upstream over TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-upstream-'));
  let own: TestAuthority = undefined as never;
  let other: TestAuthority = undefined as never;
  let server: Issued = undefined as never;
  before(async () => {
    [own, other] = await Promise.all([testAuthority(), testAuthority()]);
    server = await own.issue('localhost');
    file('ca.pem', own.certificate);
    file('other.pem', other.certificate);
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });
  const file = (name: string, text: string): string => {
    // As certificate managers do it: the new file takes the place of the old one in one step.
    writeFileSync(join(folder, `${name}.new`), text);
    renameSync(join(folder, `${name}.new`), join(folder, name));
    return join(folder, name);
  };
  const path = (name: string): string => join(folder, name);

  async function serve(options: ServerOptions): Promise<{ origin: string; names: string[]; peers: string[] }> {
    const names: string[] = [];
    const peers: string[] = [];
    const https = createServer({ ALPNProtocols: ['h2', 'http/1.1'], ...options }, (request, response) => {
      const socket = request.socket as TLSSocket;
      names.push(String(socket.servername));
      peers.push(String(socket.getPeerCertificate().subject?.CN));
      response.end('over TLS');
    });
    https.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
    after(() => {
      https.closeAllConnections();
      https.close();
    });
    return { origin: `https://localhost:${(https.address() as AddressInfo).port}`, names, peers };
  }
  const withKey = ({ certificate: cert, key }: Issued): ServerOptions => ({ cert, key });
  const refused = ({ error }: Outcome): [number, string | undefined, string] => {
    const { status, reasons, cause = '' } = upstreamRefusal(error ?? assert.fail('it was let through'));
    return [status, reasons[0]?.code, cause];
  };

  it('is believed when the pinned authority vouches for its name', async () => {
    const at = await serve(withKey(server));
    assert.equal((await reach(appAt(at.origin, { ca: path('ca.pem') })).ask()).body, 'over TLS');
    assert.deepEqual(at.names, ['localhost']);
  });

  const untrusted: [string, () => Promise<Issued>, () => Parameters<typeof appAt>[1], RegExp][] = [
    [
      'an authority that is not the pinned one',
      async () => await other.issue('localhost'),
      () => ({ ca: path('ca.pem') }),
      /UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET/,
    ],
    [
      'an authority nobody named',
      async () => await own.issue('localhost'),
      () => undefined,
      /UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET/,
    ],
    [
      'a certificate for another name',
      async () => await own.issue('elsewhere.example.org'),
      () => ({ ca: path('ca.pem') }),
      /ALTNAME_INVALID/,
    ],
    [
      'a certificate for another name than was demanded',
      async () => await own.issue('localhost'),
      () => ({ ca: path('ca.pem'), serverName: 'wiki.internal' }),
      /ALTNAME_INVALID/,
    ],
    [
      'a certificate that has expired',
      async () => await own.issue('localhost', { endsInMs: -1000 }),
      () => ({ ca: path('ca.pem') }),
      /CERT_HAS_EXPIRED/,
    ],
    [
      'a certificate that is for clients',
      async () => await own.issue('localhost', { isClient: true }),
      () => ({ ca: path('ca.pem') }),
      /INVALID_PURPOSE|unsuitable/i,
    ],
  ];
  for (const [name, issue, options, why] of untrusted)
    for (const protocol of ['http1', 'http2'] as const)
      it(`with ${name} is named upstream-untrusted over ${protocol}, and gets no request`, async () => {
        const at = await serve(withKey(await issue()));
        const made = reach(appAt(at.origin, { protocol, ...options() }));
        const [status, code, cause] = refused(await made.ask());
        assert.deepEqual([status, code], [502, 'upstream-untrusted']);
        assert.match(cause, why);
        assert.deepEqual(at.names, []);
        // And so is the next, that is refused without asking again.
        assert.equal(refused(await made.ask())[1], 'upstream-untrusted');
      });

  it('that is believed by the system’s authorities is not, once others are pinned', async () => {
    const at = await serve(withKey(server));
    const made = reach(appAt(at.origin, { ca: path('other.pem') }));
    assert.equal(refused(await made.ask())[1], 'upstream-untrusted');
  });

  it('is judged whatever the environment of the process says', async () => {
    const at = await serve(withKey(server));
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const made = reach(appAt(at.origin, { ca: path('other.pem') }));
      assert.equal(refused(await made.ask())[1], 'upstream-untrusted');
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
  });

  it('is asked for, and must be, the name that was demanded, wherever it is', async () => {
    const at = await serve(withKey(await own.issue('wiki.internal')));
    const made = reach(appAt(at.origin, { ca: path('ca.pem'), serverName: 'wiki.internal' }));
    assert.equal((await made.ask()).body, 'over TLS');
    assert.deepEqual(at.names, ['wiki.internal']);
  });

  it('at an address must have a certificate for the address', async () => {
    const named = await serve(withKey(await own.issue('127.0.0.1')));
    const options = { ca: path('ca.pem') };
    assert.equal((await reach(appAt(named.origin.replace('localhost', '127.0.0.1'), options)).ask()).body, 'over TLS');
    const unnamed = await serve(withKey(server));
    const made = reach(appAt(unnamed.origin.replace('localhost', '127.0.0.1'), options));
    assert.equal(refused(await made.ask())[1], 'upstream-untrusted');
  });

  it('is shown the client certificate, and without it refuses', async () => {
    const mutual: ServerOptions = {
      ...withKey(server),
      ca: own.certificate,
      requestCert: true,
      rejectUnauthorized: true,
    };
    const at = await serve(mutual);
    const client = await own.issue('gateway', { isClient: true });
    const options = {
      ca: path('ca.pem'),
      certificate: file('client.pem', client.certificate),
      key: file('client.key', client.key),
    };
    assert.equal((await reach(appAt(at.origin, options)).ask()).body, 'over TLS');
    assert.deepEqual(at.peers, ['gateway']);
    const bare = reach(appAt(at.origin, { ca: path('ca.pem') }));
    assert.equal(refused(await bare.ask())[1], 'upstream-unreachable');
  });

  it('whose files cannot be read is refused by name, and reached once they are there, without a restart', async () => {
    const at = await serve(withKey(server));
    const made = reach(appAt(at.origin, { ca: path('later.pem') }));
    const [status, code, cause] = refused(await made.ask());
    assert.deepEqual([status, code], [502, 'upstream-unreachable']);
    assert.match(cause, /cannot use the files `.*later\.pem`: ENOENT/);
    file('later.pem', own.certificate);
    await sleep(1_100);
    assert.equal((await made.ask()).body, 'over TLS');
  });

  for (const [name, text] of [
    ['empty', ''],
    ['no PEM', 'hello'],
    ['broken', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
  ] as const)
    it(`whose pinned authority is ${name} is refused, never reached without one`, async () => {
      const at = await serve(withKey(server));
      const made = reach(appAt(at.origin, { ca: file('bad.pem', text) }));
      assert.match(String(refused(await made.ask())[1]), /^upstream-un/);
      assert.deepEqual(at.names, []);
    });

  it('whose pinned authority changes on the disk is judged by the new one, on new connections', async () => {
    const at = await serve(withKey(server));
    const made = reach(appAt(at.origin, { ca: file('changing.pem', own.certificate) }), { healthIntervalMs: 50 });
    assert.equal((await made.ask()).body, 'over TLS');
    file('changing.pem', other.certificate);
    await sleep(2_300);
    assert.equal(refused(await made.ask())[1], 'upstream-untrusted');
    file('changing.pem', own.certificate);
    await sleep(2_300);
    assert.equal((await made.ask()).body, 'over TLS');
  });

  it('whose files become unusable stays reachable with the last good ones, and the journal says so once', async () => {
    const at = await serve(withKey(server));
    const made = reach(appAt(at.origin, { ca: file('spoiled.pem', own.certificate) }), { healthIntervalMs: 50 });
    assert.equal((await made.ask()).body, 'over TLS');
    rmSync(path('spoiled.pem'));
    await until(() => made.events.length === 1, 'the event');
    assert.match(
      made.events[0]?.message ?? '',
      /keeps its old TLS files: cannot use the files .*; the last good ones stay in force/,
    );
    assert.equal((await made.ask()).body, 'over TLS');
    await sleep(2_200);
    assert.equal(made.events.length, 1);
  });

  it('over HTTP/2 is asked for it by ALPN', async () => {
    const h2 = createSecureServer({ ...withKey(server), allowHTTP1: false });
    h2.on('stream', (stream) => {
      stream.respond({ ':status': 200 });
      stream.end('by h2');
    });
    await new Promise<void>((resolve) => h2.listen(0, '127.0.0.1', resolve));
    const origin = `https://localhost:${(h2.address() as AddressInfo).port}`;
    const made = reach(appAt(origin, { protocol: 'http2', ca: path('ca.pem') }));
    assert.equal((await made.ask()).body, 'by h2');
    h2.close();
  });

  it('that does not speak HTTP/2 when that was demanded is refused by name', async () => {
    for (const ALPNProtocols of [['http/1.1'], undefined]) {
      const at = await serve({ ...withKey(server), ALPNProtocols });
      const made = reach(appAt(at.origin, { protocol: 'http2', ca: path('ca.pem') }));
      assert.equal(refused(await made.ask())[1], 'upstream-invalid');
      assert.deepEqual(at.names, []);
    }
  });

  it('that speaks no TLS is refused by name', async () => {
    const plain = await serveBytes((socket) => socket.once('data', () => socket.write(answerOf('in the clear'))));
    const made = reach(appAt(plain.origin.replace('http:', 'https:')));
    assert.equal(refused(await made.ask())[1], 'upstream-invalid');
  });

  it('over HTTP/2 without extended CONNECT gets a WebSocket over HTTP/1.1', async () => {
    const h2 = createSecureServer({ ...withKey(server), allowHTTP1: true });
    h2.on('upgrade', (_request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
    });
    await new Promise<void>((resolve) => h2.listen(0, '127.0.0.1', resolve));
    const origin = `https://localhost:${(h2.address() as AddressInfo).port}`;
    const made = reach(appAt(origin, { protocol: 'http2', ca: path('ca.pem') }));
    const { status, socket } = await made.begin({ isWebSocket: true }).upgraded;
    assert.equal(status, 101);
    socket.destroy();
    h2.close();
  });
});
