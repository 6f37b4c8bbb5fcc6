import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CordonError, systemClock } from '#base';
import { createAuthority } from '#devices';
import { openStore } from '#store';
import { runCommand } from '../testdata/run-command.ts';
import { appAddress, connectionOf, parseIdentityUrl, readLogin } from './login.ts';

const refusedAs = (code: string) => (error: unknown) => error instanceof CordonError && error.code === code;

describe('the address of an identity host', () => {
  for (const [text, origin] of [
    ['https://id.example.org', 'https://id.example.org'],
    ['id.example.org', 'https://id.example.org'],
    ['https://ID.example.org/', 'https://id.example.org'],
    ['https://id.example.org:8443', 'https://id.example.org:8443'],
    ['http://id.localhost:8080', 'http://id.localhost:8080'],
  ] as const) {
    it(`is read from \`${text}\``, () => assert.equal(parseIdentityUrl(text), origin));
  }

  for (const [text, why] of [
    ['http://id.example.org', 'it begins with `https://`, or with `http://` below `localhost`'], // in the clear
    ['ftp://id.localhost', 'it begins with `https://`, or with `http://` below `localhost`'],
    ['http://localhost', 'its name begins with `id.`'],
    ['https://wiki.example.org', 'its name begins with `id.`'],
    ['javascript:alert(1)', 'it is no address'],
    ['https://id.example.org/sign-in', 'it has no path'],
    ['https://id.example.org?x=1', 'it has no path'],
    ['https://ada@id.example.org', 'it is no address'],
    ['', 'it is no address'],
  ] as const) {
    it(`is not \`${text}\`, and says why`, () => {
      const message = `\`${text}\` is not the address of an identity host: ${why}`;
      assert.throws(() => parseIdentityUrl(text), { code: 'login-address-invalid', message });
    });
  }
});

describe('the address of an app', () => {
  const login = { url: 'https://id.example.org:8443' };
  for (const [app, host] of [
    ['wiki', 'wiki.example.org'],
    ['wiki.example.org', 'wiki.example.org'],
    ['Wiki.Example.org', 'wiki.example.org'],
    ['https://wiki.example.org:8443/pages?x=1', 'wiki.example.org'],
    ['wiki.example.net', 'wiki.example.net'],
  ] as const) {
    it(`is found for \`${app}\`, with the port of the installation`, () => {
      assert.deepEqual(appAddress(login, app), { host, origin: `https://${host}:8443` });
    });
  }

  for (const app of ['', 'a b', '../x', 'wiki@evil', 'wiki/x', 'wiki..example.org', '-x;rm', 'wiki:80']) {
    it(`is not \`${app}\``, () => assert.throws(() => appAddress(login, app), refusedAs('login-address-invalid')));
  }
});

describe('what connections are made with', () => {
  it('are the authorities of this computer, or the named ones only', async () => {
    const { ca = [] } = await connectionOf({ url: 'https://id.example.org' });
    assert.ok(Array.isArray(ca) && ca.length > 50);
    assert.equal((await connectionOf({ url: 'https://id.example.org', ca: 'PEM' })).ca, 'PEM');
  });

  it('never leave out to check the certificate, whatever the environment says', async () => {
    // Unless it is said, NODE_TLS_REJECT_UNAUTHORIZED decides.
    assert.equal((await connectionOf({ url: 'https://id.example.org' })).rejectUnauthorized, true);
  });

  it('hold the certificate of the device, or say that it cannot be used', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cordon-device-'));
    const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
    const store = await openStore({ path: ':memory:', clock: systemClock });
    const issued = await (await createAuthority({ store, clock: systemClock })).issueServer(['a.example.org']);
    await store.close();
    for (const login of [
      { url: 'https://id.example.org', device: folder },
      { url: 'https://id.example.org', certificate, key },
    ]) {
      rmSync(key, { force: true });
      await assert.rejects(connectionOf(login), refusedAs('device-certificate-unreadable'));
      writeFileSync(certificate, issued.certificate);
      writeFileSync(key, issued.key, { mode: 0o644 });
      await assert.rejects(connectionOf(login), /may be read by others/);
      chmodSync(key, 0o600);
      const made = await connectionOf(login);
      assert.deepEqual([made.cert, made.key], [issued.certificate, issued.key]);
    }
    rmSync(folder, { recursive: true });
  });
});

describe('cordon login', () => {
  it('keeps where the certificate of the device is, wherever later commands are run', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'cordon-login-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const server = createServer((_request, response) => {
      response.writeHead(401, { 'content-type': 'application/json' }).end('{"error":{"code":"not-authenticated"}}');
    }).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const url = `http://id.localhost:${(server.address() as AddressInfo).port}`;
    const world = {
      cwd: folder,
      person: {
        directory: join(folder, 'kept'),
        computer: 'test',
        openBrowser: async () => await Promise.resolve(false),
      },
    };
    const words = ['login', '--url', url, '--certificate', 'my.pem', '--key', 'my.key'];
    const without = await runCommand(words, world);
    assert.match(without.stderr, /device-certificate-unreadable/);
    const store = await openStore({ path: ':memory:', clock: systemClock });
    const issued = await (await createAuthority({ store, clock: systemClock })).issueServer(['a.example.org']);
    await store.close();
    writeFileSync(join(folder, 'my.pem'), issued.certificate);
    writeFileSync(join(folder, 'my.key'), issued.key, { mode: 0o600 });
    const { code, stdout, stderr } = await runCommand([...words, '--json'], world);
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), { url, hasOwnAuthority: false, device: join(folder, 'my.pem') });
    const login = await readLogin(world);
    assert.deepEqual(login, { url, certificate: join(folder, 'my.pem'), key: join(folder, 'my.key') });
    assert.equal((await connectionOf(login)).cert, issued.certificate);
    assert.equal((await runCommand(['login', '--url', url], world)).code, 0);
    assert.deepEqual(await readLogin(world), { url }, 'and another login forgets it');
  });
});
