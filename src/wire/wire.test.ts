import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatEnrolmentToken, parseEnrolmentToken, parseMessage, WIRE_LIMITS, WIRE_VERSION } from '#wire';

const facts = {
  hostname: 'web-1',
  os: { value: { id: 'debian', idLike: [], versionId: '12', prettyName: 'Debian 12', kernel: '6.1.0' } },
  virtualization: { unknown: 'no tool' },
  securityUpdates: { value: { manager: 'apt', pending: 0, packages: [], rebootRequired: false } },
  mounts: { value: [{ mountpoint: '/', device: 'dm-0', encrypted: true }] },
  inputChains: { value: [] },
  sshServer: { unknown: 'sshd failed' },
  timeSync: { value: { synchronized: true, source: 'systemd-timesyncd' } },
};
const flow = { saddr: '10.0.0.1', protocol: 'tcp', dport: 22, packets: 3, firstAt: 1, lastAt: 2 };
const report = { wire: 1, sequence: 1, collectedAt: 1, posture: 'a.b.c', addresses: ['10.0.0.2'], deniedFlows: [flow] };
const claims = { sub: 'dev_1', iat: 1, jti: 'x'.repeat(22), sequence: 1, collectedAt: 1, facts };

describe('wire messages', () => {
  it('has a version that is the last line of its history', () => {
    const source = readFileSync(new URL('./version.ts', import.meta.url), 'utf8');
    const history = [...source.matchAll(/^ \* (\d+) (\d{4}-\d{2}-\d{2}) \S/gm)];
    assert.equal(Number(history.at(-1)?.[1]), WIRE_VERSION);
    assert.deepEqual(
      history.map((match) => Number(match[1])),
      history.map((_, index) => index + 1),
    );
  });

  it('accepts each message and ignores fields it does not know', () => {
    const valid: readonly [Parameters<typeof parseMessage>[0], object][] = [
      ['report', report],
      ['postureClaims', claims],
      ['renewRequest', { wire: 1, csr: 'pem' }],
      ['enrolRequest', { wire: 1, token: 't', csr: 'pem', hostname: 'h', facts, addresses: [] }],
      [
        'instruction',
        { wire: 1, reportEverySeconds: 5, renewalDue: false, program: { version: 'v', document: { nftables: [] } } },
      ],
    ];
    for (const [kind, body] of valid) {
      const parsed = parseMessage(kind, JSON.stringify({ ...body, later: { added: true } }));
      assert.ok(parsed.ok, `${kind}: ${JSON.stringify(parsed)}`);
      assert.deepEqual(parsed.value, body);
    }
  });

  const refused: readonly [string, Parameters<typeof parseMessage>[0], unknown, string][] = [
    ['text that is not JSON', 'report', undefined, 'json-invalid'],
    ['a list', 'report', [], 'message-invalid'],
    ['another version', 'report', { ...report, wire: 2 }, 'wire-version-unsupported'],
    ['a missing field', 'report', { ...report, posture: undefined }, 'message-invalid'],
    ['a wrong type', 'report', { ...report, sequence: '1' }, 'message-invalid'],
    ['a fraction', 'report', { ...report, sequence: 1.5 }, 'message-invalid'],
    ['a negative count', 'report', { ...report, deniedFlows: [{ ...flow, packets: -1 }] }, 'message-invalid'],
    ['a port beyond 65535', 'report', { ...report, deniedFlows: [{ ...flow, dport: 65_536 }] }, 'message-invalid'],
    [
      'too many flows',
      'report',
      { ...report, deniedFlows: Array(WIRE_LIMITS.deniedFlows + 1).fill(flow) },
      'message-invalid',
    ],
    [
      'too many addresses',
      'report',
      { ...report, addresses: Array(WIRE_LIMITS.addresses + 1).fill('::1') },
      'message-invalid',
    ],
    [
      'a fact that is neither seen nor unknown',
      'postureClaims',
      { ...claims, facts: { ...facts, os: {} } },
      'message-invalid',
    ],
    [
      'a program without commands',
      'instruction',
      { wire: 1, reportEverySeconds: 5, renewalDue: false, program: { version: 'v', document: {} } },
      'message-invalid',
    ],
  ];
  for (const [what, kind, body, code] of refused) {
    it(`refuses ${what} as ${code}`, () => {
      const parsed = parseMessage(kind, body === undefined ? '{' : JSON.stringify(body));
      assert.equal(parsed.ok ? 'accepted' : parsed.error[0]?.code, code);
    });
  }

  it('never throws, whatever JSON arrives', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        for (const kind of ['report', 'enrolRequest', 'renewRequest', 'instruction', 'postureClaims'] as const) {
          parseMessage(kind, JSON.stringify(value));
        }
      }),
    );
  });
});

describe('enrolment token', () => {
  const token = { secret: 'A'.repeat(43), fingerprint: 'ab'.repeat(32), serverName: 'agent.localhost' };

  it('is one word that reads back', () => {
    const text = formatEnrolmentToken(token);
    assert.match(text, /^[\w.-]+$/);
    assert.deepEqual(parseEnrolmentToken(text), { ok: true, value: token });
  });

  it('refuses everything else, among it an address as server name', () => {
    const texts = [
      '',
      'cordon1.',
      'cordon1.bm90IGpzb24',
      formatEnrolmentToken({ ...token, secret: 'short' }),
      formatEnrolmentToken({ ...token, fingerprint: 'AB'.repeat(32) }),
      formatEnrolmentToken({ ...token, serverName: '10.0.0.1' }),
      formatEnrolmentToken({ ...token, serverName: 'a/b' }),
    ];
    for (const text of texts) assert.equal(parseEnrolmentToken(text).ok, false, text);
    fc.assert(fc.property(fc.string(), (text) => !parseEnrolmentToken(`cordon1.${text}`).ok));
  });
});
