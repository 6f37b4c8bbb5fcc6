// The story of docs/start.md in a real browser: from the first link to the proof of the journal. Steps follow each other; each is a test.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { ACCOUNT, WIKI_ASSET } from './account.ts';
import { browserObstacle, enrol, newPerson, openBrowser, type Person, picture, typeCode } from './browser.ts';
import { type Installation, installation, type Running } from './cordon.ts';
import { eventually } from './eventually.ts';
import { startUpstream, type Upstream } from './upstream.ts';

const PASSWORD = 'seven quiet herons at dusk';
const POLICIES = `@id("verify-for-staff")
@title("Staff may open the verify app")
permit (principal in Group::"staff", action == Action::"access", resource == App::"verify");

@id("wiki-for-staff")
permit (principal in Group::"staff", action == Action::"access", resource == App::"wiki");
`;

interface Listed<T> {
  readonly items: readonly T[];
}

describe('the story', { skip: browserObstacle() ?? false, timeout: 240_000 }, () => {
  let cordon: Installation;
  let running: Running;
  let upstream: Upstream;
  let browser: Browser;
  let admin: Person;
  let ada: Person;
  let adaSecret = '';
  let adaEnrolledAt = 0;

  before(async () => {
    cordon = installation();
    upstream = await startUpstream();
    browser = await openBrowser();
    cordon.write(
      'cordon.yaml',
      `listen: { http: "127.0.0.1:0", tls: "127.0.0.1:0" }
groups:
  staff: {}
apps:
  verify: { builtin: verify }
  wiki: { name: Wiki, upstream: "${upstream.url}", asset: "${WIKI_ASSET}" }
policies: policies
`,
    );
    cordon.write('policies/access.cedar', POLICIES);
    for (const [file, content] of Object.entries(ACCOUNT)) cordon.write(`account/${file}`, JSON.stringify(content));
    running = await cordon.up('-c', 'cordon.yaml');
  });

  after(async () => {
    await browser?.close();
    await cordon?.remove();
    await upstream?.close();
  });

  /** Opens an app as a person would, through whatever redirects there are. */
  const visit = async (person: Person, url: string): Promise<number> => {
    const response = await person.page.goto(url, { waitUntil: 'load' });
    return response?.status() ?? 0;
  };
  const textOf = async ({ page }: Person): Promise<string> => await page.locator('body').innerText();

  it('1. begins with a link for the first administrator', () => {
    assert.match(running.firstLink ?? '', /^http:\/\/id\.localhost:\d+\/enrol#[\w-]{43}$/);
  });

  it('2. leads through name, password, passkey and recovery codes; the link dies on use', async () => {
    admin = await newPerson(browser);
    const link = running.firstLink ?? '';
    const { codes } = await enrol(admin, {
      link,
      name: 'Grace',
      email: 'grace@example.org',
      password: PASSWORD,
      factor: 'passkey',
    });
    assert.equal(codes.length, 10);
    await visit(admin, `${running.origin('console')}/`);
    await admin.page.getByRole('heading', { name: 'Overview' }).first().waitFor();
    await picture(admin.page, '02-overview');
    const stranger = await newPerson(browser);
    await visit(stranger, link);
    await stranger.page.getByText('This link cannot be used.').waitFor();
    await stranger.context.close();
  });

  it('3. imports an account, ranks it and explains each tier', async () => {
    const report = await cordon.json<{ assets: number; problems: unknown[] }>('discover', 'aws', '--from', 'account');
    assert.equal(report.assets, 7);
    assert.deepEqual(report.problems, []);
    const { items } = await cordon.json<Listed<{ id: string; tier: number; reason: string }>>('assets', 'list');
    assert.equal(items.find(({ id }) => id === WIKI_ASSET)?.tier, 3);
    assert.ok(items.every(({ reason }) => reason !== ''));
    const explained = await cordon.run('assets', 'explain', WIKI_ASSET);
    assert.equal(explained.code, 0, explained.stderr);
    assert.match(explained.stdout, /T3/);
    await visit(admin, `${running.origin('console')}/assets`);
    await admin.page.getByText('people-records').first().waitFor();
    await picture(admin.page, '03-assets');
  });

  it('4. lets in whom a policy permits, after one sign-in, and tells everybody else why not', async () => {
    ada = await newPerson(browser);
    const { url } = await cordon.json<{ url: string }>(
      'users',
      'invite',
      'ada@example.org',
      '--name',
      'Ada',
      '--group',
      'staff',
    );
    const enrolled = await enrol(ada, { link: url, name: 'Ada', password: PASSWORD, factor: 'totp' });
    adaSecret = enrolled.secret ?? '';
    adaEnrolledAt = Date.now();
    assert.equal(await visit(ada, `${running.origin('verify')}/`), 200);
    assert.match(await textOf(ada), /ada@example\.org/);
    await picture(ada.page, '04-verify');

    const eve = await newPerson(browser);
    const invited = await cordon.json<{ url: string }>('users', 'invite', 'eve@example.org', '--name', 'Eve');
    await enrol(eve, { link: invited.url, name: 'Eve', password: PASSWORD, factor: 'passkey' });
    assert.equal(await visit(eve, `${running.origin('wiki')}/`), 403);
    const page = await textOf(eve);
    await picture(eve.page, '04-denied');
    assert.match(page, /No policy permits this/);
    const correlation = /Correlation id (\S+)/i.exec(page)?.[1] ?? '';
    const found = await cordon.run('events', 'list', '--correlation', correlation, '--json');
    assert.match(found.stdout, /eve@example\.org/);
    assert.equal(upstream.count(), 0, 'not a byte of hers reached the upstream');
    await eve.context.close();
  });

  it('5. demands more at once when the rank rises, and cuts what is open', async () => {
    assert.equal(await visit(ada, `${running.origin('wiki')}/`), 200);
    await ada.page.getByText('connected', { exact: true }).waitFor();
    assert.match(String(upstream.lastHeaders()?.['x-cordon-assertion']), /^[\w-]+\.[\w-]+\.[\w-]+$/);
    const raised = await cordon.run('assets', 'tier', WIKI_ASSET, 'T0', '--reason', 'holds the recovery plan');
    assert.equal(raised.code, 0, raised.stderr);
    await ada.page.getByText(/closed 4403/).waitFor();
    const { items } = await cordon.json<Listed<{ time: number; activity_name: string; message: string }>>(
      'events',
      'list',
    );
    const cut = items.find(({ activity_name: name }) => name === 'cut');
    const change = items.find(({ message }) => /tier|T0/.test(message) && !/cut/.test(message));
    assert.ok(cut !== undefined && change !== undefined, JSON.stringify(items.slice(0, 5)));
    assert.ok(cut.time - change.time < 1000, `${cut.time - change.time} ms from the change to the cut`);
    await picture(ada.page, '05-cut');
    assert.equal(await visit(ada, `${running.origin('wiki')}/`), 401, 'a step-up is asked for (RFC 9470)');
    const page = await textOf(ada);
    await picture(ada.page, '05-step-up');
    assert.match(page, /stronger second factor|Confirm that it is you/);
    assert.match(
      (await ada.page.getByRole('link', { name: 'Confirm that it is you' }).getAttribute('href')) ?? '',
      /\/step-up\?/,
    );
    const untied = await cordon.run('assets', 'untier', WIKI_ASSET);
    assert.equal(untied.code, 0, untied.stderr);
    assert.equal(await visit(ada, `${running.origin('wiki')}/`), 200);
  });

  it('signs in with password and authenticator app, and out everywhere when the session is ended', async () => {
    const elsewhere = await newPerson(browser);
    await visit(elsewhere, `${running.origin('wiki')}/`);
    await elsewhere.page.getByLabel('E-mail').fill('ada@example.org');
    await elsewhere.page.getByLabel('Password').first().fill(PASSWORD);
    await elsewhere.page.getByRole('button', { name: 'Continue' }).click();
    await elsewhere.page.getByLabel('Digit 1').waitFor();
    await nextCode(adaEnrolledAt);
    await typeCode(elsewhere.page, adaSecret);
    await elsewhere.page.getByText('connected', { exact: true }).waitFor();
    const { items } = await cordon.json<Listed<{ id: string; email: string }>>('sessions', 'list');
    for (const { id } of items.filter(({ email }) => email === 'ada@example.org')) {
      assert.equal((await cordon.run('sessions', 'end', id)).code, 0);
    }
    await elsewhere.page.getByText(/closed 4403/).waitFor();
    await visit(elsewhere, `${running.origin('wiki')}/`);
    assert.match(elsewhere.page.url(), /\/sign-in/);
    await elsewhere.context.close();
  });

  it('8. raises the risk of an account after six wrong passwords, and alerts', async () => {
    const mallory = await newPerson(browser);
    await visit(mallory, `${running.origin('id')}/sign-in`);
    for (let attempt = 0; attempt < 6; attempt++) {
      await mallory.page.getByLabel('E-mail').fill('ada@example.org');
      await mallory.page.getByLabel('Password').first().fill(`guess number ${attempt}`);
      await Promise.all([
        mallory.page.waitForResponse((response) => response.url().endsWith('/api/sign-in/password')),
        mallory.page.getByRole('button', { name: 'Continue' }).click(),
      ]);
    }
    await mallory.context.close();
    const alert = await eventually(async () => {
      const { items } = await cordon.json<Listed<{ ruleId: string; subjectName: string }>>('alerts', 'list');
      return items.find(({ ruleId }) => ruleId === 'password-guessing');
    });
    assert.match(alert.subjectName, /ada@example\.org|Ada/);
    const { items: people } = await cordon.json<Listed<{ email: string; risk: { score: number; level: string } }>>(
      'users',
      'list',
    );
    const risk = people.find(({ email }) => email === 'ada@example.org')?.risk;
    assert.notEqual(risk?.level, 'low', JSON.stringify(risk));
    await visit(admin, `${running.origin('console')}/alerts`);
    await admin.page.getByText('Password guessing', { exact: false }).first().waitFor();
    await picture(admin.page, '08-alerts');
  });

  it('9. shows who would gain and lose what before a policy is activated', async () => {
    cordon.write('edited/access.cedar', POLICIES.replace(/@id\("wiki-for-staff"\)[\s\S]*/, ''));
    const replayed = await cordon.json<{ losses: { user: string; app: string }[]; gains: unknown[] }>(
      'policy',
      'replay',
      '--bundle',
      'edited',
    );
    assert.ok(
      replayed.losses.some(({ user, app }) => /ada/i.test(user) && /wiki/i.test(app)),
      JSON.stringify(replayed),
    );
    assert.deepEqual(replayed.gains, []);
  });

  const pages = ['', 'assets', 'apps', 'decisions', 'people', 'devices', 'segments', 'alerts', 'policies'];
  it('shows every page of the console without an error, light and dark', async () => {
    const errors: string[] = [];
    admin.page.on('pageerror', (error) => errors.push(error.message));
    admin.page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    for (const scheme of ['light', 'dark'] as const) {
      await admin.page.emulateMedia({ colorScheme: scheme });
      for (const name of pages) {
        await visit(admin, `${running.origin('console')}/${name}`);
        await admin.page.locator('main h1').first().waitFor();
        await admin.page.waitForTimeout(300);
        await picture(admin.page, `console-${name || 'overview'}-${scheme}`);
      }
    }
    assert.deepEqual(errors, []);
  });

  it('takes up an edited configuration, and keeps the last good one when it does not load', async () => {
    const good = readFileSync(join(cordon.folder, 'cordon.yaml'), 'utf8');
    cordon.write('cordon.yaml', good.replace('groups:', 'colour: red\ngroups:'));
    const problem = await eventually(async () => {
      const status = await cordon.json<{ configurationProblem?: { problems: { code: string }[] } }>('status');
      return status.configurationProblem;
    });
    assert.equal(problem.problems[0]?.code, 'configuration-unknown-key');
    cordon.write('cordon.yaml', good.replace('name: Wiki', 'name: Handbook'));
    await eventually(async () => {
      const { items } = await cordon.json<Listed<{ name: string }>>('apps');
      return items.find(({ name }) => name === 'Handbook');
    });
  });

  it('refuses requests that name a host it does not serve', async () => {
    const status = await new Promise<number>((resolve, reject) => {
      request({ host: '127.0.0.1', port: running.http, headers: { host: 'evil.example.org' } }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });
    assert.equal(status, 404);
  });

  it('loses nothing when it is killed: sessions, policies and events are there again', async () => {
    const before = await cordon.json<{ policyVersion: number; graphSeq: number }>('status');
    await running.stop('SIGKILL');
    cordon.write(
      'cordon.yaml',
      readFileSync(join(cordon.folder, 'cordon.yaml'), 'utf8').replace('127.0.0.1:0"', `127.0.0.1:${running.http}"`),
    );
    running = await cordon.up('-c', 'cordon.yaml');
    assert.equal(running.firstLink, undefined, 'there is an administrator');
    const now = await cordon.json<{ policyVersion: number; graphSeq: number }>('status');
    assert.equal(now.policyVersion, before.policyVersion);
    assert.ok(now.graphSeq >= before.graphSeq);
    assert.equal(await visit(admin, `${running.origin('console')}/`), 200);
    await admin.page.getByRole('heading', { name: 'Overview' }).first().waitFor();
  });

  it('10. proves the journal, and names the line once a byte of it was edited', async () => {
    await running.stop();
    const proven = await cordon.run('audit', 'verify', '-c', 'cordon.yaml');
    assert.equal(proven.code, 0, proven.stderr);
    const folder = join(cordon.folder, 'data/journal/segments');
    const [file = ''] = readdirSync(folder).sort();
    const lines = readFileSync(join(folder, file), 'utf8').split('\n');
    lines[4] = lines[4]?.replace('"message":"', '"message":"x') ?? '';
    writeFileSync(join(folder, file), lines.join('\n'));
    const broken = await cordon.run('audit', 'verify', '-c', 'cordon.yaml');
    assert.equal(broken.code, 1, broken.stderr);
    assert.match(broken.stdout + broken.stderr, /line 5|:5\b/);
  });
});

/** Waits until an authenticator app shows another code than it did at `usedAt`: each is good once. */
async function nextCode(usedAt: number): Promise<void> {
  const next = (Math.floor(usedAt / 30_000) + 1) * 30_000;
  if (Date.now() < next) await wait(next - Date.now() + 50);
}
