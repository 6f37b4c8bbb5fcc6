import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Contract, CONTRACTS, fieldsOf, readOriginal } from './original.ts';

const FORWARDED = {
  'x-forwarded-method': 'POST',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'wiki.example.org:8443',
  'x-forwarded-uri': '/page?x=1',
  'x-forwarded-for': '203.0.113.9',
};
/** What each proxy sends about the same request. */
const SENT: Record<Contract, { method?: string; rest?: string; fields: Record<string, string> }> = {
  nginx: {
    fields: {
      'X-Original-URL': 'https://wiki.example.org:8443/page?x=1',
      'X-Original-Method': 'POST',
      'X-Forwarded-For': '203.0.113.9',
    },
  },
  traefik: { fields: FORWARDED },
  caddy: { fields: FORWARDED, rest: '?x=1' },
  haproxy: { fields: FORWARDED },
  envoy: {
    method: 'POST',
    rest: '/page?x=1',
    fields: { Host: 'wiki.example.org:8443', 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.9' },
  },
};
const ORIGINAL = {
  method: 'POST',
  scheme: 'https',
  authority: 'wiki.example.org:8443',
  target: '/page?x=1',
  forwardedFor: '203.0.113.9',
} as const;

function read(
  contract: Contract,
  change: { method?: string; rest?: string; fields?: Record<string, string>; more?: string[]; without?: string } = {},
): ReturnType<typeof readOriginal> {
  const { method = 'GET', rest = '', fields } = { ...SENT[contract], ...change };
  const rawHeaders = Object.entries({ ...fields, ...change.fields })
    .filter(([name]) => name !== change.without)
    .flat();
  return readOriginal(contract, { method, rest, fields: fieldsOf([...rawHeaders, ...(change.more ?? [])]) });
}

for (const contract of CONTRACTS) {
  describe(`what ${contract} asks`, () => {
    it('is about the original request', () => {
      const original = read(contract);
      assert.ok(original.ok, JSON.stringify(original));
      assert.deepEqual(original.value, ORIGINAL);
    });

    for (const name of Object.keys(SENT[contract].fields)) {
      it(`is refused without \`${name}\``, () => {
        assert.deepEqual(read(contract, { without: name }), {
          ok: false,
          error: `\`${name.toLowerCase()}\` is missing`,
        });
      });

      it(`is refused with an empty \`${name}\``, () => {
        assert.ok(!read(contract, { fields: { [name]: '' } }).ok);
      });

      it(`is refused with two of \`${name}\`, in any case`, () => {
        for (const other of [name, name.toUpperCase()]) {
          const original = read(contract, { more: [other, SENT[contract].fields[name] ?? ''] });
          assert.deepEqual(original, { ok: false, error: `\`${name.toLowerCase()}\` was sent more than once` });
        }
      });
    }

    it('is read from the one source of the contract, whatever else is sent', () => {
      const others = {
        ...(contract === 'nginx' || contract === 'envoy' ? { 'x-forwarded-uri': '/public' } : {}),
        ...(contract === 'nginx' ? { 'x-forwarded-host': 'other.example.org', 'x-forwarded-method': 'GET' } : {}),
        ...(contract === 'nginx' ? {} : { 'x-original-url': 'https://other.example.org/public' }),
        'x-original-uri': '/public',
        'x-forwarded-prefix': '/public',
        'x-rewrite-url': '/public',
      };
      const original = read(contract, { fields: { ...SENT[contract].fields, ...others } });
      assert.ok(original.ok);
      assert.deepEqual(original.value, ORIGINAL);
    });

    it('never throws, and is never read without a method, a host and an absolute path', () => {
      const text = fc.string({ unit: 'binary', maxLength: 40 });
      const names = fc.constantFrom(...Object.keys(SENT[contract].fields));
      fc.assert(
        fc.property(names, text, text, (name, value, rest) => {
          const original = read(contract, { fields: { [name]: value }, rest });
          if (!original.ok) return;
          assert.ok(original.value.method !== '' && original.value.authority !== '');
          assert.ok(['http', 'https'].includes(original.value.scheme));
        }),
      );
    });
  });
}

describe('what a contract rules out', () => {
  const cases: Record<string, [Contract, Parameters<typeof read>[1]]> = {
    'a scheme that is none': ['traefik', { fields: { 'x-forwarded-proto': 'ws' } }],
    'two schemes in one': ['traefik', { fields: { 'x-forwarded-proto': 'https,http' } }],
    'a path below the endpoint': ['traefik', { rest: '/page' }],
    'a query at the endpoint, where nobody puts one': ['haproxy', { rest: '?x=1' }],
    'Caddy by another method': ['caddy', { method: 'POST' }],
    'a path below Caddy’s endpoint': ['caddy', { rest: '/page' }],
    'an original URL without a path': ['nginx', { fields: { 'X-Original-URL': 'https://wiki.example.org' } }],
    'one with a query and no path': ['nginx', { fields: { 'X-Original-URL': 'https://wiki.example.org?x' } }],
    'one with somebody’s name': ['nginx', { fields: { 'X-Original-URL': 'https://a@wiki.example.org/' } }],
    'one with a backslash in its host': ['nginx', { fields: { 'X-Original-URL': 'https://wiki.example.org\\x/' } }],
    'one without a scheme': ['nginx', { fields: { 'X-Original-URL': '//wiki.example.org/' } }],
    'one of another scheme': ['nginx', { fields: { 'X-Original-URL': 'file:///etc' } }],
    'no path at Envoy’s endpoint': ['envoy', { rest: '' }],
  };
  for (const [what, [contract, change]] of Object.entries(cases)) {
    it(`is refused: ${what}`, () => assert.ok(!read(contract, change).ok));
  }
});
