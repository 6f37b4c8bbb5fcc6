// A person's session ends while they fill a form in: what they typed is kept over the sign-in, and sent once, by their own button.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { browserObstacle, enrol, newPerson, openBrowser, type Person, picture } from './browser.ts';
import { installation, type Installation, type Running } from './cordon.ts';

const PAGE = `<!doctype html><meta charset="utf-8"><title>Wiki</title><form method="post" action="/pages?draft=1">
<input name="title" aria-label="Title"><textarea name="text" aria-label="Text"></textarea><button>Save</button></form>`;

describe('a form that is sent after the session has ended', { skip: browserObstacle(), timeout: 120_000 }, () => {
  const arrived: { target: string; body: string; origin: string | undefined }[] = [];
  let upstream: Server;
  let cordon: Installation;
  let running: Running;
  let browser: Browser;
  let ada: Person;
  before(async () => {
    upstream = createServer((request, response) => {
      response.setHeader('content-type', 'text/html');
      if (request.method !== 'POST') {
        response.end(PAGE);
        return;
      }
      void text(request).then((body) => {
        arrived.push({ target: request.url ?? '', body, origin: request.headers.origin });
        response.end('<p>Saved</p>');
      });
    });
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    const { port } = upstream.address() as AddressInfo;
    cordon = installation();
    cordon.write(
      'cordon.yaml',
      `listen: { http: "127.0.0.1:0", tls: "127.0.0.1:0" }\napps: { wiki: { name: Wiki, upstream: "http://127.0.0.1:${port}" } }\n`,
    );
    cordon.write(
      'policies/all.cedar',
      '@id("admins")\npermit (principal in Group::"admins", action == Action::"access", resource);\n',
    );
    running = await cordon.up('-c', 'cordon.yaml');
    browser = await openBrowser();
    ada = await newPerson(browser);
    const person = {
      name: 'Ada',
      email: 'ada@example.org',
      password: 'seven brave otters',
      factor: 'passkey',
    } as const;
    await enrol(ada, { link: running.firstLink ?? '', ...person });
  });
  after(async () => {
    await browser.close();
    await cordon.remove();
    upstream.closeAllConnections();
    upstream.close();
  });

  it('is kept over the sign-in, and delivered once, when its person presses the button', async () => {
    const { page } = ada;
    await page.goto(running.origin('wiki'));
    await page.getByLabel('Title').fill('A & "B" <b>ü</b>');
    await page.getByLabel('Text').fill('one\ntwo');
    const { items } = await cordon.json<{ items: { id: string }[] }>('sessions', '-c', 'cordon.yaml');
    for (const { id } of items) await cordon.json('sessions', 'end', id, '-c', 'cordon.yaml');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await page.getByRole('heading', { name: 'Send again?' }).waitFor();
    await picture(page, 'send-again');
    assert.deepEqual(arrived, [], 'nothing is sent by itself');
    await page.getByRole('button', { name: 'Send it now' }).click();
    await page.getByText('Saved').waitFor();
    assert.deepEqual(arrived, [
      {
        target: '/pages?draft=1',
        body: new URLSearchParams({ title: 'A & "B" <b>ü</b>', text: 'one\r\ntwo' }).toString(),
        origin: running.origin('wiki'),
      },
    ]);
    await page.goto(`${running.origin('wiki')}/.cordon/send-again`);
    await page.getByRole('heading', { name: 'What you sent is lost' }).waitFor();
    assert.equal(arrived.length, 1);
  });
});
