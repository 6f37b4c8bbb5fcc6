import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { manualClock, systemClock } from '#base';
import { sshAuthority, type SshAuthority } from '#identity';
import type { App } from '#model';
import { freePort, until } from '../gateway/wire.ts';
import { ADA, type World, world } from '../gateway/world.ts';
import { ada, type Person, type Running, start, testFolder } from './person.ts';

const SSHD = '/usr/sbin/sshd';
const LOGIN = userInfo().username;
const HOST = 'host.localhost';

const authority = (now = systemClock.now()): SshAuthority =>
  sshAuthority(generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }), manualClock(now));

function obstacle(): string | undefined {
  for (const program of ['ssh', 'ssh-keygen', SSHD]) {
    if (spawnSync(program, ['-?']).error !== undefined)
      return `needs ${program} (openssh-server; npm run setup:system)`;
  }
  return undefined;
}

/** A real server that trusts one authority, and its port. */
async function sshServer(trusted: SshAuthority): Promise<number> {
  const folder = testFolder();
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  // Where sshd separates its privileges; it is there on a machine where it runs as a service.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'hostkey')]);
  const port = await freePort();
  const config = file(
    'sshd_config',
    [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${join(folder, 'hostkey')}`,
      `TrustedUserCAKeys ${file('ca.pub', `${trusted.publicKey}\n`)}`,
      'AuthenticationMethods publickey',
      'AuthorizedKeysFile none',
      'PermitRootLogin yes',
      'PasswordAuthentication no',
      'UsePAM no',
      'StrictModes no',
      `PidFile ${join(folder, 'pid')}`,
      'LogLevel VERBOSE',
      '',
    ].join('\n'),
  );
  const server = start(SSHD, ['-D', '-e', '-f', config]);
  await until(() => server.err().includes('Server listening'), `sshd: ${server.err()}`);
  return port;
}

interface Setting {
  readonly made: World;
  readonly person: Person;
  /** Runs `cordon ssh` without asking anything. */
  readonly ssh: (...words: readonly string[]) => Running;
}

async function setting(
  issuing: SshAuthority,
  trusted = issuing,
  ssh: Partial<NonNullable<App['ssh']>> = {},
): Promise<Setting> {
  const made = await world({ clock: systemClock, options: { sshAuthority: issuing } });
  made.put('app', {
    id: 'app_host',
    name: 'Host',
    host: HOST,
    upstream: `tcp://127.0.0.1:${await sshServer(trusted)}`,
    tier: 3,
    device: 'any',
    allowedOrigins: [],
    ssh: { principals: [LOGIN], lifetimeSeconds: 60, ...ssh },
  });
  const person = ada(made, [HOST]);
  const quiet = [
    '-o',
    'BatchMode=yes',
    '-o',
    'HashKnownHosts=no',
    '-o',
    'StrictHostKeyChecking=accept-new',
    '-o',
    `UserKnownHostsFile=${join(person.home, 'known_hosts')}`,
  ];
  return { made, person, ssh: (...words) => person.cordon('ssh', 'host', '--', ...quiet, ...words) };
}

describe('cordon ssh, with a real server', { skip: obstacle() ?? false, timeout: 60_000 }, () => {
  it('logs in with a certificate for this session, over the gateway', async () => {
    const { made, person, ssh } = await setting(authority());
    const running = ssh('id -un; echo "$SSH_CONNECTION"');
    assert.equal(await running.ended, 0, running.err());
    assert.equal(running.out().split('\n')[0], LOGIN);
    assert.match(readFileSync(join(person.home, 'known_hosts'), 'utf8'), /^host\.localhost ssh-ed25519 /);
    await until(() => made.events.length === 4, 'the event of the end');
    const told = made.events.map(({ message }) => message.split(' ').slice(1, 3).join(' '));
    assert.deepEqual(told, ['permitted POST', 'got an', 'permitted CONNECT', 'had Host']);
    const end = made.events.at(-1);
    assert.match(end?.message ?? '', /\(tcp, ended by the (?:client|app)\)$/);
    const carried = end?.['cumulative_traffic'] as { bytes_out: number; bytes_in: number } | undefined;
    assert.ok(carried !== undefined && carried.bytes_out > 1000 && carried.bytes_in > 1000, JSON.stringify(carried));
  });

  it('names the logins that there are, instead of asking for a password that is none', async () => {
    const { person } = await setting(authority());
    const running = person.cordon('ssh', 'nobody-else@host', '--', 'true');
    assert.equal(await running.ended, 2);
    assert.match(running.err(), new RegExp(`lets you log in as \`${LOGIN}\`, not as \`nobody-else\``));
  });

  it('exits as the command on the host does', async () => {
    const { ssh } = await setting(authority());
    assert.equal(await ssh('exit 7').ended, 7);
  });

  for (const [name, cut] of Object.entries<(made: World) => void>({
    'an administrator ends the session': (made) => {
      const [session] = [...made.graph.all('session')].slice(-1);
      made.remove('session', session?.id ?? '');
    },
    'the person loses the group': (made) => made.patch('user', ADA.id, { groups: [] }),
  })) {
    it(`ends within a second when ${name}`, async () => {
      const { made, ssh } = await setting(authority());
      const running = ssh('echo ready; sleep 60');
      await until(() => running.out().includes('ready'), `the login: ${running.err()}`);
      const began = performance.now();
      cut(made);
      assert.equal(await running.ended, 255);
      assert.ok(performance.now() - began < 1000, `${performance.now() - began} ms`);
      assert.match(running.err(), /cut off: (session-revoked|no-permit): /);
    });
  }

  const refused: Record<string, () => Promise<Setting>> = {
    'a certificate of another authority': async () => await setting(authority(), authority()),
    'a certificate that has expired': async () => await setting(authority(systemClock.now() - 3_600_000)),
    'a certificate that is not valid yet': async () => await setting(authority(systemClock.now() + 3_600_000)),
    'a certificate for another login': async () => {
      const made = await setting(authority(), undefined, { principals: ['nobody-else'] });
      return { ...made, ssh: (...words) => made.ssh('-l', LOGIN, ...words) };
    },
    'a certificate from another address': async () =>
      await setting(authority(), undefined, { sourceAddresses: ['192.0.2.1/32'] }),
  };
  for (const [name, make] of Object.entries(refused)) {
    it(`is refused with ${name}`, async () => {
      const { ssh } = await make();
      const running = ssh('true');
      assert.equal(await running.ended, 255);
      assert.match(running.err(), /Permission denied \(publickey\)/);
    });
  }

  it('forwards no port unless the app says so', async (t) => {
    for (const [extensions, isOpen] of [
      [['permit-pty'], false],
      [['permit-port-forwarding'], true],
    ] as const) {
      const { ssh } = await setting(authority(), undefined, { extensions });
      const inside = createServer((socket) => socket.end('inside')).listen(0, '127.0.0.1');
      t.after(() => inside.close());
      await once(inside, 'listening');
      const { port } = inside.address() as AddressInfo;
      const local = await freePort();
      const running = ssh('-L', `127.0.0.1:${local}:127.0.0.1:${port}`, 'echo ready; sleep 30');
      await until(() => running.out().includes('ready'), `the login: ${running.err()}`);
      let text = '';
      const socket = connect({ host: '127.0.0.1', port: local }).on('data', (chunk) => (text += String(chunk)));
      socket.on('error', () => undefined);
      await Promise.race([once(socket, 'close'), sleep(2000)]);
      assert.equal(text, isOpen ? 'inside' : '', running.err());
    }
  });

  it('is plain ssh with a ProxyCommand and a certificate as well', async () => {
    const { person } = await setting(authority());
    const key = join(person.home, 'id');
    execFileSync('ssh-keygen', ['-q', '-t', 'ecdsa', '-N', '', '-f', key]);
    const issued = person.cordon('ssh-certificate', 'host', '--key', key, '--json');
    assert.equal(await issued.ended, 0, issued.err());
    assert.deepEqual(JSON.parse(issued.out()).principals, [LOGIN]);
    const config = join(person.home, 'config');
    const self = `${process.execPath} ${join(import.meta.dirname, '../../src/main.ts')}`;
    writeFileSync(
      config,
      `Host host\n  ProxyCommand ${self} connect %n --stdio\n  IdentityFile ${key}\n  StrictHostKeyChecking accept-new\n  UserKnownHostsFile ${join(person.home, 'known')}\n`,
    );
    const running = start('ssh', ['-F', config, '-o', 'BatchMode=yes', 'host', 'echo hello'], { env: person.env });
    assert.equal(await running.ended, 0, running.err());
    assert.equal(running.out(), 'hello\n');
  });

  it('gives no certificate, and says why, to whoever may not enter', async () => {
    const { made, ssh } = await setting(authority());
    made.patch('user', ADA.id, { groups: [] });
    const running = ssh('true');
    assert.equal(await running.ended, 1);
    assert.match(running.err(), /error: .*\(no-permit\)/);
  });
});
