import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CordonError } from '#base';
import { appAddress, connectionOf, parseIdentityUrl } from './login.ts';

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

  for (const text of [
    'http://id.example.org', // in the clear
    'http://localhost',
    'https://wiki.example.org',
    'https://id.example.org/sign-in',
    'https://id.example.org?x=1',
    'https://ada@id.example.org',
    'ftp://id.localhost',
    'javascript:alert(1)',
    '',
  ]) {
    it(`is not \`${text}\``, () => assert.throws(() => parseIdentityUrl(text), refusedAs('login-address-invalid')));
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

  it('never leave out to check the certificate', async () => {
    assert.ok(!('rejectUnauthorized' in (await connectionOf({ url: 'https://id.example.org' }))));
  });

  it('hold the certificate of the device, or say that it cannot be read', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cordon-device-'));
    const login = { url: 'https://id.example.org', device: folder };
    await assert.rejects(connectionOf(login), refusedAs('device-certificate-unreadable'));
    for (const name of ['certificate', 'key']) writeFileSync(join(folder, `${name}.pem`), name);
    const { cert, key } = await connectionOf(login);
    assert.deepEqual([cert, key], ['certificate', 'key']);
    rmSync(folder, { recursive: true });
  });
});
