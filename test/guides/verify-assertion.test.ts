// The examples of docs/guides/verify-assertion.md, as they stand there, against assertions that Cordon signed and others.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { manualClock, systemClock } from '#base';
import { type AssertionSigner, createAssertionSigner, generateAssertionKey } from '#gateway';

const ROOT = join(import.meta.dirname, '../..');
const GUIDE = readFileSync(join(ROOT, 'docs/guides/verify-assertion.md'), 'utf8');
const PYTHON = '/usr/bin/python3';

const NODE_DRIVER = `
import { whoIs } from './example.mjs';
const cases = JSON.parse(process.argv[2]);
const results = [];
for (const { method, path, assertion } of cases) {
  const request = { method, url: path + '?q=1', headers: { 'x-cordon-assertion': assertion } };
  results.push(await whoIs(request).then(({ email }) => email, () => 'refused'));
}
console.log(JSON.stringify(results));
`;
const PYTHON_DRIVER = `
import json, sys
from example import who_is
results = []
for case in json.loads(sys.argv[1]):
    try:
        results.append(who_is(case["method"], case["path"], case["assertion"])["email"])
    except Exception:
        results.append("refused")
print(json.dumps(results))
`;

describe('the examples that verify an assertion', () => {
  let server: Server;
  let folder: string;
  let origin: string;
  let signer: AssertionSigner;
  before(async () => {
    signer = createAssertionSigner({ clock: systemClock });
    server = createServer((_request, response) => {
      response.setHeader('content-type', 'application/jwk-set+json').end(JSON.stringify(signer.jwks()));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    folder = mkdtempSync(join(tmpdir(), 'cordon-guide-'));
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  });
  after(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  const sign = (by: AssertionSigner, app = 'wiki', method = 'POST', path = '/pages/1'): string =>
    by.sign({
      app: { id: app, host: 'wiki.example.org' },
      user: { id: 'u1', email: 'ada@example.org', name: 'Ada', groups: [], status: 'active', createdAt: 0 },
      session: {
        ...{ id: 's1', userId: 'u1', tokenHash: 'h', acr: 'urn:cordon:aal2', amr: [], address: '', userAgent: '' },
        ...{ authenticatedAt: 0, createdAt: 0, expiresAt: 0 },
      },
      groups: new Set(['staff']),
      device: undefined,
      method,
      url: origin + path,
    });

  /** What the example is asked, and what it must say. */
  const cases = (): { readonly name: string; readonly assertion: string; readonly expected: string }[] => {
    const good = sign(signer);
    const [head = '', body = '', signature = ''] = good.split('.');
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as object;
    const kid = signer.jwks().keys[0]?.['kid'];
    const key = generateAssertionKey();
    const stranger = createAssertionSigner({ clock: systemClock, key });
    const hs256 = `${encode({ alg: 'HS256', typ: 'JWT', kid })}.${body}`;
    const shared = createHmac('sha256', JSON.stringify(signer.jwks().keys[0])).update(hs256).digest('base64url');
    const old = createAssertionSigner({ clock: manualClock(systemClock.now() - 61_000), key: keyOfSigner });
    const refused = [
      ['no assertion', ''],
      ['text', 'a.b.c'],
      ['another app', sign(signer, 'mail')],
      ['another method', sign(signer, 'wiki', 'GET')],
      ['another path', sign(signer, 'wiki', 'POST', '/pages/2')],
      ['another path below', sign(signer, 'wiki', 'POST', '/pages/1/x')],
      ['the key of a stranger', sign(stranger)],
      ['the algorithm `none`', `${encode({ alg: 'none', kid })}.${body}.`],
      ['the published key as a shared secret', `${hs256}.${shared}`],
      ['changed claims', `${head}.${encode({ ...claims, email: 'eve@example.org' })}.${signature}`],
      ['an assertion whose minute is over', sign(old)],
    ] as const;
    return [
      { name: 'good', assertion: good, expected: 'ada@example.org' },
      ...refused.map(([name, assertion]) => ({ name, assertion, expected: 'refused' })),
    ];
  };
  const keyOfSigner = generateAssertionKey();
  before(() => {
    signer = createAssertionSigner({ clock: systemClock, key: keyOfSigner });
  });

  const check = async (
    language: string,
    files: { example: string; driver: string; text: string },
    program: string,
  ): Promise<void> => {
    const [, code = ''] = new RegExp('```' + language + '\\n([^]*?)```').exec(GUIDE) ?? [];
    writeFileSync(join(folder, files.example), code.replace('https://wiki.example.org', origin));
    writeFileSync(join(folder, files.driver), files.text);
    const asked = cases();
    const input = asked.map(({ assertion }) => ({ method: 'POST', path: '/pages/1', assertion }));
    const answer = await new Promise<string>((resolve, reject) => {
      execFile(program, [files.driver, JSON.stringify(input)], { cwd: folder, timeout: 30_000 }, (error, out, told) => {
        if (error === null) resolve(out);
        else reject(new Error(told));
      });
    });
    assert.deepEqual(
      (JSON.parse(answer) as string[]).map((result, index) => `${asked[index]?.name}: ${result}`),
      asked.map(({ name, expected }) => `${name}: ${expected}`),
    );
  };

  it('in Node accept what Cordon signed for this request, and refuse the rest', async () => {
    const files = { example: 'example.mjs', driver: 'driver.mjs', text: NODE_DRIVER };
    await check('js', files, process.execPath);
  });

  const hasPyJwt = ['jwt', 'cryptography'].every((name) => existsSync(`/usr/lib/python3/dist-packages/${name}`));
  it('in Python accept what Cordon signed for this request, and refuse the rest', {
    skip: hasPyJwt ? false : 'needs python3-jwt and python3-cryptography (npm run setup:system)',
  }, async () => {
    const files = { example: 'example.py', driver: 'driver.py', text: PYTHON_DRIVER };
    await check('python', files, PYTHON);
  });
});
