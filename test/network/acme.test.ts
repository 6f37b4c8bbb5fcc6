import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Installation, installation, type Daemon } from '../story/cordon.ts';
import { type Lab, labObstacle, openLab } from './lab.ts';

const HOSTS = ['id', 'console', 'authz', 'verify'].map((name) => `${name}.example.test`);

function obstacle(): string | undefined {
  return existsSync('/usr/bin/caddy') ? labObstacle() : 'needs `caddy` (npm run setup:system)';
}

/** Caddy's own ACME server, which proves names over real connections to the ports 80 and 443 of its network namespace. */
const CADDYFILE = (folder: string): string => `{
  admin off
  auto_https disable_redirects
  skip_install_trust
  storage file_system ${folder}/caddy
  http_port 9080
  https_port 9443
}
acme.test:9443 {
  tls internal
  acme_server
}
`;

const CONFIGURATION = (root: string, challenge: string, workers = 1): string => `domain: example.test
gateway: { workers: ${workers} }
listen: { http: "off", tls: "0.0.0.0:443" }
tls:
  acme:
    directory: https://acme.test:9443/acme/local/directory
    accept_terms: true
    email: ops@example.test
    challenge: ${challenge}
    ca: ${root}
policies: policies
`;

describe('certificates by ACME, from a real authority', { skip: obstacle() ?? false, timeout: 120_000 }, () => {
  let lab: Lab;
  let space: string;
  let caddy: ChildProcess;
  let root: string;
  let place: Installation;

  before(async () => {
    lab = openLab(1);
    space = lab.hosts[0]?.space ?? '';
    mkdirSync(`/etc/netns/${space}`, { recursive: true });
    writeFileSync(`/etc/netns/${space}/hosts`, `127.0.0.1 localhost acme.test agent.example.test ${HOSTS.join(' ')}\n`);
    place = installation(['ip', 'netns', 'exec', space]);
    place.write('Caddyfile', CADDYFILE(place.folder));
    place.write('policies/none.cedar', '');
    caddy = spawn(
      'ip',
      ['netns', 'exec', space, 'caddy', 'run', '--config', join(place.folder, 'Caddyfile'), '--adapter', 'caddyfile'],
      { stdio: 'ignore', env: { ...process.env, HOME: place.folder } },
    );
    root = join(place.folder, 'caddy/pki/authorities/local/root.crt');
    await until(() => existsSync(root) && shown('acme.test', 9443) !== undefined, 'the authority answers');
  });

  after(async () => {
    caddy.kill();
    await place.remove();
    rmSync(`/etc/netns/${space}`, { recursive: true, force: true });
    lab.close();
  });

  /** Issuer and name of the certificate that a host shows. */
  function shown(host: string, port = 443): string | undefined {
    const command = `openssl s_client -connect ${host}:${port} -servername ${host} </dev/null 2>/dev/null | openssl x509 -noout -issuer -ext subjectAltName`;
    try {
      return inside('sh', '-c', command);
    } catch {
      return undefined;
    }
  }

  function inside(...command: readonly string[]): string {
    return execFileSync('ip', ['netns', 'exec', space, ...command], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  function isTrusted(host: string): boolean {
    try {
      const head = inside('curl', '-sS', '-I', '--max-time', '5', '--cacert', root, `https://${host}/`);
      return head.startsWith('HTTP');
    } catch {
      return false;
    }
  }

  async function started(challenge: string, workers = 1): Promise<Daemon> {
    rmSync(join(place.folder, 'data'), { recursive: true, force: true });
    place.write('cordon.yaml', CONFIGURATION(root, challenge, workers));
    const cordon = place.start('up', '-c', 'cordon.yaml');
    await until(() => shown('id.example.test') !== undefined || cordon.hasEnded(), 'Cordon listens');
    assert.equal(cordon.hasEnded(), false, cordon.output());
    return cordon;
  }

  const issued = (challenge: string, workers = 1): void => {
    const by = workers === 1 ? '' : ` at ${workers} workers`;
    it(`are issued for every host that browsers see, proven by ${challenge}${by}`, async () => {
      const cordon = await started(challenge, workers);
      try {
        await until(() => HOSTS.every((host) => isTrusted(host)), `all hosts are trusted\n${cordon.output()}`);
        for (const host of HOSTS) assert.match(shown(host) ?? '', new RegExp(`Caddy Local[^]*DNS:${host}\\n`));
        assert.match(shown('agent.example.test') ?? '', /Cordon device authority/, 'agents pin the own CA');
        const events = inside('grep', '-rh', 'certificate for', join(place.folder, 'data/journal'));
        for (const host of HOSTS) assert.ok(events.includes(`certificate for ${host} issued`), host);
      } finally {
        await cordon.stop();
      }
    });
  };

  issued('http-01');

  it('are kept over a start, and not ordered again', async () => {
    place.write('cordon.yaml', CONFIGURATION(root, 'http-01'));
    const cordon = place.start('up', '-c', 'cordon.yaml');
    try {
      await until(() => HOSTS.every((host) => isTrusted(host)), `all hosts are trusted\n${cordon.output()}`);
      assert.match(
        inside('curl', '-sS', '-i', 'http://verify.example.test/deep?x=1'),
        /^HTTP\/1.1 308[^]*location: https:\/\/verify\.example\.test\/deep\?x=1\r/i,
      );
      assert.match(
        inside('curl', '-sS', '-i', 'http://verify.example.test/', '-H', 'Host: evil.test'),
        /^HTTP\/1.1 404/,
      );
      assert.match(
        inside('curl', '-sS', '-i', 'http://verify.example.test/.well-known/acme-challenge/guess'),
        /^HTTP\/1.1 404/,
      );
    } finally {
      await cordon.stop();
    }
  });

  issued('tls-alpn-01');
  issued('tls-alpn-01', 2);

  it('that an authority does not issue are told, and the own CA’s are shown meanwhile', async () => {
    caddy.kill();
    const cordon = await started('http-01');
    const told = (): string => {
      try {
        return inside('grep', '-rh', 'acme-order-failed', join(place.folder, 'data/journal'));
      } catch {
        return '';
      }
    };
    try {
      await until(() => HOSTS.every((host) => told().includes(`certificate for ${host} not issued`)), 'each is told');
      assert.match(shown('verify.example.test') ?? '', /Cordon device authority/);
    } finally {
      await cordon.stop();
    }
  });
});

async function until(condition: () => boolean, what: string): Promise<void> {
  for (const deadline = Date.now() + 45_000; Date.now() < deadline; await wait(200)) if (condition()) return;
  assert.fail(`not in time: ${what}`);
}
