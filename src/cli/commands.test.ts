import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { COMMANDS } from './command-table.ts';
import { ANSWERS } from './testdata/answers.ts';
import { type CommandCase, permit, POLICY_CASES } from './testdata/policy-cases.ts';
import { type ControlServer, startControlServer } from './testdata/control-server.ts';
import { type Outcome, runCommand } from './testdata/run-command.ts';

const ASSET = ANSWERS.asset.id;
const MUTATION = ['id', 'ok'];

/** Commands that ask the server, with what they show, send and exit with. */
const CASES: readonly CommandCase[] = [
  {
    argv: ['status'],
    shows: [
      'Cordon 1.2.3 at localhost, running for 1 h 30 min',
      '2: 1 T0, 1 T2',
      '1, 1 unhealthy',
      '10 permitted, 3 denied in the last 1 h',
      'version 3',
      /probes +no way past the decision, 19 probes 1 min ago/,
    ],
    asks: 'status',
    fields: ['counts', 'journal', 'version'],
  },
  {
    argv: ['probe'],
    shows: [],
    notes: [
      '19 probes in 48 s, and no way past the decision',
      'not probed, as `probe.public` does not name them: shop',
    ],
    asks: 'probe',
    fields: ['findings', 'notProbed', 'sent'],
  },
  {
    argv: ['apps'],
    shows: [/T0 +Billing +http:\/\/billing\.localhost:8080\/ +healthy/],
    asks: 'apps',
    fields: ['items', 'total'],
  },
  {
    argv: ['discover', 'aws', '--from', 'saved'],
    shows: ['2 assets from saved: 1 new, 1 changed, 0 gone, 0 unchanged', /database +1/, /T0 +1/],
    notes: [
      '1 file of a kind that is not read',
      'notes.txt',
      'eu-west-1/ec2-describe-vpcs.json:3:7: expected a value (json-invalid)',
    ],
    asks: 'discover',
    fields: ['assets', 'byKind', 'byTier', 'problems', 'unknownFiles'],
  },
  {
    argv: ['assets'],
    shows: [/T0\* +database +billing +123456789012 +eu-west-1 +tag data-class=card/],
    notes: ['* set by hand'],
    asks: 'assets',
    fields: ['items', 'total'],
  },
  { argv: ['ca'], shows: ['-----BEGIN CERTIFICATE-----'], asks: 'authority', fields: ['certificate', 'fingerprint'] },
  { argv: ['ssh-ca'], shows: ['ssh-ed25519 AAAA cordon'], asks: 'sshAuthority', fields: ['publicKey'] },
  {
    argv: ['assets', 'list', '--tier', 'T0', '--kind', 'database', '--search', 'bill', '--limit', '2'],
    shows: ['billing'],
    asks: 'assets',
    sends: { query: { tier: 0, kind: 'database', search: 'bill', limit: 2, offset: 0 } },
    fields: ['items', 'total'],
  },
  {
    argv: ['assets', 'show', ASSET],
    shows: [`id              ${ASSET}`, 'encrypted  true', 'in-subnet  subnet-1', 'env=prod'],
    asks: 'asset',
    sends: { params: { id: ASSET } },
    fields: ['attributes', 'id', 'relations'],
  },
  {
    argv: ['assets', 'explain', ASSET],
    shows: [
      'billing (database) is T0',
      /\+ 30\.0 {2}data sensitivity +tag data-class=card: cardholder data \(1 x 30, data-class\)/,
      '(at least 75, floor.card)',
      'eu-west-1/rds-describe-db-instances.json $.DBInstances[0].TagList',
      'set by hand     T0 by local:0',
      'without tag data-class=card this would be T2',
    ],
    asks: 'asset',
    fields: ['counterfactual', 'ledger', 'tier'],
  },
  {
    argv: ['assets', 'tier', ASSET, 't0', '--reason', 'card numbers', '--for', '30d'],
    shows: ['billing is T0 now; computed T1, set by hand until 2026-03-04 06:06:07Z'],
    asks: 'setTier',
    sends: { params: { id: ASSET }, body: { tier: 0, reason: 'card numbers', expiresInHours: 720 } },
    fields: ['id', 'override', 'tier'],
  },
  { argv: ['assets', 'untier', ASSET], shows: ['billing is T1 now'], asks: 'clearTier', fields: ['id', 'tier'] },
  {
    argv: ['users'],
    shows: [/ada@example\.org +Ada +active +admins staff +medium +1 +password, totp, passkey, 8 recovery/],
    asks: 'users',
    fields: ['items', 'total'],
  },
  {
    argv: ['users', 'invite', 'eve@example.org', '--name', 'Eve', '--group', 'staff', '--group', 'admins'],
    shows: [/^http:\/\/id\.localhost:8080\/enrol#token\n$/],
    notes: ['once, until 2026-03-04 06:06:07Z (in 1 h)'],
    asks: 'invite',
    sends: { body: { email: 'eve@example.org', name: 'Eve', groups: ['staff', 'admins'] } },
    fields: ['expiresAt', 'url', 'userId'],
  },
  {
    argv: ['users', 'disable', 'ADA@example.org'],
    shows: ['ada@example.org is disabled'],
    asks: 'disableUser',
    sends: { params: { id: 'usr_01ada' } },
    fields: MUTATION,
  },
  {
    argv: ['users', 'enable', 'ala'],
    shows: ['alan@example.org is enabled'],
    asks: 'enableUser',
    sends: { params: { id: 'usr_02alan' } },
    fields: MUTATION,
  },
  {
    argv: ['users', 'reset', 'usr_02'],
    shows: ['http://id.localhost'],
    asks: 'resetUser',
    sends: { params: { id: 'usr_02alan' } },
    fields: ['url'],
  },
  { argv: ['users', 'remove', 'alan@example.org'], shows: ['is removed'], asks: 'removeUser', fields: MUTATION },
  {
    argv: ['users', 'groups'],
    shows: [/admins +Administrators +1 +staff/],
    asks: 'groups',
    fields: ['items', 'total'],
  },
  {
    argv: ['users', 'groups', 'ada@example.org', '--add', 'analysts', '--remove', 'staff'],
    shows: ['ada@example.org is in admins, analysts'],
    asks: 'setUserGroups',
    sends: { params: { id: 'usr_01ada' }, body: { groups: ['admins', 'analysts'] } },
    fields: ['groups', 'id'],
  },
  { argv: ['users', 'groups', 'alan@example.org'], shows: ['is in no group'], asks: 'users', fields: ['groups', 'id'] },
  {
    argv: ['users', 'clear-risk', 'ada@example.org'],
    shows: ['is cleared of risk'],
    asks: 'clearRisk',
    fields: MUTATION,
  },
  {
    argv: ['sessions'],
    shows: [/ses_01aaa +ada@example\.org +aal2-phr +pwd hwk +10 min ago +in 11 h +127\.0\.0\.1 +Firefox/],
    asks: 'sessions',
    fields: ['items', 'total'],
  },
  {
    argv: ['sessions', 'end', 'ses_01'],
    shows: ['session ses_01aaa of ada@example.org is ended'],
    asks: 'endSession',
    sends: { params: { id: 'ses_01aaa' } },
    fields: MUTATION,
  },
  {
    argv: ['connections', 'list'],
    shows: [/con_01 +ada@example\.org +billing +websocket +\/live +1 min ago/],
    asks: 'connections',
    fields: ['items', 'total'],
  },
  {
    argv: ['connections', 'cut', 'con_01'],
    shows: ['connection con_01 of ada@example.org to billing is cut'],
    asks: 'cutConnection',
    fields: MUTATION,
  },
  {
    argv: ['devices'],
    shows: [/dev_01 +web-1 +agent +ada@example\.org +active +unhealthy +1 min ago +firewall: no filter is loaded/],
    asks: 'devices',
    fields: ['items', 'total'],
  },
  {
    argv: [
      'devices',
      'token',
      '--name',
      'web-1',
      '--owner',
      'ada@example.org',
      '--label',
      'env=prod',
      '--label',
      'note=a=b',
    ],
    shows: [/^cordon agent enrol --server agent\.localhost:8443 --token tok\n$/],
    notes: ['works once'],
    asks: 'enrolDevice',
    sends: { body: { name: 'web-1', ownerEmail: 'ada@example.org', labels: { env: 'prod', note: 'a=b' } } },
    fields: ['command', 'expiresAt', 'token'],
  },
  {
    argv: ['devices', 'revoke', 'web-1'],
    shows: ['device web-1 (dev_01) is revoked'],
    asks: 'revokeDevice',
    sends: { params: { id: 'dev_01' } },
    fields: MUTATION,
  },
  {
    argv: ['authzen'],
    shows: [/azc_01 +shop +shop: https:\/\/authz\.localhost:8443\/shop +web-1/],
    asks: 'decisionClients',
    fields: ['items', 'total'],
  },
  {
    argv: ['authzen', 'add', 'shop', '--model', 'shop', '--model', 'cordon'],
    shows: [/^cordon_authzen_key\n$/],
    notes: ['shown this once', 'it may ask https://authz.localhost:8443/shop'],
    asks: 'addDecisionClient',
    sends: { body: { name: 'shop', models: ['shop', 'cordon'] } },
    fields: ['client', 'key'],
  },
  {
    argv: ['authzen', 'add', 'shop', '--model', 'shop', '--device', 'web-1'],
    shows: [/^cordon_authzen_key\n$/],
    asks: 'addDecisionClient',
    sends: { body: { name: 'shop', models: ['shop'], deviceId: 'dev_01' } },
    fields: ['client', 'key'],
  },
  {
    argv: ['authzen', 'remove', 'shop'],
    shows: ['the key of shop (azc_01) is worth nothing now'],
    asks: 'removeDecisionClient',
    sends: { params: { id: 'azc_01' } },
    fields: MUTATION,
  },
  ...POLICY_CASES,
  {
    argv: ['segments'],
    shows: [/db-1[^]*\nweb-1 +web +env=prod role=web +10\.0\.0\.5 fd00::5 +agent/, 'quarantined by rule:scan: probes'],
    asks: 'workloads',
    fields: ['items', 'total'],
  },
  {
    argv: ['segments', 'plan'],
    shows: [/web +db-1 +allow +tcp +5432 +net\.cedar#web-to-db/],
    notes: ['everything else between 2 workloads is denied', 'warning: two workloads have `10.0.0.9` (address-shared)'],
    asks: 'segmentsPlan',
    fields: ['classes', 'pairs', 'problems'],
  },
  {
    argv: ['segments', 'trace', 'web-1', '10.0.0.9', '5432'],
    shows: ['allowed: web-1 -> db-1, tcp 5432', 'permit by net.cedar#web-to-db'],
    asks: 'segmentsTrace',
    sends: { query: { from: 'wl_web1', to: 'wl_db1', protocol: 'tcp', port: 5432 } },
    fields: ['allowed', 'policies', 'reason'],
  },
  {
    argv: ['segments', 'trace', 'web-1', '192.0.2.1', '53/UDP'],
    shows: ['allowed'],
    asks: 'segmentsTrace',
    sends: { query: { from: 'wl_web1', to: '192.0.2.1', protocol: 'udp', port: 53 } },
    fields: ['allowed'],
  },
  {
    argv: ['segments', 'quarantine', 'web-1', '--reason', 'scans others'],
    shows: ['workload web-1 is quarantined'],
    asks: 'quarantine',
    sends: { params: { id: 'wl_web1' }, body: { reason: 'scans others' } },
    fields: MUTATION,
  },
  {
    argv: ['segments', 'release', 'db-1', '--reason', 'clean again'],
    shows: ['workload db-1 is released'],
    asks: 'release',
    sends: { params: { id: 'wl_db1' }, body: { reason: 'clean again' } },
    fields: MUTATION,
  },
  {
    argv: ['alerts'],
    shows: [
      /^high {6}A host probes others: web-1\n {10}five hosts in a minute\n {10}alr_01, open, 5 times, last 1 min ago; quarantine \(dry-run\)\n$/,
    ],
    asks: 'alerts',
    sends: { query: { status: 'open' } },
    fields: ['items', 'total'],
  },
  {
    argv: ['alerts', 'list', '--all'],
    shows: ['alr_01'],
    asks: 'alerts',
    sends: { query: { status: 'all' } },
    fields: ['items', 'total'],
  },
  {
    argv: ['alerts', 'close', 'alr_01', '--reason', 'a drill'],
    shows: ['alert alr_01 is closed'],
    asks: 'closeAlert',
    sends: { params: { id: 'alr_01' }, body: { reason: 'a drill' } },
    fields: MUTATION,
  },
  {
    argv: ['events', '--limit', '5', '--correlation', 'cor_01', '--class', '3002'],
    shows: [/2026-03-04 05:05:07Z +authentication: logon +ada@example\.org signed in \(cor_01\)/],
    asks: 'events',
    sends: { query: { limit: 5, correlation: 'cor_01', class: 3002 } },
    fields: ['items', 'total'],
  },
  {
    argv: ['events', 'query', 'select 1'],
    shows: [/status_code +n\nno-permit +3/],
    notes: ['1 row'],
    asks: 'queryEvents',
    sends: { body: { sql: 'select 1' } },
    fields: ['rows'],
  },
  {
    argv: ['audit', 'verify'],
    shows: ['intact: 12 lines in 2 segments', 'head: hash'],
    asks: 'verifyJournal',
    fields: ['head', 'lines', 'ok', 'segments'],
  },
  {
    argv: ['diff'],
    code: 1,
    shows: ['+ add app wiki', '~ change policies policy-4', '- remove segment old'],
    asks: 'diffConfiguration',
    fields: ['changes'],
  },
  {
    argv: ['apply', '-m', 'wiki'],
    shows: ['+ add app wiki', 'applied: 1 change'],
    asks: 'applyConfiguration',
    fields: ['changes', 'warnings'],
  },
];

describe('commands that ask the server', () => {
  let server: ControlServer;
  const run = async (argv: readonly string[], terminal?: number): Promise<Outcome> =>
    await runCommand(argv, {
      cwd: server.directory,
      controlSocket: server.socket,
      ...(terminal === undefined ? {} : { terminal }),
    });

  before(async () => {
    server = await startControlServer();
    for (const folder of ['saved', 'rules']) mkdirSync(join(server.directory, folder));
    writeFileSync(join(server.directory, 'rules', 'access.cedar'), permit());
    writeFileSync(join(server.directory, 'cordon.yaml'), 'policies: rules\napps: { verify: { builtin: verify } }\n');
  });
  after(async () => await server.close());

  for (const expected of CASES) {
    it(`cordon ${expected.argv.join(' ')}`, async () => {
      const plain = await run(expected.argv);
      for (const part of expected.shows) {
        assert.ok(
          typeof part === 'string' ? plain.stdout.includes(part) : part.test(plain.stdout),
          `no ${part} in\n${plain.stdout}${plain.stderr}`,
        );
      }
      for (const part of expected.notes ?? []) {
        assert.ok(
          typeof part === 'string' ? plain.stderr.includes(part) : part.test(plain.stderr),
          `no ${part} in\n${plain.stderr}`,
        );
      }
      assert.equal(plain.code, expected.code ?? 0, plain.stderr);
      const asked = server.asked.at(-1);
      assert.equal(asked?.route, expected.asks);
      if (expected.sends !== undefined) assert.partialDeepStrictEqual(asked, expected.sends);

      const json = await run([...expected.argv, '--json']);
      assert.equal(json.code, expected.code ?? 0, json.stderr);
      const document: unknown = JSON.parse(json.stdout);
      assert.ok(typeof document === 'object' && document !== null);
      for (const field of expected.fields) assert.ok(field in document, `no field ${field} in ${json.stdout}`);
    });
  }

  it('are all in this table', () => {
    const called = CASES.map(({ argv }) => {
      const two = argv.slice(0, 2).join(' ');
      const row = COMMANDS.find(({ name }) => name === two || name === argv[0]);
      return (
        row?.name ?? COMMANDS.find(({ name, isDefault }) => isDefault === true && name.startsWith(`${argv[0]} `))?.name
      );
    });
    const offline = ['doctor', 'events tail'];
    const asking = COMMANDS.filter(({ asksServer, name }) => asksServer === true && !offline.includes(name));
    assert.deepEqual(
      asking.map(({ name }) => name).filter((name) => !called.includes(name)),
      [],
    );
  });

  it('use colours on a terminal, and not with NO_COLOR', async () => {
    assert.match((await run(['assets'], 120)).stdout, /\u001b\[1mT0\*\s*\u001b\[0m/);
    const { stdout } = await runCommand(['assets'], { controlSocket: server.socket, terminal: 120, noColor: true });
    assert.doesNotMatch(stdout, /\u001b/);
    assert.doesNotMatch((await run(['assets'])).stdout, /\u001b/);
  });

  it('fit tables into the terminal and shorten nothing in a pipe', async () => {
    const narrow = async (argv: string[], terminal: number): Promise<string> => {
      const { stdout } = await runCommand(argv, { controlSocket: server.socket, terminal, noColor: true });
      for (const line of stdout.split('\n')) assert.ok(line.length <= terminal, line);
      return stdout;
    };
    assert.match(await narrow(['assets'], 76), /tag data-class=card:\n +cardholder data\n/);
    assert.match(await narrow(['apps'], 100), /arn:aws:rds:\S+…\n/);
    assert.doesNotMatch((await run(['apps'])).stdout, /…/);
    assert.doesNotMatch((await run(['assets'])).stdout, /…/);
  });

  it('send the configuration and its policies as they are on disk', async () => {
    await run(['apply', '-m', 'why']);
    assert.deepEqual(server.asked.at(-1)?.body, {
      file: join(server.directory, 'cordon.yaml'),
      text: 'policies: rules\napps: { verify: { builtin: verify } }\n',
      policies: { 'access.cedar': permit() },
      message: 'why',
    });
  });
});
