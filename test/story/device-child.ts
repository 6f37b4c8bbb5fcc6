// What device.test.ts runs inside a network namespace. Ends with 0 when everything was as it should be.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { enrol, newPerson, openBrowser, picture } from './browser.ts';
import { installation } from './cordon.ts';
import { eventually } from './eventually.ts';
import { startUpstream } from './upstream.ts';

const FIREWALL = `table inet host {
  chain input {
    type filter hook input priority 10; policy drop;
    iifname "lo" accept
    ct state established,related accept
  }
}
`;

interface DeviceView {
  readonly name: string;
  readonly verdict: string;
}

const cordon = installation();
const upstream = await startUpstream();
const browser = await openBrowser();

const SSHD = `PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
`;

/** The namespace has mounts of its own: this host is made one without pending updates and passwords for SSH, whatever the machine below has. */
function makeHealthy(): void {
  const quiet = join(cordon.folder, 'quiet');
  writeFileSync(quiet, '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  execFileSync('mount', ['--bind', quiet, '/usr/bin/apt-get']);
  execFileSync('rm', ['-f', '/run/reboot-required']);
  if (!existsSync('/etc/ssh/sshd_config')) return;
  const sshd = join(cordon.folder, 'sshd_config');
  writeFileSync(sshd, SSHD);
  execFileSync('mount', ['--bind', sshd, '/etc/ssh/sshd_config']);
}

/** Browsers know by themselves where `*.localhost` is; the driver that dials for them here does not. */
function nameHosts(): void {
  const hosts = join(cordon.folder, 'hosts');
  writeFileSync(hosts, '127.0.0.1 localhost id.localhost records.localhost\n');
  execFileSync('mount', ['--bind', hosts, '/etc/hosts']);
}

function useFirewall(isOn: boolean): void {
  const file = join(cordon.folder, 'firewall.nft');
  writeFileSync(file, FIREWALL);
  execFileSync('nft', isOn ? ['-f', file] : ['delete', 'table', 'inet', 'host']);
}

const verdict = async (wanted: string): Promise<DeviceView> =>
  await eventually(async () => {
    const { items } = await cordon.json<{ items: readonly DeviceView[] }>('devices', 'list');
    return items.find((device) => device.name === 'laptop' && device.verdict === wanted);
  }, 30);

try {
  makeHealthy();
  nameHosts();
  useFirewall(true);
  cordon.write(
    'cordon.yaml',
    `listen: { http: "127.0.0.1:0", tls: "127.0.0.1:0" }
groups: { staff: {} }
apps:
  records: { name: Records, upstream: "${upstream.url}", device: healthy }
`,
  );
  cordon.write(
    'policies/records.cedar',
    'permit (principal in Group::"staff", action == Action::"access", resource == App::"records");\n',
  );
  const running = await cordon.up('-c', 'cordon.yaml');
  const { url } = await cordon.json<{ url: string }>(
    ...(['users', 'invite', 'ada@example.org', '--name', 'Ada', '--group', 'staff'] as const),
  );
  const { token } = await cordon.json<{ token: string }>(
    'devices',
    'token',
    '--name',
    'laptop',
    '--owner',
    'ada@example.org',
  );
  const server = `127.0.0.1:${running.tls}`;
  const enrolled = await cordon.run('agent', 'enrol', '--server', server, '--token', token, '--state', 'agent');
  assert.equal(enrolled.code, 0, enrolled.stderr);
  cordon.start('agent', 'run', '--state', 'agent');
  await verdict('healthy');

  const origin = running.secureOrigin('records');
  const certPath = join(cordon.folder, 'agent/certificate.pem');
  const keyPath = join(cordon.folder, 'agent/key.pem');
  assert.ok(existsSync(certPath) && existsSync(keyPath));
  const ada = await newPerson(browser, {
    ignoreHTTPSErrors: true, // the browser does not know Cordon's own CA
    clientCertificates: [{ origin, certPath, keyPath }],
  });
  await enrol(ada, { link: url, name: 'Ada', password: 'seven quiet herons at dusk', factor: 'passkey' });

  // Without the certificate the same person, signed in the same way, is told to enrol the device.
  const plain = await ada.page.goto(`${running.origin('records')}/`);
  assert.equal(plain?.status(), 403);
  assert.match(await ada.page.locator('body').innerText(), /device/i);

  assert.equal((await ada.page.goto(`${origin}/`))?.status(), 200);
  await ada.page.getByText('connected', { exact: true }).waitFor();
  await picture(ada.page, '06-healthy');

  const turnedBadAt = Date.now();
  useFirewall(false);
  await ada.page.getByText(/closed 4403 device-unhealthy/).waitFor({ timeout: 20_000 });
  const closedAt = await ada.page.evaluate(() => (globalThis as unknown as { closedAt: number }).closedAt);
  process.stdout.write(`cut ${closedAt - turnedBadAt} ms after the firewall vanished\n`);
  assert.ok(closedAt - turnedBadAt < 15_000);

  assert.equal((await ada.page.goto(`${origin}/`))?.status(), 403);
  const page = await ada.page.locator('body').innerText();
  await picture(ada.page, '06-unhealthy');
  assert.match(page, /fails a health check/);
  assert.match(page, /Firewall refuses by default/);
  assert.match(page, /To fix: /);

  useFirewall(true);
  await verdict('healthy');
  assert.equal((await ada.page.goto(`${origin}/`))?.status(), 200);
} finally {
  await browser.close();
  await upstream.close();
  await cordon.remove();
}
