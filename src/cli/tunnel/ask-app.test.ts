import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { CordonError } from '#base';
import type { AppToken } from '../access/app-token.ts';
import { ServerFailure } from '../failure.ts';
import { askApp, remedyOf, type TokenSource } from './ask-app.ts';
import { parseIssued } from './ssh-certificate.ts';
import { tell } from './tunnel.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A gateway of the test, and how often a fresh token was asked for. */
async function gateway(
  answer: RequestListener,
  connection: AppToken['connection'] = {},
): Promise<{ source: TokenSource; asked: boolean[] }> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const asked: boolean[] = [];
  const source: TokenSource = async (isFresh) => {
    asked.push(isFresh);
    const text = isFresh ? 'fresh' : 'kept';
    const token: AppToken = {
      host: '127.0.0.1',
      origin,
      form: 'bearer',
      text,
      expiresAt: 0,
      connection,
      proofFor: (method, url) => ({
        authorization: `Bearer ${text}`,
        'x-proof': `${method} ${url.replace(origin, '')}`,
      }),
    };
    return await Promise.resolve(token);
  };
  return { source, asked };
}

const question = { method: 'POST', path: '/.cordon/x', body: 'key', signal: new AbortController().signal } as const;

function refusing(status: number, body: object | string): RequestListener {
  return (_request, response) => {
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

async function failure(source: TokenSource, asking: Parameters<typeof askApp>[1] = question): Promise<CordonError> {
  try {
    await askApp(source, asking);
  } catch (error) {
    assert.ok(error instanceof CordonError);
    return error;
  }
  return assert.fail('it was answered');
}

describe('what is asked of an app’s host', () => {
  it('carries the token, its proof and the origin, and brings the answer', async () => {
    const { source, asked } = await gateway((request, response) => {
      const { authorization, origin, host } = request.headers;
      response.end(`${authorization} ${String(request.headers['x-proof'])} ${origin === `http://${host}`}`);
    });
    assert.equal(await askApp(source, question), 'Bearer kept POST /.cordon/x true');
    assert.deepEqual(asked, [false]);
  });

  for (const code of ['token-invalid', 'session-revoked', 'session-expired', 'not-authenticated', 'proof-invalid']) {
    it(`is asked once more with a fresh token after ${code}`, async () => {
      const { source, asked } = await gateway((request, response) => {
        const isFresh = request.headers.authorization === 'Bearer fresh';
        response.writeHead(isFresh ? 200 : 401).end(isFresh ? 'in' : JSON.stringify({ code }));
      });
      assert.equal(await askApp(source, question), 'in');
      assert.deepEqual(asked, [false, true]);
    });
  }

  it('is not asked for ever', async () => {
    const { source, asked } = await gateway(refusing(401, { code: 'token-invalid', message: 'no' }));
    assert.equal((await failure(source)).code, 'token-invalid');
    assert.deepEqual(asked, [false, true]);
  });

  it('says a refusal as the gateway does, and asks no person again for it', async () => {
    const { source, asked } = await gateway(
      refusing(403, { code: 'no-permit', message: 'No', hint: 'Ask', correlationId: 'cor_1' }),
    );
    const error = await failure(source);
    assert.ok(error instanceof ServerFailure);
    assert.deepEqual([error.code, error.message, error.hint, error.correlationId], ['no-permit', 'No', 'Ask', 'cor_1']);
    assert.deepEqual(asked, [false]);
  });

  it('says how to show the device, to whom shows none, and that a copy may be old, to whom shows one', async () => {
    const answer = refusing(403, { code: 'device-unmanaged', message: 'No', hint: 'Enrol the device' });
    assert.match((await failure((await gateway(answer)).source)).hint ?? '', /shows no device certificate.*--device/);
    const shown = await gateway(answer, { cert: 'PEM' });
    assert.match((await failure(shown.source)).hint ?? '', /^Enrol the device \(where .* is a copy, take it again: /);
    const other = await gateway(refusing(403, { code: 'no-permit', message: 'No', hint: 'Ask' }), { cert: 'PEM' });
    assert.equal((await failure(other.source)).hint, 'Ask');
  });

  it('does not send to look for an app that was found, and is of another kind', async () => {
    const { source } = await gateway(refusing(404, { code: 'app-unknown', message: 'it speaks HTTP', hint: 'Look' }));
    const { message, hint } = await failure(source);
    assert.deepEqual([message, hint], ['it speaks HTTP', undefined]);
  });

  it('says where to confirm that it is you', async () => {
    const url = 'https://id.example.org/step-up';
    const { source } = await gateway(
      refusing(401, { code: 'mfa-too-weak', message: 'No', hint: 'x', stepUp: { url } }),
    );
    assert.equal((await failure(source)).hint, `confirm that it is you at ${url}, then try again`);
  });

  for (const [name, body] of Object.entries({
    HTML: '<html>',
    nothing: '',
    'a list': '[]',
    'a number': '{"code":7}',
  })) {
    it(`takes ${name} for the answer of something else`, async () => {
      const { source } = await gateway(refusing(500, body));
      const { code, message } = await failure(source);
      assert.deepEqual(
        [code, message],
        ['installation-answer-invalid', 'what answers there is not Cordon (status 500)'],
      );
    });
  }

  it('does not follow to another place with the token', async () => {
    const { source } = await gateway((_request, response) => {
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
    });
    assert.equal((await failure(source)).code, 'installation-answer-invalid');
  });

  it('is named when nobody answers, and when the person ends it', async () => {
    const { source } = await gateway((request) => request.socket.destroy());
    assert.equal((await failure(source)).code, 'installation-unreachable');
    const ended = await failure(source, { ...question, signal: AbortSignal.abort() });
    assert.equal(ended.code, 'command-interrupted');
  });
});

describe('a certificate from the gateway', () => {
  const good = {
    certificate: 'ssh-ed25519-cert-v01@openssh.com AAAA',
    principals: ['ops'],
    host: 'h.example',
    expiresAt: 1,
  };
  it('is read', () => assert.deepEqual(parseIssued(JSON.stringify(good)), good));
  for (const [name, part] of Object.entries({
    'a login that is an option of ssh': { principals: ['-oProxyCommand=x'] },
    'a host that is an option of ssh': { host: '-oProxyCommand=x' },
    'no login': { principals: [] },
    'two lines': { certificate: 'a AAAA\nb BBBB' },
    'no time': { expiresAt: undefined },
  })) {
    it(`is refused with ${name}`, () => {
      assert.throws(() => parseIssued(JSON.stringify({ ...good, ...part })), { code: 'installation-answer-invalid' });
    });
  }
  it('is refused when it is no JSON', () => assert.throws(() => parseIssued('<html>'), CordonError));
});

describe('the end of a tunnel', () => {
  for (const [code, event] of [
    [1000, 'closed'],
    [1011, 'closed'],
    [4403, 'cut'],
    [1001, 'cut'],
    [1006, 'broken'],
    [1002, 'broken'],
    [1005, 'broken'],
  ] as const) {
    it(`with ${code} is told as ${event}`, () => assert.equal(tell({ code, reason: 'x' }).event, event));
  }

  it('comes with what to do about its reason, when there is something', () => {
    assert.equal(remedyOf('not-authenticated: You are not signed in'), 'Sign in.');
    for (const none of ['', 'toString: x', 'whatever', 'permit: x']) assert.equal(remedyOf(none), undefined);
  });
});
