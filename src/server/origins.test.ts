import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { originsOf } from './origins.ts';

describe('originsOf', () => {
  const PORTS = { http: 8080, tls: 8443 };
  const wikiAt = (port: number | undefined): ReturnType<typeof originsOf> =>
    originsOf(PORTS, { has: (host) => host === 'wiki.localhost', port });

  it('names the port of the listener, and leaves out that of the scheme', () => {
    assert.equal(originsOf(PORTS)('id.localhost', 'tls'), 'https://id.localhost:8443');
    assert.equal(originsOf(PORTS)('id.localhost', 'http'), 'http://id.localhost:8080');
    assert.equal(originsOf({ tls: 443 })('id.example.org', 'tls'), 'https://id.example.org');
  });

  it('sends people to plain HTTP where there is some', () => {
    assert.equal(originsOf(PORTS)('id.localhost'), 'http://id.localhost:8080');
    assert.equal(originsOf({ tls: 8443 })('id.example.org'), 'https://id.example.org:8443');
  });

  it('sends people to the proxy for a host behind one', () => {
    assert.equal(wikiAt(9080)('wiki.localhost', 'http'), 'http://wiki.localhost:9080');
    assert.equal(wikiAt(9080)('id.localhost', 'http'), 'http://id.localhost:8080');
  });

  it('takes the port of the scheme for a proxy unless another is named', () => {
    assert.equal(wikiAt(undefined)('wiki.localhost', 'http'), 'http://wiki.localhost');
    assert.equal(wikiAt(undefined)('wiki.localhost', 'tls'), 'https://wiki.localhost');
  });
});
