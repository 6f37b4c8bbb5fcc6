import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatProblem } from '#base';
import {
  type Configuration,
  type ConfigurationSource,
  defaultConfiguration,
  loadConfiguration,
  parseConfiguration,
  readPolicies,
} from '#config';
import { loadPolicies } from '#policy';

function parse(text: string, more: Partial<ConfigurationSource> = {}): ReturnType<typeof parseConfiguration> {
  return parseConfiguration({ file: 'cordon.yaml', text, directory: '/etc/cordon', policies: {}, ...more });
}

function parsed(text: string): Configuration {
  const result = parse(text);
  assert.ok(result.ok, result.ok ? '' : result.error.map(formatProblem).join('\n'));
  return result.value;
}

/** Each problem as `line:column code message`. */
function problems(text: string, more: Partial<ConfigurationSource> = {}): string[] {
  const result = parse(text, more);
  assert.equal(result.ok, false, 'the document must be refused');
  return result.ok
    ? []
    : result.error.map(({ code, message, source }) => {
        assert.equal(source?.file, 'cordon.yaml');
        return `${source?.line ?? '-'}:${source?.column ?? '-'} ${code} ${message}`;
      });
}

describe('a document', () => {
  it('that is empty, or holds only comments, is the defaults', () => {
    for (const text of ['', '# nothing yet\n', '{}']) {
      const { domain, listen, apps, groups, external, file, data, tls } = parsed(text);
      assert.deepEqual(
        [domain, listen.http, listen.tls],
        ['localhost', { host: '127.0.0.1', port: 8080 }, { host: '127.0.0.1', port: 8443 }],
      );
      assert.deepEqual(
        apps.map(({ id, host, builtin, tier }) => [id, host, builtin, tier]),
        [['verify', 'verify.localhost', 'verify', 3]],
      );
      assert.deepEqual(
        groups.map(({ id }) => id),
        ['admins', 'analysts'],
      );
      assert.deepEqual(external, { egress: 'allow', ingress: 'deny' });
      assert.deepEqual([file, data, tls], ['/etc/cordon/cordon.yaml', '/etc/cordon/data', undefined]);
    }
  });

  it('is resolved: names, hosts, tiers, paths and addresses', () => {
    const configuration = parsed(`
domain: corp.localhost
listen: { http: "[::1]:80", tls: "off" }
tls: { certificate: tls/chain.pem, key: /run/key.pem }
data: /var/lib/cordon
apps:
  wiki: { upstream: "https://10.0.0.5:8443/", asset: "arn:aws:x", tier: T1, device: healthy, allowed_origins: ["https://portal.example.org"] }
groups: { staff: { parents: [analysts] }, admins: { name: Ops } }
segments: { web: { labels: { app: web } } }
workloads: { printer: { labels: { app: print }, addresses: [192.0.2.7, "2001:db8::7"] } }
network: { external_egress: deny, external_ingress: allow, management_sources: [10.0.0.0/8] }
responses: { cut: { when: port-probe, action: quarantine } }
`);
    assert.deepEqual(configuration.listen, { http: { host: '::1', port: 80 }, tls: undefined });
    assert.deepEqual(configuration.tls, { certificate: '/etc/cordon/tls/chain.pem', key: '/run/key.pem' });
    assert.equal(configuration.data, '/var/lib/cordon');
    assert.deepEqual(configuration.apps, [
      {
        id: 'wiki',
        name: 'wiki',
        host: 'wiki.corp.localhost',
        upstream: 'https://10.0.0.5:8443/',
        assetId: 'arn:aws:x',
        tier: 1,
        device: 'healthy',
        allowedOrigins: ['https://portal.example.org'],
      },
    ]);
    assert.deepEqual(configuration.groups, [
      { id: 'analysts', name: 'Analysts', parents: [] },
      { id: 'staff', name: 'staff', parents: ['analysts'] },
      { id: 'admins', name: 'Ops', parents: [] },
    ]);
    assert.deepEqual(configuration.workloads[0]?.addresses, ['192.0.2.7', '2001:db8::7']);
    assert.deepEqual(configuration.external, { egress: 'deny', ingress: 'allow' });
    assert.deepEqual(configuration.managementSources, ['10.0.0.0/8']);
    assert.equal(configuration.responses[0]?.mode, 'dry-run', 'nothing is enforced that was not asked for');
  });

  it('with many problems names all of them at once', () => {
    assert.equal(problems('domain: Not A Host\napps: { a: {}, b: { tier: T9 } }\nnonsense: 1\n').length, 3);
  });

  const refused: readonly (readonly [name: string, text: string, expected: readonly string[]])[] = [
    ['a list that is not closed', 'apps: [\n', ['2:1 yaml-invalid']],
    ['a tab for indentation', 'apps:\n\tverify: {}\n', ['2:1 yaml-invalid tabs are not allowed as indentation']],
    ['a key that stands twice', 'domain: localhost\ndomain: localhost\n', ['2:1 yaml-invalid map keys must be unique']],
    ['two documents', 'domain: localhost\n---\ndomain: localhost\n', ['2:1 yaml-invalid']],
    [
      'an alias of nothing, as in `*.example.org`',
      'domain: *.example.org\n',
      ['1:9 yaml-invalid `*.example.org` is an alias'],
    ],
    ['a tag that nothing knows', 'data: !secret path\n', ['1:7 yaml-invalid unresolved tag']],
    ['a text', 'hello', ['-:- configuration-invalid invalid input: expected object, received string']],
    ['a list', '- apps', ['-:- configuration-invalid invalid input: expected object, received array']],
    ['an unknown key', 'dommain: localhost\n', ['1:1 configuration-unknown-key unknown key `dommain`']],
    [
      'an unknown key inside an app',
      'apps:\n  wiki:\n    upstream: http://127.0.0.1:1\n    devise: healthy\n',
      ['4:5 configuration-unknown-key `apps.wiki`: unknown key `devise`'],
    ],
    ['`__proto__`', '__proto__: { domain: evil }\n', ['1:1 configuration-unknown-key unknown key `__proto__`']],
    [
      'a number for a text',
      'domain: 7\n',
      ['1:1 configuration-invalid `domain`: invalid input: expected string, received number'],
    ],
    ['a list for a map', 'apps: []\n', ['1:1 configuration-invalid `apps`']],
    [
      'a value outside the choice',
      'apps:\n  a:\n    builtin: verify\n    device: heathy\n',
      ['4:5 configuration-invalid `apps.a.device`'],
    ],
    [
      'a label that is a number',
      'segments: { web: { labels: { port: 80 } } }\n',
      ['1:30 configuration-invalid `segments.web.labels.port`'],
    ],
    ['an id in capital letters', 'apps: { Wiki: { builtin: verify } }\n', ['1:9 configuration-invalid `apps.Wiki`']],
    [
      'a domain with a port',
      'domain: localhost:8080\n',
      ['1:1 configuration-invalid `domain`: must be a lower-case host name'],
    ],
    ['an address without a port', 'listen: { http: 127.0.0.1 }\n', ['1:11 configuration-invalid `listen.http`']],
    [
      'a port that does not exist',
      'listen: { http: "127.0.0.1:70000" }\n',
      ['1:11 configuration-invalid `listen.http`: there is no port 70000'],
    ],
    [
      'such a port for metrics',
      'metrics: { listen: "127.0.0.1:99999" }\n',
      ['1:12 configuration-invalid `metrics.listen`: there is no port 99999'],
    ],
    [
      'plain HTTP beyond loopback',
      'listen:\n  http: 0.0.0.0:8080\n',
      ['2:3 configuration-invalid plain HTTP on `0.0.0.0` would expose sessions; it is served on loopback only'],
    ],
    ['plain HTTP on all of IPv6', 'listen: { http: "[::]:8080" }\n', ['1:11 configuration-invalid plain HTTP on `::`']],
    [
      'plain HTTP on a name that only begins like loopback',
      'listen: { http: "127.0.0.1.example.org:8080" }\n',
      ['1:11 configuration-invalid plain HTTP on `127.0.0.1.example.org`'],
    ],
    ['plain HTTP on 127.0.0.999', 'listen: { http: "127.0.0.999:80" }\n', ['1:11 configuration-invalid plain HTTP on']],
    [
      'plain HTTP for a real domain',
      'domain: example.org\n',
      ['1:1 configuration-invalid domain `example.org` must be served over TLS'],
    ],
    [
      'plain HTTP for a domain that ends like localhost',
      'domain: evil-localhost\n',
      ['1:1 configuration-invalid domain'],
    ],
    [
      'half a certificate',
      'tls: { key: k.pem }\n',
      ['1:1 configuration-invalid `tls` needs both `certificate` and `key`'],
    ],
    [
      'an app without an upstream',
      'apps:\n  wiki: { tier: T1 }\n',
      ['2:3 configuration-invalid app `wiki` needs exactly one of `upstream`, `builtin` and'],
    ],
    [
      'an app with two',
      'apps: { wiki: { upstream: "http://127.0.0.1:1", builtin: verify } }\n',
      ['1:9 configuration-invalid app `wiki` needs exactly one of'],
    ],
    [
      'an upstream with a path',
      'apps: { wiki: { upstream: "http://127.0.0.1:1/admin" } }\n',
      ['1:17 configuration-invalid the upstream of app `wiki` must not have a path'],
    ],
    [
      'an upstream with a query, a fragment and a password',
      'apps: { wiki: { upstream: "http://user:secret@127.0.0.1:1/?a#b" } }\n',
      [
        '1:17 configuration-invalid the upstream of app `wiki` must not have a query',
        '1:17 configuration-invalid the upstream',
      ],
    ],
    [
      'an upstream that is no URL',
      'apps: { wiki: { upstream: wiki:8080 } }\n',
      ['1:17 configuration-invalid `apps.wiki.upstream`'],
    ],
    [
      'an upstream that is a file',
      'apps: { wiki: { upstream: "file:///etc/passwd" } }\n',
      ['1:17 configuration-invalid `apps.wiki.upstream`'],
    ],
    [
      'an origin with a path, which no browser sends',
      'apps: { wiki: { builtin: verify, allowed_origins: ["https://a.example/"] } }\n',
      ['1:34 configuration-invalid `https://a.example/` of app `wiki` is not an origin'],
    ],
    [
      'an origin that is no web address',
      'apps: { wiki: { builtin: verify, allowed_origins: ["javascript:alert(1)"] } }\n',
      ['1:34 configuration-invalid `javascript:alert(1)` of app `wiki` is not an origin'],
    ],
    [
      'two apps on one host',
      'apps:\n  a: { builtin: verify, host: x.localhost }\n  b: { builtin: verify, host: x.localhost }\n',
      ['3:3 configuration-invalid host `x.localhost` of app `b` is taken by app `a`'],
    ],
    [
      'an app on a host that another has by default',
      'apps:\n  a: { builtin: verify }\n  b: { builtin: verify, host: a.localhost }\n',
      ['3:3 configuration-invalid host `a.localhost` of app `b` is taken by app `a`'],
    ],
    ...['id', 'console', 'agent'].map(
      (host) =>
        [
          `an app on the reserved host ${host}`,
          `apps: { ${host}: { builtin: verify } }\n`,
          [
            `1:9 configuration-invalid host \`${host}.localhost\` of app \`${host}\` is taken by Cordon's own \`${host}\` host`,
          ],
        ] as const,
    ),
    [
      'a group inside one that is not there',
      'groups:\n  staff:\n    parents: [admin]\n',
      ['3:5 configuration-invalid group `staff` is inside `admin`, which is not a group'],
    ],
    [
      'a group inside itself',
      'groups: { a: { parents: [b] }, b: { parents: [a] } }\n',
      ['1:16 configuration-invalid group `a` would be inside itself', '1:37 configuration-invalid group `b`'],
    ],
    [
      'a workload with a name for an address',
      'workloads:\n  printer: { addresses: [printer.example.org] }\n',
      ['2:14 configuration-invalid workload `printer`: `printer.example.org` is not an IPv4 or IPv6 address'],
    ],
    [
      'a workload with a network for an address',
      'workloads: { printer: { addresses: [10.0.0.0/8] } }\n',
      ['1:25 configuration-invalid workload `printer`: `10.0.0.0/8` is not'],
    ],
    [
      'a workload with an address that some read as octal',
      'workloads: { printer: { addresses: [010.0.0.1] } }\n',
      ['1:25 configuration-invalid workload `printer`: `010.0.0.1` has leading zeros'],
    ],
    [
      'a management source that is no network',
      'network: { management_sources: [10.0.0.1, 10.0.0.1/8] }\n',
      [
        '1:12 configuration-invalid `network.management_sources`: `10.0.0.1` is not a network',
        '1:12 configuration-invalid `network.management_sources`: `10.0.0.1/8` has host bits set; write `10.0.0.0/8`',
      ],
    ],
  ];
  for (const [name, text, expected] of refused) {
    it(`that holds ${name} is refused, with its place`, () => {
      const found = problems(text);
      assert.equal(found.length, expected.length, found.join('\n'));
      for (const [index, start] of expected.entries()) {
        assert.ok(found[index]?.startsWith(start), `${found[index]}\ndoes not begin with\n${start}`);
      }
    });
  }

  it('that repeats itself through aliases until it fills memory is refused at once', () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]'];
    for (const [index, letter] of [...'bcdefgh'].entries()) {
      bomb.push(`${letter}: &${letter} [${Array.from({ length: 10 }, () => `*${'abcdefgh'[index]}`).join(',')}]`);
    }
    assert.match(
      problems(bomb.join('\n')).join('\n'),
      /yaml-invalid `\*b` repeats something that repeats something else/,
    );
    const loop = problems('apps: &a { wiki: *a }\n');
    assert.match(loop.join('\n'), /yaml-invalid/);
    const many = (count: number): string =>
      `segments: { a: { labels: &l { x: y } }, ${Array.from({ length: count }, (_, index) => `s${index}: { labels: *l }`).join(', ')} }`;
    assert.equal(parsed(many(50)).segments.length, 51);
    assert.match(problems(many(51)).join('\n'), /yaml-invalid more than 50 aliases/);
    const list = `a: &a x\nb: [${'*a,'.repeat(30_000)}]\n`;
    assert.match(problems(list).join('\n'), /yaml-invalid more than 50 aliases/);
  });

  it('may use an alias as people do', () => {
    const { segments } = parsed('segments: { a: { labels: &web { app: web } }, b: { labels: *web } }');
    assert.deepEqual(
      segments.map(({ selector }) => selector),
      [{ app: 'web' }, { app: 'web' }],
    );
  });

  it('of more than a million bytes is refused without being read', () => {
    assert.match(problems(`# ${'é'.repeat(500_000)}\n`).join(), /larger than 1000000 bytes/);
  });

  it('whose response waits for a detection that does not exist is refused by whoever knows the detections', () => {
    const text = 'responses:\n  cut:\n    when: port-prob\n    action: quarantine\n';
    assert.equal(parse(text).ok, true, 'here they are not known');
    const [problem] = problems(text, { detections: ['port-probe', 'password-guessing'] });
    assert.equal(
      problem,
      '3:5 configuration-invalid response `cut` waits for the detection `port-prob`, which does not exist',
    );
    assert.equal(parse(text.replace('prob', 'probe'), { detections: ['port-probe'] }).ok, true);
  });

  it('never throws, whatever it holds', () => {
    const piece = fc.constantFrom(
      'apps:',
      ' ',
      '\n',
      '  ',
      'wiki:',
      '- ',
      '{',
      '}',
      '[',
      ']',
      '*a',
      '&a',
      '!!',
      '"',
      "'",
      ':',
      '#',
      '|',
      '?',
      '<<',
      '\t',
      'upstream: http://x',
      '0x1f',
      '~',
      '---',
      '%YAML',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((pieces) => pieces.join('')),
        ),
        (text) => {
          const result = parse(text);
          if (!result.ok) assert.ok(result.error.length > 0);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('the built-in defaults', () => {
  it('load, with policies that validate and name only groups that exist', () => {
    const result = defaultConfiguration('/srv');
    assert.ok(result.ok);
    const { policies, groups, file } = result.value;
    const loaded = loadPolicies({ texts: policies, version: 1 });
    assert.ok(loaded.ok);
    assert.deepEqual(loaded.value.warnings, []);
    for (const [, name] of Object.values(policies)
      .join('\n')
      .matchAll(/Group::"([^"]+)"/g)) {
      assert.ok(
        groups.some(({ id }) => id === name),
        `group ${name}`,
      );
    }
    assert.equal(file, undefined);
  });
});

describe('a file', () => {
  const folder = (): string => mkdtempSync(join(tmpdir(), 'cordon-config-'));

  it('is read with the policies beside it, in folders and through links as mounted volumes have them', () => {
    const directory = folder();
    writeFileSync(join(directory, 'cordon.yaml'), 'policies: rules\n');
    mkdirSync(join(directory, 'rules', '..2026_01', 'deep'), { recursive: true });
    mkdirSync(join(directory, 'rules', 'team'));
    writeFileSync(join(directory, 'rules', '..2026_01', 'mounted.cedar'), '// mounted\n');
    symlinkSync('..2026_01', join(directory, 'rules', '..data'));
    symlinkSync('..data/mounted.cedar', join(directory, 'rules', 'mounted.cedar'));
    writeFileSync(join(directory, 'rules', 'team', 'b.cedar'), '// b\n');
    writeFileSync(join(directory, 'rules', 'a.cedar'), '// a\n');
    writeFileSync(join(directory, 'rules', 'README.md'), 'not a policy');
    writeFileSync(join(directory, 'rules', '.draft.cedar'), 'not yet');
    const result = loadConfiguration(join(directory, 'cordon.yaml'));
    assert.ok(result.ok, JSON.stringify(result));
    assert.deepEqual(Object.entries(result.value.policies), [
      ['a.cedar', '// a\n'],
      ['mounted.cedar', '// mounted\n'],
      ['team/b.cedar', '// b\n'],
    ]);
    assert.equal(result.value.policyDirectory, join(directory, 'rules'));
  });

  it('that is not there, or is a directory, is refused by name', () => {
    const directory = folder();
    for (const [file, reason] of [
      [join(directory, 'missing.yaml'), 'no such file or directory'],
      [directory, 'illegal operation on a directory'],
    ] as const) {
      const result = loadConfiguration(file);
      assert.equal(result.ok ? '' : result.error[0]?.code, 'configuration-unreadable');
      assert.equal(result.ok ? '' : result.error[0]?.message, `cannot read \`${file}\`: ${reason}`);
    }
  });

  it('without a policy directory is refused, together with what else is wrong', () => {
    const directory = folder();
    writeFileSync(join(directory, 'cordon.yaml'), 'apps: { id: { builtin: verify } }\n');
    const result = loadConfiguration(join(directory, 'cordon.yaml'));
    assert.deepEqual(result.ok ? [] : result.error.map(({ code }) => code), [
      'configuration-invalid',
      'policies-unreadable',
    ]);
  });

  it('with a policy that cannot be read is refused, so that no `forbid` gets lost', () => {
    const directory = folder();
    symlinkSync('nowhere.cedar', join(directory, 'lost.cedar'));
    const result = readPolicies(directory);
    assert.deepEqual(result.ok ? [] : [result.error.code, result.error.message], [
      'policies-unreadable',
      `cannot read \`${join(directory, 'lost.cedar')}\`: no such file or directory`,
    ]);
  });

  it('with a policy folder that leads back into itself is refused, not read for ever', () => {
    const directory = folder();
    symlinkSync('.', join(directory, 'loop'));
    const result = readPolicies(directory);
    assert.equal(result.ok ? '' : result.error.code, 'policies-unreadable');
  });

  it('passes on which detections there are', () => {
    const directory = folder();
    mkdirSync(join(directory, 'policies'));
    writeFileSync(join(directory, 'cordon.yaml'), 'responses: { a: { when: nothing, action: alert-only } }\n');
    assert.equal(loadConfiguration(join(directory, 'cordon.yaml')).ok, true);
    assert.equal(loadConfiguration(join(directory, 'cordon.yaml'), { detections: ['port-probe'] }).ok, false);
  });
});
