// A program opens an app as its person: asked in a real browser, with the real command, bound to a key, ended from the person's page.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { browserObstacle, enrol, newPerson, openBrowser, type Person, picture } from './browser.ts';
import { type Ended, installation, type Installation, type Running, type Shell } from './cordon.ts';
import { eventually } from './eventually.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

describe('a program that opens an app', { skip: browserObstacle(), timeout: 180_000 }, () => {
  let cordon: Installation;
  let running: Running;
  let browser: Browser;
  let ada: Person;
  let shell: Shell;
  let home: string;
  let opened: string;
  let environment: readonly string[];

  before(async () => {
    cordon = installation();
    cordon.write(
      'cordon.yaml',
      'listen: { http: "127.0.0.1:0", tls: "127.0.0.1:0" }\napps: { wiki: { name: Wiki, builtin: verify } }\n',
    );
    cordon.write(
      'policies/all.cedar',
      '@id("admins")\npermit (principal in Group::"admins", action == Action::"access", resource);\n',
    );
    running = await cordon.up('-c', 'cordon.yaml');
    browser = await openBrowser();
    ada = await newPerson(browser);
    await enrol(ada, {
      link: running.firstLink ?? '',
      name: 'Ada',
      email: 'ada@example.org',
      password: 'seven brave otters',
      factor: 'passkey',
    });
    home = mkdtempSync(join(tmpdir(), 'cordon-home-'));
    opened = join(home, 'opened');
    // What stands for the person's browser: it notes the address, which the test then opens in the real one.
    cordon.write('browser.sh', `#!/bin/sh\nprintf '%s' "$1" > '${opened}.part' && mv '${opened}.part' '${opened}'\n`);
    chmodSync(join(cordon.folder, 'browser.sh'), 0o755);
    environment = [`XDG_CONFIG_HOME=${home}`, `BROWSER=${join(cordon.folder, 'browser.sh')}`];
    shell = cordon.at(['env', ...environment]);
    const { code, stderr } = await shell.run('login', '--url', running.origin('id'));
    assert.equal(code, 0, stderr);
  });
  after(async () => {
    await browser.close();
    await cordon.remove();
    rmSync(home, { recursive: true, force: true });
  });

  const address = async (): Promise<string> => {
    await eventually(async () => await Promise.resolve(existsSync(opened) || undefined), 15);
    const url = readFileSync(opened, 'utf8');
    rmSync(opened);
    return url;
  };
  /** Runs a command while the person answers in the browser. */
  const asking = async (args: readonly string[], answer: 'Allow' | 'Refuse'): Promise<Ended> => {
    const ended = shell.run(...args);
    await ada.page.goto(await address());
    await ada.page.getByRole('heading', { name: 'Let a program open Wiki?' }).waitFor();
    await picture(ada.page, `program-${answer.toLowerCase()}`);
    await ada.page.getByRole('button', { name: answer }).click();
    await ada.page.getByText('You can close this page').waitFor();
    return await ended;
  };
  const ask = async (
    headers: Readonly<Record<string, string>>,
    path = '/',
  ): Promise<{ status: number; body: string }> =>
    await new Promise((resolve, reject) => {
      const host = `wiki.localhost:${running.http}`;
      const options = { host: '127.0.0.1', port: running.http, path, headers: { ...headers, host }, agent: false };
      request(options, (response) => {
        let body = '';
        response.on('data', (chunk) => (body += String(chunk)));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      })
        .on('error', reject)
        .end();
    });
  const fieldsOf = (text: string): Record<string, string> =>
    Object.fromEntries(
      text
        .trim()
        .split('\n')
        .map((line) => line.split(': ') as [string, string]),
    );

  it('gets a token when its person allows it, keeps it for itself alone, and opens the app with a proof for each request', async () => {
    const { code, stdout, stderr } = await asking(['token', 'wiki'], 'Allow');
    assert.equal(code, 0, stderr);
    const token = stdout.trim();
    assert.match(token, /^cordon_at_[\w-]{43}$/);
    const file = join(home, 'cordon/tokens/dpop-wiki.localhost.json');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const url = `${running.origin('wiki')}/a`;
    const fields = fieldsOf((await shell.run('token', 'wiki', '--for', url)).stdout);
    const answer = await ask(fields, '/a');
    assert.equal(answer.status, 200, answer.body);
    assert.equal(JSON.parse(answer.body).assertion.claims.email, 'ada@example.org');
    const again = await ask(fields, '/a');
    assert.deepEqual([again.status, JSON.parse(again.body).code], [401, 'proof-invalid']);
    const stolen = await ask({ authorization: `Bearer ${token}` });
    assert.deepEqual([stolen.status, JSON.parse(stolen.body).code], [401, 'token-invalid']);
  });

  it('gets nothing when its person refuses', async () => {
    const { code, stdout, stderr } = await asking(['token', 'wiki', '--fresh'], 'Refuse');
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /error: you refused in the browser \(token-refused\)/);
  });

  it('gets one by a code that its person carries, on a computer without a browser, and warns of giving it away', async () => {
    const child = spawn(process.execPath, [MAIN, 'token', 'wiki', '--bearer', '--no-browser'], {
      env: { ...process.env, ...Object.fromEntries(environment.map((one) => one.split('=') as [string, string])) },
      stdio: 'pipe',
    });
    let [told, printed] = ['', ''];
    child.stderr.on('data', (chunk) => (told += String(chunk)));
    child.stdout.on('data', (chunk) => (printed += String(chunk)));
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    await eventually(async () => await Promise.resolve(told.includes('code: ') || undefined), 15);
    await ada.page.goto(/^http\S+/m.exec(told)?.[0] ?? '');
    await ada.page.getByText('asks you for a code, refuse').waitFor();
    await ada.page.getByRole('button', { name: 'Allow' }).click();
    const code = await ada.page.getByTestId('program-code').innerText();
    await picture(ada.page, 'program-code');
    child.stdin.end(`${code}\n`);
    assert.equal(await ended, 0, told);
    const answer = await ask({ authorization: `Bearer ${printed.trim()}` });
    assert.equal(answer.status, 200, answer.body);
  });

  it('is on the page of its person, who ends it there at once', async () => {
    const bearer = `Bearer ${(await shell.run('token', 'wiki', '--bearer')).stdout.trim()}`;
    assert.equal((await ask({ authorization: bearer })).status, 200);
    await ada.page.goto(running.origin('id'));
    const row = ada.page.getByRole('table', { name: 'Programs' }).getByRole('row');
    await row.nth(1).waitFor();
    await picture(ada.page, 'programs');
    assert.equal(await row.count(), 3, 'a heading and two programs');
    await row.nth(1).getByRole('button').click();
    await eventually(async () => (await ask({ authorization: bearer })).status === 401 || undefined, 5);
    const { body } = await ask({ authorization: bearer });
    assert.equal(JSON.parse(body).code, 'token-invalid');
  });

  it('loses its token when an administrator ends the session', async () => {
    const url = `${running.origin('wiki')}/`;
    const fields = async (): Promise<Record<string, string>> =>
      fieldsOf((await shell.run('token', 'wiki', '--for', url)).stdout);
    assert.equal((await ask(await fields())).status, 200);
    const { items } = await cordon.json<{ items: { id: string }[] }>('sessions', '-c', 'cordon.yaml');
    for (const { id } of items) await cordon.json('sessions', 'end', id, '-c', 'cordon.yaml');
    const { status, body } = await ask(await fields());
    assert.deepEqual([status, JSON.parse(body).code], [401, 'token-invalid']);
  });
});
