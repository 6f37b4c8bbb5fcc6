// What is published, in a real browser: each kind of app with the way to open it, who enforces, what is behind it, and what is open now.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer, type Server as TcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Locator, Page } from 'playwright-core';
import { browserObstacle, enrol, newPerson, openBrowser, type Person, picture } from './browser.ts';
import { type Daemon, installation, type Installation, type Running } from './cordon.ts';
import { eventually } from './eventually.ts';
import { startUpstream, type Upstream } from './upstream.ts';

const PERSON = { name: 'Ada', email: 'ada@example.org', password: 'seven brave otters', factor: 'passkey' } as const;

/** Each app with what its row has to say. */
const ROWS = [
  ['Wiki', 'wiki.localhost', 'HTTP', 'gateway'],
  ['Orders', 'orders.localhost', 'HTTP/2, gRPC', 'gateway'],
  ['Customers', 'customers.localhost', 'TCP', 'gateway'],
  ['Bastion', 'bastion.localhost', 'SSH', 'gateway'],
  ['Cluster', 'cluster.localhost', 'Kubernetes', 'gateway'],
  ['Records', 'records.localhost', 'HTTP', 'no WebSockets'],
  ['Notes', 'notes.localhost', 'HTTP', 'streams are not cut'],
] as const;

const COMMANDS = [
  ['Wiki', 'cordon token wiki --for'],
  ['Customers', 'cordon connect customers --listen 127.0.0.1:'],
  ['Bastion', 'cordon ssh bastion'],
  ['Cluster', 'cordon kubeconfig cluster > cluster.yaml'],
  ['Records', 'cordon policy who-can access records'],
] as const;

describe('the apps in the console', { skip: browserObstacle() ?? false, timeout: 180_000 }, () => {
  let upstream: Upstream;
  let streams: Server;
  let database: TcpServer;
  let cordon: Installation;
  let running: Running;
  let browser: Browser;
  let ada: Person;
  let home: string;
  const errors: string[] = [];

  before(async () => {
    upstream = await startUpstream();
    streams = createHttpServer((request, response) => {
      request.resume();
      if (request.url === '/favicon.ico') response.writeHead(404).end();
      else if (request.url === '/')
        response.setHeader('content-type', 'text/html').end('<!doctype html><title>Stream</title>');
      else
        response
          .writeHead(200, { 'content-type': request.headers['content-type'] ?? 'text/event-stream' })
          .write('one');
    });
    database = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
    for (const server of [streams, database]) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    }
    const port = (server: Server | TcpServer): number => (server.address() as AddressInfo).port;
    cordon = installation();
    cordon.write('cluster.token', 'a-token-of-the-cluster');
    cordon.write(
      'cordon.yaml',
      `listen: { http: "127.0.0.1:0", tls: "127.0.0.1:0" }
forward_auth: { listen: "127.0.0.1:0", trusted_proxies: [127.0.0.1/32] }
apps:
  wiki: { name: Wiki, upstream: "${upstream.url}" }
  handbook: { name: Handbook, upstream: ["${upstream.url}", "http://127.0.0.1:1"], identity_headers: [authelia], limits: { requests_per_second: 500 } }
  orders: { name: Orders, upstream: "http://127.0.0.1:${port(streams)}", upstream_protocol: http2, tier: T2 }
  stream: { name: Stream, upstream: "http://127.0.0.1:${port(streams)}" }
  customers: { name: Customers, upstream: "tcp://127.0.0.1:${port(database)}" }
  bastion: { name: Bastion, upstream: "tcp://10.0.0.7:22", ssh: { principals: [ops] }, tier: T1 }
  cluster: { name: Cluster, upstream: "https://10.0.0.8:6443", kubernetes: { token_file: cluster.token }, tier: T0, device: healthy, client_certificate: required }
  records: { name: Records, enforced_by: forward-auth, tier: T1 }
  notes: { name: Notes, enforced_by: forward-auth }
  verify: { builtin: verify }
`,
    );
    cordon.write(
      'policies/all.cedar',
      '@id("admins")\npermit (principal in Group::"admins", action == Action::"access", resource);\n',
    );
    running = await cordon.up('-c', 'cordon.yaml');
    browser = await openBrowser();
    ada = await newPerson(browser, { ignoreHTTPSErrors: true });
    await enrol(ada, { link: running.firstLink ?? '', ...PERSON });
    home = mkdtempSync(join(tmpdir(), 'cordon-home-'));
    ada.page.on('pageerror', (error) => errors.push(error.message));
    ada.page.on('console', (message) => {
      const isOurs = message.location().url.startsWith(running.origin('console'));
      if (message.type() === 'error' && isOurs) errors.push(message.text());
    });
  });
  after(async () => {
    await browser?.close();
    await cordon?.remove();
    await upstream?.close();
    streams?.closeAllConnections();
    streams?.close();
    database?.close();
    rmSync(home, { recursive: true, force: true });
  });

  const row = (page: Page, name: string): Locator =>
    page
      .getByRole('table', { name: 'Apps' })
      .getByRole('row')
      .filter({ has: page.getByRole('link', { name, exact: true }) });
  const visit = async (path: string): Promise<Page> => {
    await ada.page.goto(`${running.origin('console')}/${path}`);
    await ada.page.locator('main h1').first().waitFor();
    return ada.page;
  };

  it('are listed with kind, address and who enforces, strictest first', async () => {
    const page = await visit('apps');
    for (const [name, host, kind, by] of ROWS) {
      const text = (await row(page, name).innerText()).replaceAll('\n', ' ');
      for (const part of [host, kind, by]) assert.ok(text.includes(part), `${name}: ${text}`);
    }
    const first = page.getByRole('table', { name: 'Apps' }).locator('tbody tr').first();
    assert.match(await first.innerText(), /T0\s+Cluster[\s\S]*healthy\s+with certificate/);
  });

  it('are found by words and by who enforces, and opened and closed by the keyboard', async () => {
    const page = await visit('apps');
    await page.getByText('Forward-auth', { exact: true }).click();
    await page.getByRole('link', { name: 'Notes', exact: true }).waitFor();
    assert.equal(await page.getByRole('table', { name: 'Apps' }).locator('tbody tr').count(), 2);
    await page.keyboard.press('/');
    await page.keyboard.type('rec');
    await page.getByRole('link', { name: 'Notes', exact: true }).waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Records', exact: true }).focus();
    await page.keyboard.press('Enter');
    const detail = page.getByRole('dialog');
    await detail.getByText('WebSockets are refused', { exact: false }).waitFor();
    await detail.getByText('docs/guides/forward-auth.md').waitFor();
    await page.keyboard.press('Escape');
    await detail.waitFor({ state: 'detached' });
    await page.keyboard.type('gb');
    assert.match(page.url(), /\/apps$/);
  });

  for (const [name, command] of COMMANDS) {
    it(`say how to open ${name}: \`${command}\``, async () => {
      const page = await visit(`apps?id=${name.toLowerCase()}`);
      await page
        .getByRole('dialog')
        .getByRole('button', { name: `Copy: `, exact: false })
        .filter({ hasText: command })
        .waitFor();
    });
  }

  it('say that there is no such app', async () => {
    const page = await visit('apps?id=nobody');
    await page.getByRole('dialog').getByText('There is no such app').waitFor();
  });

  it('show the server that failed, and the last decisions with a way to the event', async () => {
    for (let i = 0; i < 4; i++) assert.equal((await ada.page.goto(`${running.origin('handbook')}/`))?.status(), 200);
    const page = await visit('apps?id=handbook');
    const detail = page.getByRole('dialog');
    await detail.getByText('http://127.0.0.1:1', { exact: true }).waitFor();
    await detail.getByText('unhealthy').waitFor();
    await detail.getByText('no fault').waitFor();
    await detail.getByText('headers of authelia').waitFor();
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.waitForTimeout(300);
      await picture(page, `app-handbook-${scheme}`);
    }
    await detail
      .getByRole('link', { name: /ada@example\.org, GET/ })
      .first()
      .click();
    await page.getByRole('heading', { name: 'Live decisions' }).waitFor();
    await page.getByRole('dialog').getByText('ada@example.org', { exact: false }).first().waitFor();
  });

  it('are probed by Cordon itself, and the answer is shown', async () => {
    const asked = await cordon.run('probe');
    assert.equal(asked.code, 0, asked.stdout + asked.stderr);
    const page = await visit('apps');
    await row(page, 'Wiki')
      .getByText(/refused|unclear/)
      .waitFor();
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.waitForTimeout(300);
      await picture(page, `apps-${scheme}`);
    }
  });

  it('have connections of every kind, found by the filter, and each cut by its button', async () => {
    const tunnel = await openTunnel();
    const ends = Promise.all(await openStreams());
    ends.catch(() => undefined); // it is awaited below, unless something before that fails
    const page = await visit('people?tab=connections');
    const table = page.getByRole('table', { name: 'Connections' });
    for (const [kind, app] of [
      ['WebSocket', 'Wiki'],
      ['HTTP', 'Stream'],
      ['gRPC', 'Stream'],
      ['TCP', 'Customers'],
    ] as const) {
      await page.getByRole('radiogroup', { name: 'Kind' }).getByText(kind, { exact: true }).click();
      const line = table.locator('tbody tr').filter({ hasText: app });
      await line.getByText(kind, { exact: true }).waitFor();
      await eventually(async () => (await table.locator('tbody tr').count()) === 1 || undefined);
      await picture(page, `connections-${kind.toLowerCase()}`);
      await line.getByRole('button', { name: 'Cut' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Cut' }).click();
      await page.getByText('No open connection matches').or(page.getByText('No connection is open')).waitFor();
    }
    await tunnel.isClosed;
    assert.match(tunnel.daemon.output(), /"cut"/);
    // A call of gRPC ends with fields that say why, which a browser does not read.
    assert.deepEqual(await ends, ['closed 4403', 'broken off', 'ended']);
    await tunnel.daemon.stop();
  });

  it('have pages without an error', () => {
    assert.deepEqual(errors, []);
  });

  /** A WebSocket, a stream of events and a call of gRPC, held by pages of the apps; how each ends. */
  async function openStreams(): Promise<Promise<string>[]> {
    const wiki = await ada.context.newPage();
    await wiki.goto(`${running.secureOrigin('wiki')}/`);
    await wiki.getByText('connected', { exact: true }).waitFor();
    const stream = await ada.context.newPage();
    await stream.goto(`${running.secureOrigin('stream')}/`);
    const hold = async (asked: { path: string; type?: string }): Promise<string> =>
      await stream.evaluate(async ({ path, type }) => {
        const call = type === undefined ? {} : { method: 'POST', body: 'x', headers: { 'content-type': type } };
        const response = await fetch(path, call);
        return await response.text().then(
          () => 'ended',
          () => 'broken off',
        );
      }, asked);
    const closed = wiki.getByText(/closed 4403/);
    return [
      closed.waitFor().then(async () => /closed 4403/.exec(await closed.innerText())?.[0] ?? ''),
      hold({ path: '/events' }),
      hold({ path: '/call', type: 'application/grpc' }),
    ];
  }

  /** A TCP tunnel through the real command, which its person allows in the browser. */
  async function openTunnel(): Promise<{ daemon: Daemon; isClosed: Promise<void> }> {
    const opened = join(home, 'opened');
    cordon.write('browser.sh', `#!/bin/sh\nprintf '%s' "$1" > '${opened}.part' && mv '${opened}.part' '${opened}'\n`);
    chmodSync(join(cordon.folder, 'browser.sh'), 0o755);
    const shell = cordon.at(['env', `XDG_CONFIG_HOME=${home}`, `BROWSER=${join(cordon.folder, 'browser.sh')}`]);
    const login = await shell.run('login', '--url', running.origin('id'));
    assert.equal(login.code, 0, login.stderr);
    const daemon = shell.start('connect', 'customers', '--json');
    await eventually(async () => await Promise.resolve(existsSync(opened) || undefined), 15);
    await ada.page.goto(readFileSync(opened, 'utf8'));
    await ada.page.getByRole('button', { name: 'Allow' }).click();
    await ada.page.getByText('You can close this page').waitFor();
    const port = await eventually(
      async () => await Promise.resolve(Number(/"port":(\d+)/.exec(daemon.output())?.[1]) || undefined),
      15,
    );
    const socket: Socket = connect({ host: '127.0.0.1', port });
    const isClosed = new Promise<void>((resolve) => {
      socket.on('error', () => undefined).once('close', () => resolve());
    });
    const echoed = new Promise<void>((resolve) => socket.once('data', () => resolve()));
    socket.write('hello');
    await echoed;
    return { daemon, isClosed };
  }
});
