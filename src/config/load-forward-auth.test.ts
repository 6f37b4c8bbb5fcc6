import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isLoopback } from './configuration.ts';
import { parseConfiguration } from './load.ts';

function load(text: string): ReturnType<typeof parseConfiguration> {
  return parseConfiguration({ file: 'cordon.yaml', text, directory: '/srv', policies: {} });
}

function refused(text: string): string[] {
  const read = load(text);
  assert.ok(!read.ok);
  return read.error.map(({ message }) => message);
}

describe('`forward_auth`', () => {
  it('is off, and trusts nobody, unless said otherwise', () => {
    const read = load('');
    assert.ok(read.ok, JSON.stringify(read));
    assert.deepEqual(read.value.forwardAuth, {
      http: undefined,
      grpc: undefined,
      trustedProxies: [],
      publicPort: undefined,
    });
  });

  it('says where proxies ask, which may, and where people reach them', () => {
    const read = load(`
forward_auth:
  listen: 127.0.0.1:9091
  grpc: '[::1]:9092'
  trusted_proxies: [127.0.0.1/32, 2001:db8::/64]
  public_port: 9080
`);
    assert.ok(read.ok, JSON.stringify(read));
    assert.deepEqual(read.value.forwardAuth, {
      http: { host: '127.0.0.1', port: 9091 },
      grpc: { host: '::1', port: 9092 },
      trustedProxies: ['127.0.0.1/32', '2001:db8::/64'],
      publicPort: 9080,
    });
  });

  const cases: Record<string, [text: string, message: RegExp]> = {
    'a network that is none': ['{ trusted_proxies: [10.0.0.0/33] }', /trusted_proxies/],
    'trust in everybody': ['{ trusted_proxies: [0.0.0.0/0] }', /`0\.0\.0\.0\/0` is everybody/],
    'trust in everybody of IPv6': ['{ trusted_proxies: ["::/0"] }', /`::\/0` is everybody/],
    'a port that does not exist': ['{ listen: "127.0.0.1:65536" }', /`forward_auth\.listen`: there is no port 65536/],
    'such a port for gRPC': ['{ grpc: "127.0.0.1:70000" }', /`forward_auth\.grpc`: there is no port 70000/],
    'a public port that does not exist': ['{ public_port: 0 }', /public_port/],
    'a key that nothing reads': ['{ failure_mode_allow: true }', /failure_mode_allow/],
  };
  for (const [what, [text, message]] of Object.entries(cases)) {
    it(`refuses ${what}`, () => {
      const messages = refused(`forward_auth: ${text}`);
      assert.equal(messages.length, 1);
      assert.match(messages[0] ?? '', message);
    });
  }
});

describe('isLoopback', () => {
  const cases: Record<string, boolean> = {
    localhost: true,
    '::1': true,
    '127.0.0.1': true,
    '127.9.9.9': true,
    '128.0.0.1': false,
    '0.0.0.0': false,
    '127.0.0.1.example.org': false,
    '::': false,
  };
  for (const [host, is] of Object.entries(cases))
    it(`${is ? 'takes' : 'does not take'} ${host}`, () => assert.equal(isLoopback(host), is));
});
