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
    ...['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'X-Forwarded-Uri', 'X-Forwarded-Method'],
    ...['X-Original-URL', 'X-Original-Method', 'X-Real-IP', 'Forwarded', 'Cf-Connecting-IP'],
    ...['Accept', 'Cookie', 'Authorization', 'X-Request-ID', 'Sec-WebSocket-Key', 'X-Role', 'User-Agent'],
  ];
  for (const name of own)
    it(`is not true of ${name}, which proxies or anybody may send`, () => assert.ok(!saysWhoIsThere(name)));

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
  });
});
