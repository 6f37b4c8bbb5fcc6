import assert from 'node:assert/strict';
import { isAbsolute } from 'node:path';
import { describe, it } from 'node:test';
import { formatProblem } from '#base';
import { type Configuration, parseConfiguration } from './index.ts';

function parse(text: string): ReturnType<typeof parseConfiguration> {
  return parseConfiguration({ file: 'cordon.yaml', text, directory: '/etc/cordon', policies: {} });
}

function parsed(text: string): Configuration {
  const result = parse(text);
  assert.ok(result.ok, result.ok ? '' : result.error.map(formatProblem).join('\n'));
  return result.value;
}

describe('an app of a document', () => {
  it('says all that an app may ask of the gateway, and nothing that it did not ask for', () => {
    const { apps } = parsed(`apps:
  plain: { upstream: "http://10.0.0.1" }
  full:
    upstream: ["https://10.0.0.5:8443", "https://10.0.0.6:8443"]
    upstream_protocol: http2
    upstream_tls: { ca: ca.pem, certificate: /etc/c.pem, key: k.pem, server_name: full.internal }
    health_path: /healthz
    identity_headers: [authelia, iap]
    client_certificate: required
    encoded_slash: allow
    limits: { requests_per_second: 50, body_bytes: 1000 }
  proxied: { enforced_by: forward-auth }
  bastion: { upstream: "tcp://10.0.0.7:22", ssh: { principals: [ops] } }
  jump: { upstream: "tcp://10.0.0.7:22", ssh: { principals: [ops], extensions: [permit-port-forwarding], source_addresses: [10.0.0.5/32] } }
  cluster: { upstream: "https://10.0.0.8:6443", kubernetes: { token_file: token } }
forward_auth: { listen: "127.0.0.1:9091" }
`);
    const [plain, full, proxied, bastion, jump, cluster] = apps;
    assert.deepEqual(plain, {
      id: 'plain',
      name: 'plain',
      host: 'plain.localhost',
      upstream: 'http://10.0.0.1',
      tier: 3,
      device: 'any',
      allowedOrigins: [],
    });
    assert.equal(full?.upstream, 'https://10.0.0.5:8443');
    const { ca, key, ...options } = full.upstreamOptions ?? {};
    assert.ok(ca !== undefined && key !== undefined && isAbsolute(ca) && isAbsolute(key));
    assert.deepEqual(options, {
      others: ['https://10.0.0.6:8443'],
      protocol: 'http2',
      certificate: '/etc/c.pem',
      serverName: 'full.internal',
      healthPath: '/healthz',
    });
    assert.deepEqual(full.identityHeaders, ['authelia', 'iap']);
    assert.deepEqual([full.clientCertificate, full.encodedSlash], ['required', 'allow']);
    assert.deepEqual(full.limits, { requestsPerSecond: 50, bodyBytes: 1000 });
    assert.deepEqual([proxied?.enforcedBy, proxied?.upstream], ['forward-auth', undefined]);
    assert.deepEqual(bastion?.ssh, { principals: ['ops'], lifetimeSeconds: 300, extensions: ['permit-pty'] });
    assert.deepEqual(jump?.ssh?.extensions, ['permit-port-forwarding']);
    assert.deepEqual(jump?.ssh?.sourceAddresses, ['10.0.0.5/32']);
    assert.ok(isAbsolute(cluster?.kubernetes?.tokenFile ?? ''));
  });

  const refused: readonly (readonly [name: string, text: string, expected: readonly string[]])[] = [
    [
      'upstreams of two kinds',
      'apps:\n  wiki:\n    upstream: [http://127.0.0.1:1, https://127.0.0.1:2]\n',
      ['3:5 configuration-invalid the upstreams of app `wiki` must have one scheme'],
    ],
    [
      'a TCP upstream without a port',
      'apps: { ssh: { upstream: tcp://10.0.0.5 } }\n',
      ['1:16 configuration-invalid the upstream of app `ssh` needs a port'],
    ],
    [
      'HTTP settings for TCP',
      'apps: { ssh: { upstream: "tcp://10.0.0.5:22", health_path: / } }\n',
      ['1:16 configuration-invalid app `ssh` forwards TCP, and has no HTTP settings'],
    ],
    [
      'a Kubernetes API in the clear, which would show the account’s token',
      'apps: { k8s: { upstream: "http://10.0.0.5", kubernetes: { token_file: t } } }\n',
      ['1:16 configuration-invalid the Kubernetes API behind app `k8s` needs an `https` upstream'],
    ],
    [
      'a Kubernetes API that another proxy carries',
      'apps: { k8s: { enforced_by: forward-auth, kubernetes: { token_file: t } } }\nforward_auth: { grpc: "127.0.0.1:9092" }\n',
      ['1:9 configuration-invalid the Kubernetes API behind app `k8s` needs an `https` upstream'],
    ],
    [
      'half of a client certificate for an upstream',
      'apps: { wiki: { upstream: "https://10.0.0.5", upstream_tls: { key: k.pem } } }\n',
      ['1:17 configuration-invalid `upstream_tls` of app `wiki` needs both `certificate` and `key`'],
    ],
    [
      'a pinned authority for an upstream in the clear',
      'apps: { wiki: { upstream: "http://10.0.0.5", upstream_tls: { ca: ca.pem } } }\n',
      ['1:17 configuration-invalid `upstream_tls` of app `wiki` needs an `https` upstream'],
    ],
    [
      'an app with an upstream that another proxy carries',
      'apps: { wiki: { upstream: "http://10.0.0.5", enforced_by: forward-auth } }\nforward_auth: { listen: "127.0.0.1:9091" }\n',
      ['1:9 configuration-invalid app `wiki` needs exactly one of'],
    ],
    [
      'an app that a proxy has to ask about, where nothing listens',
      'apps: { wiki: { enforced_by: forward-auth } }\n',
      ['1:17 configuration-invalid a proxy has to ask about app `wiki`, and nothing listens for its questions'],
    ],
    [
      'a certificate that no client can show through a proxy',
      'apps: { wiki: { enforced_by: forward-auth, client_certificate: required } }\nforward_auth: { listen: "127.0.0.1:9091" }\n',
      ['1:44 configuration-invalid app `wiki` cannot demand a certificate'],
    ],
    [
      'SSH to a web site',
      'apps: { wiki: { upstream: "http://10.0.0.5", ssh: { principals: [ops] } } }\n',
      ['1:17 configuration-invalid the hosts for SSH behind app `wiki` need a `tcp` upstream'],
    ],
    [
      'SSH that another proxy carries',
      'apps: { ssh: { enforced_by: forward-auth, ssh: { principals: [ops] } } }\nforward_auth: { listen: "127.0.0.1:9091" }\n',
      ['1:9 configuration-invalid the hosts for SSH behind app `ssh` need a `tcp` upstream'],
    ],
    [
      'SSH without a login name',
      'apps: { host: { upstream: "tcp://10.0.0.5:22", ssh: {} } }\n',
      ['1:48 configuration-invalid `apps.host.ssh.principals`: is missing'],
    ],
    [
      'an upstream that is no URL, in either form',
      'apps: { a: { upstream: "10.0.0.5:80" }, b: { upstream: [x] } }\n',
      [
        '1:14 configuration-invalid `apps.a.upstream`: must be a URL, for example `http://127.0.0.1:9000`',
        '1:46 configuration-invalid `apps.b.upstream.0`: must be a URL',
      ],
    ],
    [
      'a value that is neither one thing nor the other',
      'gateway: { workers: many, limits: { body_bytes: 10MB } }\n',
      [
        '1:12 configuration-invalid `gateway.workers`: expected number, received string, or expected "auto"',
        '1:37 configuration-invalid `gateway.limits.body_bytes`: expected number, received string, or expected "off"',
      ],
    ],
    [
      'a number where a duration or an address is due',
      'gateway: { drain: 10 }\nmetrics: { listen: 9464 }\nforward_auth: { listen: 9091 }\n',
      [
        '1:12 configuration-invalid `gateway.drain`: must be a duration, for example `500ms`',
        '3:17 configuration-invalid `forward_auth.listen`: must be `address:port`',
        '2:12 configuration-invalid `metrics.listen`: must be `address:port`',
      ],
    ],
  ];
  for (const [name, text, expected] of refused) {
    it(`is refused with its place: ${name}`, () => {
      const result = parse(text);
      const found = result.ok
        ? []
        : result.error.map(({ code, message, source }) => `${source?.line}:${source?.column} ${code} ${message}`);
      assert.equal(found.length, expected.length, found.join('\n'));
      for (const [index, start] of expected.entries()) {
        assert.ok(found[index]?.startsWith(start), `${found[index]}\ndoes not begin with\n${start}`);
      }
    });
  }
});
