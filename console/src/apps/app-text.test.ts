/// <reference types="node" />
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type App, budgetText, filterApps, loginCommand, openByApp, probed, waysTo } from './app-text.ts';

const app = (more: Partial<App> = {}): App => {
  return {
    ...{ id: 'wiki', name: 'Manual', host: 'wiki.example.org', url: 'https://wiki.example.org', kind: 'http' },
    ...{ tier: 2, device: 'any', upstreams: [], enforcedBy: 'gateway', streams: 'cut', identityHeaders: [] },
    ...{ clientCertificate: false, allowedOrigins: [], limits: {} },
    ...more,
  };
};
const DEVICE = ' --device /var/lib/cordon-agent';
const APPS = [
  app(),
  app({ id: 'db', name: 'Customers', host: 'db.example.org', kind: 'tcp', upstream: 'tcp://10.0.0.5:5432' }),
  app({ id: 'hr', name: 'Records', host: 'hr.example.org', enforcedBy: 'forward-auth', streams: 'refused' }),
];

describe('the list of apps', () => {
  for (const [name, filter, expected] of [
    ['is whole without a filter', { search: '', by: '' }, ['wiki', 'db', 'hr']],
    ['is narrowed by who enforces', { search: '', by: 'forward-auth' }, ['hr']],
    ['finds the host', { search: 'WIKI.example', by: '' }, ['wiki']],
    ['finds the id', { search: 'db', by: 'gateway' }, ['db']],
    ['finds the kind as it is written', { search: 'tcp', by: '' }, ['db']],
    ['needs every word', { search: 'records tcp', by: '' }, []],
    ['needs both search and choice', { search: 'wiki', by: 'forward-auth' }, []],
  ] as const) {
    it(name, () =>
      assert.deepEqual(
        filterApps(APPS, filter).map(({ id }) => id),
        expected,
      ),
    );
  }

  it('counts what is open by the id of the app', () => {
    const counts = openByApp([{ appId: 'db' }, { appId: 'wiki' }, { appId: 'db' }]);
    assert.deepEqual([counts.get('db'), counts.get('wiki'), counts.get('hr')], [2, 1, undefined]);
  });
});

describe('what probes say about an app', () => {
  const round = { startedAt: 5, durationMs: 1, sent: 9, refused: 9, unanswered: 0, findings: [], notProbed: [] };
  const finding = {
    appId: 'wiki',
    host: '',
    kind: 'anonymous',
    at: 'tls',
    status: 200,
    detail: 'upstream content',
  } as const;
  for (const [name, given, expected] of [
    ['is not known before the first round', undefined, 'calm not yet'],
    ['is good when every probe was refused', round, 'good refused'],
    ['is bad when one was answered', { ...round, findings: [finding] }, 'bad answered'],
    ['is bad even when others got no answer', { ...round, unanswered: 3, findings: [finding] }, 'bad answered'],
    [
      'is nothing bad when another app was answered',
      { ...round, findings: [{ ...finding, appId: 'db' }] },
      'good refused',
    ],
    ['is not good when some got no answer', { ...round, unanswered: 1, refused: 8 }, 'warn unclear'],
    ['is a warning where nobody can ask', { ...round, notProbed: ['wiki'] }, 'warn not probed'],
  ] as const) {
    it(name, () => {
      const mutable = given === undefined ? undefined : structuredClone(given);
      const { tone, word } = probed({ id: 'wiki' }, mutable as Parameters<typeof probed>[1]);
      assert.equal(`${tone} ${word}`, expected);
    });
  }

  it('names what was found, and when', () => {
    const { detail, at } = probed({ id: 'wiki' }, { ...round, findings: [finding] });
    assert.deepEqual([detail, at], ['anonymous: 200, upstream content', 5]);
  });
});

describe('how to open an app without a browser', () => {
  const commands = (one: App): readonly string[] => waysTo(one).map(({ command }) => command);

  it('is a proof for one request', () => {
    assert.deepEqual(commands(app()), [
      'url=https://wiki.example.org/\ncordon token wiki --for "$url" > fields\ncurl -H @fields "$url"',
    ]);
    assert.deepEqual(commands(app({ kind: 'http2' })), commands(app()));
  });

  it('is not at all behind another proxy, which would hand the token on', () => {
    assert.deepEqual(waysTo(app({ enforcedBy: 'forward-auth' })), []);
  });

  for (const [upstream, port] of [
    ['tcp://10.0.0.5:5432', 5432],
    ['tcp://[2001:db8::1]:5432', 5432],
    ['tcp://10.0.0.5:389', 10_389],
    ['tcp://10.0.0.5:1024', 1024],
    [undefined, 15_000],
  ] as const) {
    it(`is port ${port} on loopback for ${upstream ?? 'an upstream nobody names'}`, () => {
      const one = app({ id: 'db', kind: 'tcp', ...(upstream === undefined ? {} : { upstream }) });
      assert.deepEqual(commands(one), [`cordon connect db --listen 127.0.0.1:${port}`]);
    });
  }

  it('is ssh, with the login names, and a certificate for everything built on it', () => {
    const one = app({ id: 'bastion', kind: 'ssh', ssh: { principals: ['ops', 'dev'], lifetimeSeconds: 120 } });
    assert.deepEqual(commands(one), [
      'cordon ssh bastion',
      "cordon ssh-certificate bastion --key ~/.ssh/id_ed25519\nssh -o 'ProxyCommand cordon connect bastion --stdio' ops@bastion",
    ]);
    assert.match(waysTo(one)[0]?.note ?? '', /`ops` or `dev`.* 120 s/);
  });

  it('is a file for kubectl', () => {
    assert.deepEqual(commands(app({ id: 'cluster', kind: 'kubernetes' })), [
      'cordon kubeconfig cluster > cluster.yaml\nkubectl --kubeconfig cluster.yaml get pods',
    ]);
  });
});

describe('the command that is run once per computer', () => {
  for (const [name, more, origin, expected] of [
    ['names the identity host', { tier: 3 }, 'http://id.localhost:8080', 'http://id.localhost:8080'],
    ['shows the device where one is demanded', { tier: 3, device: 'managed' }, 'https://id.x', `https://id.x${DEVICE}`],
    ['shows it where its health is demanded', { tier: 3, device: 'healthy' }, 'https://id.x', `https://id.x${DEVICE}`],
    ['shows it where the tier demands one', { tier: 2 }, 'https://id.x', `https://id.x${DEVICE}`],
    ['shows it for a certificate', { tier: 3, clientCertificate: true }, 'https://id.x', `https://id.x${DEVICE}`],
    ['does not show it for a known device', { tier: 3, device: 'known' }, 'https://id.x', 'https://id.x'],
    ['shows no certificate over HTTP', { tier: 0 }, 'http://id.localhost:8080', `https://id.localhost:PORT${DEVICE}`],
  ] as const) {
    it(name, () => assert.equal(loginCommand(app(more), origin), `cordon login --url ${expected}`));
  }
});

describe('the budgets of an app', () => {
  for (const [limits, text] of [
    [{}, 'those of the gateway'],
    [{ requestsPerSecond: 1500 }, 'at most 1,500 requests per second'],
    [{ bodyBytes: 0 }, 'at most 0 bytes per request'],
    [{ requestsPerSecond: 5, bodyBytes: 1_000_000 }, 'at most 5 requests per second, 1,000,000 bytes per request'],
  ] as const) {
    it(`are ${text}`, () => assert.equal(budgetText(limits), text));
  }
});
