import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { IDENTITY_HEADER_PRESETS } from '#model';
import { identityHeaderNames } from '../identity-headers.ts';
import { identityNames, saysWhoIsThere } from './client-headers.ts';

describe('saysWhoIsThere', () => {
  const foreign = [
    ...identityHeaderNames(IDENTITY_HEADER_PRESETS),
    ...['x-cordon-assertion', 'X-Cordon-Anything', 'X-WEBAUTH-USER', 'Tailscale-User-Login', 'X-SSL-Client-DN'],
    ...['X-HTTP-Method-Override', 'X-Rewrite-URL', 'X-Envoy-Original-Path', 'X-Envoy-Original-Host', 'Proxy'],
    ...['X-Forwarded-Client-Cert', 'X_Remote_User', 'Remote.User'],
  ];
  for (const name of foreign) it(`is true of ${name}`, () => assert.ok(saysWhoIsThere(name)));

  const own = [
    ...['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'X-Real-IP', 'Forwarded', 'Cf-Connecting-IP'],
    ...['Accept', 'Cookie', 'Authorization', 'X-Request-ID', 'Sec-WebSocket-Key', 'X-Role', 'User-Agent'],
  ];
  for (const name of own)
    it(`is not true of ${name}, which proxies or anybody may send`, () => assert.ok(!saysWhoIsThere(name)));

  for (const name of ['X-Original-URL', 'X-Original-URI', 'X-Original-Method', 'X-Forwarded-Uri', 'X-Forwarded-Method'])
    it(`is true of ${name}, unless the proxy describes the request with it`, () => {
      assert.ok(saysWhoIsThere(name));
      assert.ok(saysWhoIsThere(name, new Set(['x-forwarded-for'])));
      assert.ok(!saysWhoIsThere(name, new Set([name.toLowerCase()])));
    });

  it('is true of an identity, even of one that a proxy would describe the request with', () => {
    assert.ok(saysWhoIsThere('Remote-User', new Set(['remote-user'])));
  });

  it('remembers names, and is right about the ones that it has no room for', () => {
    for (let i = 0; i < 1500; i++) assert.ok(!saysWhoIsThere(`x-own-${i}`));
    assert.ok(saysWhoIsThere('x-authentik-whatever'));
    assert.ok(saysWhoIsThere('Remote-User'));
  });
});

describe('identityNames', () => {
  it('finds names and not values', () => {
    const head = ['Accept', 'remote-user', 'Remote-User', 'x', 'X-Real-IP', '1', 'x-authentik-uid', 'y'];
    assert.deepEqual(identityNames(head), ['Remote-User', 'x-authentik-uid']);
    const described = ['X-Original-URL', '/', 'X-Original-Method', 'GET', 'X-Forwarded-Uri', '/open'];
    assert.deepEqual(identityNames(described, new Set(['x-original-url', 'x-original-method'])), ['X-Forwarded-Uri']);
  });
});
