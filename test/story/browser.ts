import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { TOTP } from 'otpauth';

const CHROMIUM = '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Why a real browser cannot run here, or undefined when it can. */
export function browserObstacle(): string | undefined {
  return existsSync(CHROMIUM) ? undefined : 'needs Chromium (npm run setup:system)';
}

/** Starts Chromium. `executable` may be a script that starts it in a network namespace. */
export async function openBrowser(executable = CHROMIUM): Promise<Browser> {
  return await chromium.launch({ executablePath: executable, args: FLAGS });
}

/** A person at a browser of their own. */
export interface Person {
  readonly context: BrowserContext;
  readonly page: Page;
}

/** Opens a browser profile with an authenticator that holds device-bound passkeys and verifies its user (WebAuthn 2, section 11). */
export async function newPerson(browser: Browser, options: BrowserContextOptions = {}): Promise<Person> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const devtools = await context.newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return { context, page };
}

/** What a person enters while enrolling. */
export interface Enrolment {
  readonly link: string;
  readonly name: string;
  readonly email?: string;
  readonly password: string;
  readonly factor: 'passkey' | 'totp';
}

/** Enrols by a one-time link; returns the recovery codes, and the authenticator app's secret where one was enrolled. */
export async function enrol(
  { page }: Person,
  { link, name, email, password, factor }: Enrolment,
): Promise<{ readonly codes: readonly string[]; readonly secret: string | undefined }> {
  await page.goto(link);
  if (email !== undefined) await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password', { exact: false }).first().fill(password);
  await page.getByRole('button', { name: 'Continue' }).click();
  const secret = factor === 'totp' ? await enrolTotp(page) : undefined;
  if (factor === 'passkey') await page.getByRole('button', { name: /Add a passkey/ }).click();
  await page.getByRole('button', { name: /Finish and show/ }).click();
  const list = page.getByTestId('recovery-codes');
  await list.waitFor();
  const codes = await list.locator('code').allTextContents();
  await page.getByRole('button', { name: 'I have saved them' }).click();
  return { codes, secret };
}

async function enrolTotp(page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Use an authenticator app' }).click();
  const secret = await page.getByTestId('totp-secret').innerText();
  await typeCode(page, secret);
  return secret;
}

/** Types the code that an authenticator app shows now; the form sends itself with the last digit. */
export async function typeCode(page: Page, secret: string): Promise<void> {
  await page.getByLabel('Digit 1').click();
  await page.keyboard.type(new TOTP({ secret }).generate());
}

/** Saves a picture of the page where `CORDON_PICTURES` names a folder. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env['CORDON_PICTURES'];
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
