import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Browser as Chromium, type BrowserContext, chromium } from 'playwright-core';
import { type ApiBench, HOSTS, openApiBench } from './testdata/api-bench.ts';
import { enrol } from './testdata/browser.ts';

const CHROMIUM = '/usr/bin/chromium';
const BUILT = join(import.meta.dirname, '../../console/dist');
const PAGES = ['/', '/assets', '/segments', '/policies'];
const skip = existsSync(CHROMIUM) ? false : 'needs Chromium (npm run setup:system)';

describe('the content security policy and the built console', { skip }, () => {
  let bench: ApiBench;
  let browser: Chromium;
  let context: BrowserContext;
  const violations: string[] = [];

  before(async () => {
    bench = await openApiBench({ consoleDirectory: BUILT });
    const ada = await enrol(bench, 'ada@example.org');
    await bench.store.transact('system', async (tx) => {
      const user = await tx.get('user', ada.userId);
      if (user !== undefined) await tx.put('user', { ...user, groups: ['admins', 'staff'] });
    });
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
    context = await browser.newContext();
    await context.addCookies(
      [...ada.browser.cookies(HOSTS.identity)].map(([name, value]) => ({
        name,
        value,
        domain: HOSTS.identity,
        path: '/',
        secure: true,
        httpOnly: true,
        sameSite: 'Lax' as const,
      })),
    );
  });

  after(async () => {
    await browser?.close();
    await bench?.close();
  });

  const look = async (url: string): Promise<string> => {
    const page = await context.newPage();
    page.on('console', (message) => {
      if (/content security policy|permissions policy|refused to/i.test(message.text()))
        violations.push(message.text());
    });
    page.on('pageerror', (error) => violations.push(error.message));
    await page.goto(url, { waitUntil: 'networkidle' });
    const text = await page.locator('h1').first().innerText();
    await page.close();
    return text;
  };

  for (const path of PAGES) {
    it(`shows ${path} without a violation`, async () => {
      assert.notEqual(await look(`http://${HOSTS.console}:${bench.port}${path}`), '');
      assert.deepEqual(violations, []);
    });
  }

  for (const path of ['/', '/step-up']) {
    it(`shows ${path} of the identity host without a violation`, async () => {
      assert.notEqual(await look(`http://${HOSTS.identity}:${bench.port}${path}`), '');
      assert.deepEqual(violations, []);
    });
  }

  it('stops a script that was written into a page', async () => {
    const page = await context.newPage();
    await page.goto(`http://${HOSTS.console}:${bench.port}/`, { waitUntil: 'networkidle' });
    const ran = await page.evaluate(`(() => {
      const script = document.createElement('script');
      script.textContent = 'globalThis.injected = true';
      document.head.append(script);
      return 'injected' in globalThis;
    })()`);
    assert.equal(ran, false);
  });
});
