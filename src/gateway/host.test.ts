import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { canonicalHost, hostField } from './host.ts';

describe('canonicalHost (RFC 9110 section 7.2)', () => {
  const read: [string, string][] = [
    ['app.example.com', 'app.example.com'],
    ['APP.Example.COM', 'app.example.com'],
    ['app.example.com.', 'app.example.com'],
    ['app.example.com:8443', 'app.example.com:8443'],
    ['App.Example.com.:443', 'app.example.com:443'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['localhost', 'localhost'],
    ['127.0.0.1:80', '127.0.0.1:80'],
  ];
  for (const [field, canonical] of read) {
    it(`reads ${field} as ${canonical}`, () => {
      const host = canonicalHost(field);
      assert.ok(host);
      assert.equal(hostField(host), canonical);
    });
  }

  const refused: [string, string | undefined][] = [
    ['no host', undefined],
    ['an empty host', ''],
    ['user information', 'app.example.com@evil.example'],
    ['user information with a password', 'a:b@evil.example'],
    ['NUL', 'app.example.com\0.evil.example'],
    ['raw Unicode', 'b\u00fccher.example'],
    ['the Kelvin sign, which lower-cases to k', '\u212aiosk.example'],
    ['a full-width dot', 'app\uff0eexample.com'],
    ['an underscore', 'my_app.example.com'],
    ['an empty label', 'app..example.com'],
    ['two trailing dots', 'app.example.com..'],
    ['a leading dot', '.example.com'],
    ['a label that begins with a dash', '-a.example'],
    ['brackets', '[::1]'],
    ['port 0', 'app.example.com:0'],
    ['a port too high', 'app.example.com:65536'],
    ['a port with a sign', 'app.example.com:+80'],
    ['a port with leading zeros', 'app.example.com:080'],
    ['an empty port', 'app.example.com:'],
    ['a second port', 'app.example.com:80:80'],
    ['a space', 'app.example.com evil.example'],
    ['a comma', 'app.example.com,evil.example'],
    ['a path', 'app.example.com/x'],
    ['a label of 64', `${'a'.repeat(64)}.example`],
    ['a name of 254', `${'a.'.repeat(126)}ab`],
  ];
  for (const [name, field] of refused) {
    it(`refuses ${name}`, () => assert.equal(canonicalHost(field), undefined));
  }

  it('is a fixed point, and only ever lower-case ASCII', () => {
    const characters = fc.string({ unit: fc.constantFrom('a', 'Z', '.', ':', '8', '-', '_', '@', '\u212a', '[') });
    fc.assert(
      fc.property(fc.oneof(fc.string(), characters), (field) => {
        const host = canonicalHost(field);
        if (host === undefined) return;
        assert.match(host.host, /^[a-z0-9.-]+$/);
        assert.deepEqual(canonicalHost(hostField(host)), host);
      }),
    );
  });

  it('reads the same field the same way again, also after a thousand others', () => {
    const read = (): unknown[] => ['App.Example.com:443', 'last.example', '-a.example'].map(canonicalHost);
    const first = read();
    for (let i = 0; i < 1100; i++) assert.deepEqual(canonicalHost(`H${i}.Example`), { host: `h${i}.example` });
    assert.deepEqual(read(), first);
    assert.deepEqual(canonicalHost('H1099.Example'), { host: 'h1099.example' });
  });
});
