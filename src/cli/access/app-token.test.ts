import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, beforeEach, describe, it } from 'node:test';
import { calculateJwkThumbprint, decodeProtectedHeader, EmbeddedJWK, type JWK, jwtVerify } from 'jose';
import { CordonError, manualClock, newToken } from '#base';
import type { CliWorld } from '../world.ts';
import { appToken, type TokenWish } from './app-token.ts';
import { LOGIN_FILE } from './login.ts';
import { writePrivate } from './private-files.ts';

const NOW = Date.UTC(2026, 10, 24, 12);
const sha256 = (of: string): string => createHash('sha256').update(of).digest('base64url');

describe('the token of a program', () => {
  let server: Server;
  let port: number;
  let directory: string;
  /** Addresses that were opened in the browser. */
  const opened: URL[] = [];
  /** What the installation was asked at its token address. */
  const asked: { form: URLSearchParams; dpop: string | undefined }[] = [];
  /** What it answers who looks whether the app is there, at the address of its public keys. */
  let answerKeys: () => { status: number; body: object };
  let answerToken: () => { status: number; body: object };
  const clock = manualClock(NOW);

  before(async () => {
    server = createServer((incoming: IncomingMessage, response) => {
      if (incoming.method === 'GET') {
        const { status, body } = answerKeys();
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
        return;
      }
      void text(incoming).then((body) => {
        const dpop = incoming.headers['dpop'];
        asked.push({ form: new URLSearchParams(body), dpop: typeof dpop === 'string' ? dpop : undefined });
        const answer = answerToken();
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
  });
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'cordon-token-'));
    await writePrivate(directory, LOGIN_FILE, { url: `http://id.localhost:${port}` });
    opened.length = 0;
    asked.length = 0;
    answerKeys = () => ({ status: 200, body: { keys: [] } });
    answerToken = () => {
      const isBound = asked.at(-1)?.dpop !== undefined;
      return {
        status: 200,
        body: { access_token: `cordon_at_${newToken()}`, token_type: isBound ? 'DPoP' : 'Bearer', expires_in: 3600 },
      };
    };
  });
  after(() => server.close());

  /** What the browser brings back to the program. */
  const bring = async (url: URL, host?: string): Promise<number> =>
    await new Promise((resolve, reject) => {
      const options = host === undefined ? {} : { headers: { host } };
      request(url, { agent: false, ...options }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });
  const withQuery = (redirect: string, query: Record<string, string>): URL => {
    const url = new URL(redirect);
    url.search = new URLSearchParams(query).toString();
    return url;
  };
  type Person = (url: URL, redirect: string) => Promise<unknown>;
  const allows: Person = async (_url, redirect) => await bring(withQuery(redirect, { code: newToken() }));

  const worldOf = (person: Person, more: Partial<CliWorld> = {}): CliWorld => {
    const never = async (): Promise<never> => await Promise.reject(new Error('not here'));
    return {
      argv: [],
      stdin: Readable.from([]),
      stdout: new PassThrough().resume(),
      stderr: new PassThrough().resume(),
      cwd: '/',
      clock,
      version: '0',
      controlSocket: undefined,
      noColor: true,
      signal: new AbortController().signal,
      up: never,
      agent: { enrol: never, run: never, posture: never, program: never },
      self: ['cordon'],
      person: {
        directory,
        computer: "ada's laptop",
        openBrowser: async (address) => {
          const url = new URL(address);
          opened.push(url);
          setTimeout(() => void person(url, url.searchParams.get('redirect') ?? ''), 5);
          return await Promise.resolve(true);
        },
      },
      ...more,
    };
  };
  const obtain = async (wish?: TokenWish, person = allows): Promise<Awaited<ReturnType<typeof appToken>>> =>
    await appToken(worldOf(person), 'wiki', wish);
  const codeOf = async (promise: Promise<unknown>): Promise<string> =>
    await promise.then(
      () => 'ok',
      (error: unknown) => (error instanceof CordonError ? error.code : String(error)),
    );

  it('is asked for with a challenge and a key, and exchanged with verifier and proof (RFC 7636, RFC 9449)', async () => {
    const token = await obtain();
    const [url] = opened;
    assert.equal(url?.origin, `http://id.localhost:${port}`);
    const query = Object.fromEntries(url?.searchParams ?? []);
    assert.deepEqual([query['host'], query['form'], query['name']], ['wiki.localhost', 'dpop', 'cordon, ada-s-laptop']);
    assert.match(query['redirect'] ?? '', /^http:\/\/127\.0\.0\.1:\d+\/[\w-]{43}$/);
    const [{ form, dpop = '' } = assert.fail()] = asked;
    assert.equal(sha256(form.get('code_verifier') ?? ''), query['challenge']);
    const { payload } = await jwtVerify(dpop, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: ['ES256'],
      currentDate: new Date(NOW),
    });
    assert.deepEqual([payload['htm'], payload['htu']], ['POST', `http://wiki.localhost:${port}/.cordon/token`]);
    const { jwk } = decodeProtectedHeader(dpop) as { jwk: JWK };
    assert.equal(await calculateJwkThumbprint(jwk), query['jkt']);
    assert.equal(jwk.d, undefined);
    assert.deepEqual(
      [token.host, token.origin, token.expiresAt],
      ['wiki.localhost', `http://wiki.localhost:${port}`, NOW + 3_600_000],
    );
  });

  it('is asked for only where the app is there: before that nobody is asked anything', async () => {
    for (const [status, body, code] of [
      [404, { code: 'app-unknown', message: 'No app is published at this address' }, 'app-unknown'],
      [404, { error: { code: 'not-found' } }, 'app-unknown'], // a host of Cordon's own
      [403, { code: 'certificate-required', message: 'none was shown', hint: 'enrol' }, 'certificate-required'],
      [502, {}, 'installation-answer-invalid'],
    ] as const) {
      answerKeys = () => ({ status, body });
      assert.equal(await codeOf(obtain()), code);
    }
    await writePrivate(directory, LOGIN_FILE, { url: 'http://id.localhost:1' });
    assert.equal(await codeOf(obtain()), 'installation-unreachable');
    assert.deepEqual([opened.length, asked.length], [0, 0]);
  });

  it('comes with a fresh proof for each request, without the query', async () => {
    const token = await obtain();
    const [one, two] = [1, 2].map(() => token.proofFor('PUT', `${token.origin}/a%20b?x=1#y`));
    assert.equal(one?.['authorization'], `DPoP ${token.text}`);
    const proofs = await Promise.all(
      [one, two].map(
        async (fields) =>
          (await jwtVerify(fields?.['dpop'] ?? '', EmbeddedJWK, { currentDate: new Date(NOW) })).payload,
      ),
    );
    assert.deepEqual(
      [proofs[0]?.['htm'], proofs[0]?.['htu'], proofs[0]?.['ath']],
      ['PUT', `${token.origin}/a%20b`, sha256(token.text)],
    );
    assert.notEqual(proofs[0]?.jti, proofs[1]?.jti);
  });

  it('is kept with its key, until a minute before its end, and per form', async () => {
    const first = await obtain();
    assert.equal((await obtain()).text, first.text);
    assert.notEqual((await obtain({ form: 'bearer' })).text, first.text);
    assert.equal(opened.length, 2);
    clock.advance(3_540_001);
    assert.notEqual((await obtain()).text, first.text);
    clock.advance(-3_540_001);
    const kept = await obtain();
    assert.notEqual((await obtain({ isFresh: true })).text, kept.text);
  });

  it('of another installation is not used', async () => {
    const first = await obtain();
    await writePrivate(directory, LOGIN_FILE, { url: 'http://id.localhost:1' });
    assert.equal(await codeOf(obtain()), 'installation-unreachable');
    await writePrivate(directory, LOGIN_FILE, { url: `http://id.localhost:${port}` });
    assert.equal((await obtain()).text, first.text);
  });

  it('is a bearer token without key and proof where that is asked for', async () => {
    const token = await obtain({ form: 'bearer' });
    assert.deepEqual(token.proofFor('GET', token.origin), { authorization: `Bearer ${token.text}` });
    assert.deepEqual([opened[0]?.searchParams.get('jkt'), asked[0]?.dpop], [null, undefined]);
  });

  it('is got with a code that is pasted, where there is no browser', async () => {
    const world = worldOf(allows, { stdin: Readable.from(['\n', `  ${newToken()}  \n`]) });
    assert.match((await appToken(world, 'wiki', { way: 'paste' })).text, /^cordon_at_/);
    assert.equal(opened.length, 0);
    for (const [input, code] of [
      [['what?\n'], 'token-refused'],
      [[], 'token-wait-ended'],
    ] as const) {
      const again = worldOf(allows, { stdin: Readable.from(input) });
      assert.equal(await codeOf(appToken(again, 'wiki', { way: 'paste', isFresh: true })), code);
    }
  });

  it('says who has allowed it, as text', async () => {
    let stderr = '';
    answerToken = () => ({
      status: 200,
      body: { access_token: 'x', token_type: 'DPoP', expires_in: 600, account: 'ada@example.org\u001b[2J\nroot' },
    });
    const world = worldOf(allows, { stderr: new PassThrough().on('data', (chunk) => (stderr += String(chunk))) });
    await appToken(world, 'wiki');
    assert.match(stderr, /\nallowed by ada@example\.org\u{fffd}\[2J root\n$/u);
  });

  it('is refused where the person refuses, and nothing is asked of the app', async () => {
    const refuses: Person = async (_url, redirect) => await bring(withQuery(redirect, { error: 'access_denied' }));
    assert.equal(await codeOf(obtain({}, refuses)), 'token-refused');
    assert.equal(asked.length, 0);
  });

  it('takes a code from nobody but the page it opened', async () => {
    const statuses: number[] = [];
    const others: Person = async (url, redirect) => {
      const elsewhere = new URL('/', redirect);
      const code = newToken();
      statuses.push(await bring(withQuery(elsewhere.href, { code }))); // a page that guesses the port
      statuses.push(await bring(withQuery(redirect, { code }), 'evil.example')); // another name that leads here
      statuses.push(await bring(withQuery(redirect, { code: 'short' })));
      statuses.push(await bring(new URL(`${redirect}?code=${code}&code=${code}`)));
      await allows(url, redirect);
    };
    assert.equal(await codeOf(obtain({}, others)), 'ok');
    assert.deepEqual(statuses, [404, 404, 400, 400]);
  });

  it('takes nothing from another user of the computer, who can read the address that was opened', {
    skip:
      process.getuid?.() !== 0 || process.platform !== 'linux' ? 'needs root and Linux, to be somebody else' : false,
  }, async () => {
    let [stderr, heard] = ['', ''];
    const codes = [newToken(), newToken()];
    const mallory: Person = async (_url, redirect) => {
      const { port: at, pathname } = new URL(redirect);
      // A code that she allowed herself, to the challenge of the address: the exchange could not tell it from the right one.
      for (const query of [...codes.map((code) => `code=${code}`), 'error=access_denied']) {
        const send = `exec 3<>/dev/tcp/127.0.0.1/${at}; printf 'GET ${pathname}?${query} HTTP/1.1\\r\\nHost: 127.0.0.1:${at}\\r\\n\\r\\n' >&3`;
        const child = spawn('bash', ['-c', `${send}; cat <&3`], {
          uid: 65_534,
          gid: 65_534,
          stdio: ['ignore', 'pipe', 'ignore'],
        });
        heard += await text(child.stdout);
        const gone = spawn('bash', ['-c', send], { uid: 65_534, gid: 65_534, stdio: 'ignore' });
        await once(gone, 'close');
      }
      await allows(_url, redirect);
    };
    const world = worldOf(mallory, { stderr: new PassThrough().on('data', (chunk) => (stderr += String(chunk))) });
    const token = await appToken(world, 'wiki');
    assert.match(token.text, /^cordon_at_/);
    assert.equal(heard.match(/^HTTP\/1\.1 404 /gm)?.length, 3);
    assert.match(stderr, /another user of this computer tried to answer in your place; that was ignored/);
    assert.equal(asked.length, 1);
    assert.ok(!codes.includes(asked[0]?.form.get('code') ?? ''), 'none of hers was exchanged');
  });

  it('ends the wait when the command is interrupted', async () => {
    const interrupt = new AbortController();
    const never: Person = async () => {
      interrupt.abort();
      await Promise.resolve();
    };
    assert.equal(await codeOf(appToken(worldOf(never, { signal: interrupt.signal }), 'wiki')), 'token-wait-ended');
  });

  it('is not what an installation gives in another form, or refuses', async () => {
    for (const [status, body, code] of [
      [200, { access_token: 'x', token_type: 'Bearer', expires_in: 1 }, 'installation-answer-invalid'],
      [200, { token_type: 'DPoP', expires_in: 1 }, 'installation-answer-invalid'],
      [400, { error: 'invalid_grant', error_description: 'used' }, 'token-refused'],
    ] as const) {
      answerToken = () => ({ status, body });
      assert.equal(await codeOf(obtain()), code);
    }
    rmSync(directory, { recursive: true });
    assert.equal(await codeOf(obtain()), 'login-missing');
  });
});
