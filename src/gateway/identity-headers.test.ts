import assert from 'node:assert/strict';
import { validateHeaderValue } from 'node:http';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { IDENTITY_HEADER_PRESETS, type IdentityHeaderPreset } from '#model';
import { isIdentityHeader } from './headers.ts';
import { identityHeaderNames, identityHeaders, type KnownIdentity, omittedGroups } from './identity-headers.ts';

const ADA: KnownIdentity = {
  user: { id: 'usr_ada', email: 'ada@example.org', name: 'Ada Lovelace' },
  groups: new Set(['staff', 'engineering']),
  appId: 'wiki',
  assertion: 'header.claims.signature',
  jwksUrl: 'https://wiki.example.org/.cordon/jwks.json',
};

function sent(presets: readonly IdentityHeaderPreset[], change: Partial<KnownIdentity> = {}): Record<string, string> {
  return recordOf(identityHeaders(presets, { ...ADA, ...change }));
}

function recordOf(fields: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: fields.length / 2 }, (_, i) => [fields[2 * i] ?? '', fields[2 * i + 1] ?? '']),
  );
}

describe('identityHeaders', () => {
  const cases: Record<IdentityHeaderPreset, Record<string, string>> = {
    authelia: {
      'remote-user': 'ada@example.org',
      'remote-name': 'Ada Lovelace',
      'remote-email': 'ada@example.org',
      'remote-groups': 'engineering,staff',
    },
    'oauth2-proxy': {
      'x-auth-request-user': 'usr_ada',
      'x-auth-request-email': 'ada@example.org',
      'x-auth-request-preferred-username': 'ada@example.org',
      'x-auth-request-groups': 'engineering,staff',
      'x-auth-request-access-token': '',
      'x-forwarded-user': 'usr_ada',
      'x-forwarded-email': 'ada@example.org',
      'x-forwarded-preferred-username': 'ada@example.org',
      'x-forwarded-groups': 'engineering,staff',
      'x-forwarded-access-token': '',
    },
    authentik: {
      'x-authentik-username': 'ada@example.org',
      'x-authentik-name': 'Ada Lovelace',
      'x-authentik-email': 'ada@example.org',
      'x-authentik-uid': 'usr_ada',
      'x-authentik-groups': 'engineering|staff',
      'x-authentik-entitlements': '',
      'x-authentik-jwt': 'header.claims.signature',
      'x-authentik-meta-jwks': 'https://wiki.example.org/.cordon/jwks.json',
      'x-authentik-meta-app': 'wiki',
      'x-authentik-meta-outpost': '',
      'x-authentik-meta-provider': '',
      'x-authentik-meta-version': '',
    },
    iap: {
      'x-goog-iap-jwt-assertion': 'header.claims.signature',
      'x-goog-authenticated-user-email': 'accounts.google.com:ada@example.org',
      'x-goog-authenticated-user-id': 'accounts.google.com:usr_ada',
    },
    pomerium: {
      'x-pomerium-jwt-assertion': 'header.claims.signature',
      'x-pomerium-claim-email': 'ada@example.org',
      'x-pomerium-claim-user': 'usr_ada',
      'x-pomerium-claim-name': 'Ada Lovelace',
      'x-pomerium-claim-groups': 'engineering,staff',
    },
    cloudflare: {
      'cf-access-jwt-assertion': 'header.claims.signature',
      'cf-access-authenticated-user-email': 'ada@example.org',
    },
  };
  for (const [preset, expected] of Object.entries(cases)) {
    it(`speaks as ${preset} does`, () => assert.deepEqual(sent([preset as IdentityHeaderPreset]), expected));
  }

  it('sends nothing without a preset', () => assert.deepEqual(identityHeaders([], ADA), []));

  it('sets every name of every preset, each once, and all of them empty when nobody is known', () => {
    const names = identityHeaderNames(IDENTITY_HEADER_PRESETS);
    assert.equal(new Set(names).size, names.length);
    const fields = identityHeaders(IDENTITY_HEADER_PRESETS, undefined);
    assert.deepEqual(
      fields,
      names.flatMap((name) => [name, '']),
    );
    assert.deepEqual(Object.keys(sent(IDENTITY_HEADER_PRESETS)), names);
  });

  it('sets only names that no client can set', () => {
    assert.deepEqual(
      identityHeaderNames(IDENTITY_HEADER_PRESETS).filter((name) => !isIdentityHeader(name)),
      [],
    );
  });

  it('sends names as UTF-8, as the products before it do', () => {
    const { 'remote-name': name = '' } = sent(['authelia'], { user: { ...ADA.user, name: 'Zoë 李' } });
    assert.equal(Buffer.from(name, 'latin1').toString('utf8'), 'Zoë 李');
  });

  it('keeps line ends and other controls out of a name', () => {
    const { 'remote-name': name } = sent(['authelia'], {
      user: { ...ADA.user, name: 'Ada\r\nRemote-Groups: admins\0\x1b\x85 ' },
    });
    assert.equal(name, 'Ada Remote-Groups: admins');
  });

  it('makes one group of a group whose name holds a separator', () => {
    const { 'remote-groups': commas } = sent(['authelia'], { groups: new Set(['staff,admins', 'a|b', '50%']) });
    assert.equal(commas, '50%25,a%7Cb,staff%2Cadmins');
    const { 'x-authentik-groups': bars } = sent(['authentik'], { groups: new Set(['staff|admins', 'x\ny']) });
    assert.equal(bars, 'staff%7Cadmins|x%0Ay');
  });

  it('leaves a list of groups that is too long empty, and says how many there are', () => {
    const groups = new Set(Array.from({ length: 152 }, (_, i) => `department-of-something-${i}`));
    assert.equal(sent(['authelia'], { groups })['remote-groups'], '');
    assert.equal(sent(['authentik'], { groups })['x-authentik-groups'], '');
    assert.equal(omittedGroups(groups), 152);
    assert.equal(omittedGroups(ADA.groups), 0);
    assert.equal(omittedGroups(new Set()), 0);
  });

  it('counts the length of a list in bytes', () => {
    assert.equal(omittedGroups(new Set(['李'.repeat(683)])), 1);
    assert.equal(omittedGroups(new Set(['李'.repeat(682)])), 0);
  });

  it('follows the groups of a person', () => {
    assert.equal(sent(['authelia'], { groups: new Set(['a']) })['remote-groups'], 'a');
    assert.equal(sent(['authelia'], { groups: new Set(['b']) })['remote-groups'], 'b');
  });

  it('leaves a text empty that is longer than a name can be', () => {
    assert.equal(sent(['authelia'], { user: { ...ADA.user, name: 'x'.repeat(513) } })['remote-name'], '');
    assert.equal(sent(['authelia'], { user: { ...ADA.user, name: 'x'.repeat(512) } })['remote-name']?.length, 512);
  });

  it('sends the assertion whole, however long', () => {
    const long = 'x'.repeat(4000);
    assert.equal(sent(['pomerium'], { assertion: long })['x-pomerium-jwt-assertion'], long);
  });

  it('makes valid field values of anything, bounded in size', () => {
    const text = fc.string({ unit: 'binary', maxLength: 800 });
    fc.assert(
      fc.property(text, text, fc.array(text, { maxLength: 20 }), (name, email, groups) => {
        const fields = sent(IDENTITY_HEADER_PRESETS, {
          user: { id: 'usr_x', email, name },
          groups: new Set(groups),
        });
        let size = 0;
        for (const [header, value] of Object.entries(fields)) {
          validateHeaderValue(header, value);
          size += header.length + value.length;
        }
        assert.ok(size < 32 * 1024);
      }),
    );
  });

  it('never makes two groups of one, whatever it is called', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 20 }), { minLength: 1 }), (groups) => {
        const fields = sent(['authelia', 'authentik'], { groups: new Set(groups) });
        const [commas = '', bars = ''] = [fields['remote-groups'], fields['x-authentik-groups']];
        if (commas === '') return;
        assert.equal(commas.split(',').length, groups.length);
        assert.equal(bars.split('|').length, groups.length);
        assert.equal(new Set(commas.split(',')).size, groups.length);
      }),
    );
  });
});
