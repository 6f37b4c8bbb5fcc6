/// <reference types="node" />
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { leaveToProve } from './leave.ts';

const HERE = 'http://console.localhost:8080/assets?tier=0';
const stored = new Map<string, string>();
let went: string[] = [];

function define(name: string, value: object): void {
  Object.defineProperty(globalThis, name, { configurable: true, value });
}

beforeEach(() => {
  stored.clear();
  went = [];
  define('sessionStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
  });
  define('window', {
    location: { href: HERE, origin: new URL(HERE).origin, assign: (url: URL) => went.push(String(url)) },
  });
});

afterEach(() => {
  Reflect.deleteProperty(globalThis, 'sessionStorage');
  Reflect.deleteProperty(globalThis, 'window');
});

describe('leaving to prove who one is', () => {
  it('follows a path of this host as it is', () => {
    leaveToProve('/', 100_000);
    assert.deepEqual(went, ['http://console.localhost:8080/']);
  });

  it('gives the identity host the way back', () => {
    leaveToProve('http://id.localhost:8080/step-up?acr=urn:cordon:aal3', 100_000);
    const url = new URL(went[0] ?? '');
    assert.deepEqual(
      [url.host, url.searchParams.get('acr'), url.searchParams.get('return')],
      ['id.localhost:8080', 'urn:cordon:aal3', HERE],
    );
  });

  it('happens once in ten seconds, because a refusal right after coming back would be a loop', () => {
    leaveToProve('/', 100_000);
    leaveToProve('/', 109_999);
    assert.equal(went.length, 1);
    leaveToProve('/', 110_000);
    assert.equal(went.length, 2);
  });

  it('never follows what is no web address, which would be code', () => {
    for (const address of ['javascript:alert(1)', 'data:text/html,x', 'blob:http://x/1', 'file:///etc/passwd']) {
      leaveToProve(address, 100_000);
    }
    assert.deepEqual(went, []);
    leaveToProve('/', 100_000);
    assert.equal(went.length, 1, 'and a refused one does not keep the person from leaving');
  });
});
