import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { join, posix } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask, openWebSocket, until } from '../gateway/wire.ts';
import { ADA, BOB } from '../gateway/world.ts';
import { PROGRAMS, programPath } from './programs.ts';
import { type Scene, setScene } from './scene.ts';

/** What an upstream is told by Cordon alone, in the preset of the examples. */
const TOLD = ['remote-user', 'remote-name', 'remote-email', 'remote-groups', 'x-cordon-assertion'];

describe('the examples of forward-auth', () => {
  it('have a proxy in each folder, and a test of each', () => {
    const folder = join(import.meta.dirname, '../../examples/forward-auth');
    const { proxies } = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as { proxies: string[] };
    const isFolder = (name: string): boolean => statSync(join(folder, name)).isDirectory();
    const folders = readdirSync(folder).filter((name) => isFolder(name) && !['policies', 'data'].includes(name));
    assert.deepEqual(folders.toSorted(), proxies);
    assert.deepEqual([...new Set(PROGRAMS.map((program) => program.folder))].toSorted(), proxies);
  });
});

const BROWSER = { accept: 'text/html', 'sec-fetch-mode': 'navigate' };

for (const program of PROGRAMS) {
  const path = programPath(program);
  const missing = program.isPackaged ? 'npm run setup:system' : `no Debian package; ${program.variable} can name it`;
  const skip = path === undefined ? `needs \`${program.program}\` (${missing})` : false;
  describe(`the wiki behind ${program.name}`, { skip }, () => {
    let scene: Scene;
    before(async () => {
      scene = await setScene(program, path ?? '');
    });
    after(async () => {
      await scene.close();
    });

    it('gets what the person may send, and is told who is there', async () => {
      const cookie = `theme=dark; ${scene.world.signIn()}; lang=de`;
      const answer = await scene.ask({ cookie, path: '/page?x=1', headers: { authorization: 'Basic YTpi' } });
      assert.deepEqual([answer.status, answer.body], [200, 'hello from the app: /page?x=1']);
      const [arrival] = scene.arrivals();
      assert.equal(arrival?.headers['remote-user'], ADA.email);
      assert.equal(arrival.headers['remote-name'], ADA.name);
      assert.equal(arrival.headers['remote-groups'], 'engineering');
      assert.equal(arrival.headers.cookie, 'theme=dark; lang=de', 'Cordon’s own cookie stays at the proxy');
      assert.equal(arrival.headers.authorization, 'Basic YTpi');
      const claims = claimsOf(arrival.headers['x-cordon-assertion']);
      assert.deepEqual([claims['sub'], claims['htm'], claims['aud']], [ADA.id, 'GET', 'app_wiki']);
      assert.match(String(claims['htu']), /^http:\/\/wiki\.localhost:\d+\/page$/);
    });

    it('gets a body of any size, which Cordon never sees', async () => {
      const body = 'x'.repeat(300_000);
      const answer = await scene.ask({ cookie: scene.world.signIn(), method: 'POST', path: '/save', body });
      assert.equal(answer.status, 200);
      assert.deepEqual(
        scene.arrivals().map(({ method, body: { length } }) => [method, length]),
        [['POST', 300_000]],
      );
    });

    it('is not reached by somebody who may not, and the answer is no permit', async () => {
      scene.refusals();
      const answer = await scene.ask({ cookie: scene.world.signIn({ user: BOB.id }) });
      assert.equal(answer.status, 403);
      assert.deepEqual([scene.arrivals(), scene.refusals()], [[], ['no-permit']]);
    });

    it('is not reached by a program that is not signed in, which is told how', async () => {
      const answer = await scene.ask({ headers: { accept: 'application/json' } });
      assert.equal(answer.status, 401);
      assert.match(answer.headers['www-authenticate'] ?? '', /^Bearer realm="wiki\.localhost"/);
      assert.deepEqual(scene.arrivals(), []);
    });

    it('is opened by a browser that signs in, at the very page it wanted', async () => {
      const wanted = '/page?a=1&b=%2F';
      const sent = await scene.ask({ path: wanted, headers: BROWSER });
      assert.ok([302, 303].includes(sent.status), String(sent.status));
      const signIn = new URL(sent.headers.location ?? '', 'http://wiki.localhost');
      assert.equal(signIn.pathname, '/.cordon/sign-in');
      const begun = await scene.ask({ path: signIn.pathname + signIn.search, headers: BROWSER });
      assert.equal(begun.status, 303);
      const handoff = new URL(begun.headers.location ?? '');
      assert.deepEqual([handoff.host, handoff.pathname], ['id.localhost:8080', '/handoff']);
      assert.equal(handoff.searchParams.get('return'), wanted);
      const flow = (begun.headers['set-cookie']?.[0] ?? '').split(';')[0] ?? '';
      const code = 'c'.repeat(43);
      const callback = `/.cordon/callback?${new URLSearchParams({ code, return: wanted }).toString()}`;
      const finished = await scene.ask({ path: callback, cookie: flow, headers: BROWSER });
      assert.equal(finished.headers.location, wanted);
      const cookie = (finished.headers['set-cookie']?.[0] ?? '').split(';')[0] ?? '';
      const opened = await scene.ask({ path: wanted, cookie, headers: BROWSER });
      assert.deepEqual([opened.status, scene.arrivals().map(({ target }) => target)], [200, [wanted]]);
    });

    it('is closed again the moment the person is disabled', async () => {
      const cookie = scene.world.signIn();
      assert.equal((await scene.ask({ cookie })).status, 200);
      scene.world.patch('user', ADA.id, { status: 'disabled' });
      const answer = await scene.ask({ cookie });
      scene.world.patch('user', ADA.id, { status: 'active' });
      assert.ok([401, 403].includes(answer.status), String(answer.status));
      assert.equal(scene.arrivals().length, 1);
    });

    // Cases 1 to 5 and 10 of the gateway's attacks.
    const headers: Record<string, readonly string[]> = {
      'a user of the client’s own': ['Remote-User: admin'],
      'a group of the client’s own': ['Remote-Groups: admins'],
      'the user of another product': [
        'X-Forwarded-User: admin',
        'X-Auth-Request-User: admin',
        'X-Authentik-Username: a',
      ],
      'an assertion of the client’s own': ['X-Cordon-Assertion: eyJ.e30.x'],
      'aliases with underscores': ['Remote_User: admin', 'X_Forwarded_User: admin', 'x_FORWARDED-user: admin'],
      'aliases with dots': ['Remote.User: admin', 'X.Cordon.Assertion: a'],
      'aliases with other signs': ['X~Cordon~Assertion: a', 'Remote!User: admin'],
      'two users': ['Remote-User: admin', 'remote-user: root'],
      'a connection that nominates what Cordon says': ['Connection: close, Remote-User, X-Cordon-Assertion, Cookie'],
      'a path of Envoy’s': ['X-Envoy-Original-Path: /open'],
      'another method': ['X-HTTP-Method-Override: DELETE'],
      'a verdict in the way of the contract': ['X-Original-URL: http://wiki.localhost/open', 'X-Forwarded-Uri: /open'],
    };
    for (const [what, lines] of Object.entries(headers)) {
      it(`never believes ${what}`, async () => {
        await scene.raw([`GET /page HTTP/1.1`, `host: wiki.localhost:${scene.proxy.port}`, ...lines]);
        for (const { headers: got, rawHeaders } of scene.arrivals()) {
          for (const name of TOLD) {
            const values = rawHeaders.filter((_, i) => i % 2 === 1 && normal(rawHeaders[i - 1] ?? '') === name);
            assert.equal(values.length, 1, `${name}: ${JSON.stringify(values)}`);
          }
          assert.equal(got['remote-user'], ADA.email);
          assert.equal(got['remote-groups'], 'engineering');
          assert.equal(claimsOf(got['x-cordon-assertion'])['sub'], ADA.id);
          assert.equal(got.cookie, 'a=1; b=2');
          const others = ['x-forwarded-user', 'x-auth-request-user', 'x-authentik-username', 'x-envoy-original-path'];
          for (const name of others) assert.equal(got[name], undefined, name);
        }
      });
    }

    it('is told the client’s address by the proxy, whatever the client says', async () => {
      const before = scene.world.events.length;
      await scene.raw([
        'GET /page HTTP/1.1',
        `host: wiki.localhost:${scene.proxy.port}`,
        'x-forwarded-for: 203.0.113.9',
      ]);
      const addresses = scene.world.events.slice(before).map((event) => event['src_endpoint']);
      assert.ok(addresses.length > 0);
      assert.doesNotMatch(JSON.stringify(addresses), /203\.0\.113\.9/);
      scene.arrivals();
    });

    it('is not reached under two hosts, or another one', async () => {
      const mine = `host: wiki.localhost:${scene.proxy.port}`;
      await scene.raw(['GET /two HTTP/1.1', mine, 'host: verify.localhost']);
      await scene.raw(['GET /two HTTP/1.1', 'host: verify.localhost', mine]);
      await scene.raw(['GET /other HTTP/1.1', 'host: verify.localhost']);
      await scene.raw(['GET http://verify.localhost/absolute HTTP/1.1', mine]);
      assert.deepEqual(scene.arrivals(), []);
    });

    it('is reached under its host in any case, by the same decision', async () => {
      const answer = await scene.raw(['GET /page HTTP/1.1', `host: WIKI.Localhost:${scene.proxy.port}`]);
      assert.match(answer, /^HTTP\/1\.1 200/);
      assert.equal(scene.arrivals().length, 1);
    });

    const paths = [
      ...['/public/../admin', '/public/%2e%2e/admin', '/%2e%2e/admin', '/./admin', '//admin', '/%61dmin', '/a%2fb'],
      ...[
        '/a%5cb',
        '/%252e%252e/admin',
        '/x%00',
        '/%c0%ae%c0%ae/admin',
        '/admin;x=1',
        '/..;/admin',
        '/a\\b',
        '/x#/admin',
      ],
      ...['/admin%20', '/ADMIN/../admin', '/admin', '/admin/', '/admin?x=/public', '/%2561dmin'],
    ];
    it('is never reached below `/admin`, however it is written', async () => {
      for (const path of paths) {
        await scene.raw([`GET ${path} HTTP/1.1`, `host: wiki.localhost:${scene.proxy.port}`]);
        for (const { target } of scene.arrivals()) {
          const seen = posix.normalize(decodeURIComponent(target.split('?')[0] ?? '').replaceAll('\\', '/'));
          assert.doesNotMatch(seen, /^\/*admin(?:\/|$)/i, `\`${path}\` arrived as \`${target}\``);
        }
      }
    });

    it('gets the path that was decided on, to the letter', async () => {
      for (const path of ['/ä%C3%A4', '/a%20b', '/%C3%A4?q=%2e%2e/', '/a+b', '/caf%c3%a9', '/%7Euser']) {
        const before = scene.world.events.length;
        await scene.raw([`GET ${path} HTTP/1.1`, `host: wiki.localhost:${scene.proxy.port}`]);
        await sleep(20);
        const decided = scene.world.events.slice(before).map((event) => event['http_request']) as [
          { url?: { path?: string } },
        ];
        for (const { target } of scene.arrivals()) assert.equal(target.split('?')[0], decided[0].url?.path);
      }
    });

    const cookies: Record<string, string> = {
      'a cookie that nobody gave': `__Host-cordon_app=${'A'.repeat(43)}`,
      'a cookie that is no token': '__Host-cordon_app=%00%ff',
      'an empty cookie': '__Host-cordon_app=',
      'a cookie header of signs': ';;=;==;,,\t',
    };
    for (const [what, cookie] of Object.entries(cookies)) {
      it(`is not reached with ${what}`, async () => {
        const answer = await scene.ask({ cookie });
        assert.ok(answer.status >= 400, String(answer.status));
        assert.deepEqual(scene.arrivals(), []);
      });
    }

    it('is not reached with two cookies of our name, one of them valid', async () => {
      const answer = await scene.ask({ cookie: `${scene.world.signIn()}; __Host-cordon_app=${'A'.repeat(43)}` });
      assert.ok(answer.status >= 400, String(answer.status));
      assert.deepEqual(scene.arrivals(), []);
    });

    it('opens a WebSocket for a page of its own, and for no other', async () => {
      const cookie = scene.world.signIn();
      const origin = `http://wiki.localhost:${scene.proxy.port}`;
      const client = await openWebSocket(scene.proxy.port, { cookie, headers: { origin } });
      assert.equal(client.status, 101, client.head);
      client.send('hello');
      await until(() => client.texts.length > 0, 'an echo');
      client.socket.destroy();
      assert.match(await scene.raw(handshake(scene, 'https://evil.example')), /^HTTP\/1\.1 403/);
      assert.equal(scene.arrivals().length, 1);
    });

    it('opens no WebSocket at T0, which nobody could cut', async () => {
      scene.world.patch('app', 'app_wiki', { tier: 0 });
      scene.refusals();
      const refused = await scene.raw(handshake(scene, `http://wiki.localhost:${scene.proxy.port}`));
      const plain = await scene.ask({ cookie: scene.world.signIn() });
      scene.world.patch('app', 'app_wiki', { tier: 2 });
      assert.match(refused, /^HTTP\/1\.1 403/);
      assert.deepEqual([plain.status, scene.refusals()], [200, ['stream-uncuttable']]);
      assert.equal(scene.arrivals().length, 1);
    });

    it('is not reached past the proxy, over the gateway', async () => {
      const answer = await ask(scene.world.port, { cookie: scene.world.signIn() });
      assert.equal(answer.status, 421);
      assert.match(answer.body, /"code":"enforced-elsewhere"/);
      assert.deepEqual(scene.arrivals(), []);
    });

    it('is not reached while Cordon cannot decide', async () => {
      const { policies } = scene.world;
      scene.world.policies = undefined;
      const answer = await scene.ask({ cookie: scene.world.signIn() });
      scene.world.policies = policies;
      assert.ok(answer.status >= 403, String(answer.status));
      assert.deepEqual(scene.arrivals(), []);
    });
  });
}

function handshake({ proxy }: Scene, origin: string): string[] {
  return [
    'GET /live HTTP/1.1',
    `host: wiki.localhost:${proxy.port}`,
    ...['upgrade: websocket', 'connection: upgrade', `origin: ${origin}`],
    ...['sec-websocket-version: 13', 'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA=='],
  ];
}

function normal(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-');
}

function claimsOf(assertion: string | string[] | undefined): Record<string, unknown> {
  const part = String(assertion).split('.')[1] ?? '';
  return JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Record<string, unknown>;
}
