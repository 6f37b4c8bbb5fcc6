import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { raw } from '../gateway/wire.ts';
import { ADA } from '../gateway/world.ts';
import { PROGRAMS, programPath } from './programs.ts';
import { type Scene, setScene } from './scene.ts';

/** Another app that a proxy asks about, which Ada may open. */
const OPEN = { id: 'app_open', name: 'Open', host: 'open.localhost' };

for (const program of PROGRAMS) {
  const path = programPath(program);
  const missing = program.isPackaged ? 'npm run setup:system' : `no Debian package; ${program.variable} can name it`;
  const skip = path === undefined ? `needs \`${program.program}\` (${missing})` : false;
  describe(`what ${program.name} forwards`, { skip }, () => {
    let scene: Scene;
    before(async () => {
      scene = await setScene(program, path ?? '', [OPEN]);
    });
    after(async () => {
      await scene.close();
    });
    const get = async (...lines: string[]): Promise<string> =>
      await scene.raw(['GET /page HTTP/1.1', `host: wiki.localhost:${scene.proxy.port}`, ...lines]);

    it('goes to no other app than the one that was decided about', async () => {
      const { port } = scene.proxy;
      const cookie = `cookie: ${scene.world.signIn({ host: OPEN.host })}`;
      for (const [target, host] of [
        // nginx chooses by the host of the target, and sends on the other one.
        [`http://wiki.localhost:${port}/page`, `open.localhost:${port}`],
        [`http://wiki.localhost:${port}/page`, 'open.localhost'],
        [`http://wiki.localhost/page`, 'OPEN.localhost'],
        [`http://open.localhost:${port}/page`, `wiki.localhost:${port}`],
        [`http://open.localhost:${port}@wiki.localhost:${port}/page`, `open.localhost:${port}`],
        ['/page', `open.localhost:${port}`],
      ]) {
        await raw(port, `GET ${target} HTTP/1.1\r\nhost: ${host}\r\n${cookie}\r\nconnection: close\r\n\r\n`);
        assert.deepEqual(scene.arrivals(), [], `${target} with \`host: ${host}\``);
      }
    });

    it('comes from nobody who hides it behind the pages that Cordon answers itself', async () => {
      const { port } = scene.proxy;
      const ways = [
        '/.cordon/../page',
        '/.cordon/%2e%2e/page',
        '/.cordon//../page',
        '/.cordon/..%2fpage',
        '/.cordon%2f..%2fpage',
      ];
      const more = [
        '/.CORDON/../page',
        '/%2ecordon/../page',
        '//.cordon/../page',
        '/.cordon/..;/page',
        '/.cordon\\..\\page',
      ];
      const absolute = `http://wiki.localhost:${port}/.cordon/../page`;
      for (const target of [
        ...ways,
        ...more,
        '/.cordon',
        '/.cordon/page?/../../page',
        '/page/../.cordon/x',
        absolute,
      ]) {
        await raw(port, `GET ${target} HTTP/1.1\r\nhost: wiki.localhost:${port}\r\nconnection: close\r\n\r\n`);
        assert.deepEqual(scene.arrivals(), [], target);
      }
    });

    it('was decided about by itself, also when it follows another on one connection', async () => {
      const host = `host: wiki.localhost:${scene.proxy.port}`;
      const known = `GET /one HTTP/1.1\r\n${host}\r\ncookie: ${scene.world.signIn()}\r\n\r\n`;
      const pages = `GET /.cordon/jwks.json HTTP/1.1\r\n${host}\r\n\r\n`;
      const unknown = `GET /two HTTP/1.1\r\n${host}\r\nconnection: close\r\n\r\n`;
      await raw(scene.proxy.port, known + pages + unknown);
      assert.deepEqual(
        scene.arrivals().map(({ target }) => target),
        ['/one'],
      );
    });

    it('has the target that was decided about, also when it was sent with its host', async () => {
      const { port } = scene.proxy;
      await scene.raw([`GET http://wiki.localhost:${port}/page HTTP/1.1`, `host: wiki.localhost:${port}`]);
      for (const { target } of scene.arrivals()) assert.equal(target, '/page');
    });

    it('has no other path, method or origin of the client’s own, which some applications take for the request', async () => {
      const names = ['X-Original-URL', 'X-Original-URI', 'X-Original-Method', 'X-Original-Host', 'X-Rewrite-URL'];
      const forwarded = ['Uri', 'Method', 'Host', 'Proto', 'Port', 'Server', 'Prefix'].map(
        (part) => `X-Forwarded-${part}`,
      );
      for (const name of [...names, ...forwarded]) {
        await get(`${name}: false`);
        for (const { rawHeaders } of scene.arrivals()) assert.ok(!rawHeaders.includes('false'), name);
      }
    });

    it('has no address of the client’s own', async () => {
      const names = ['Forwarded', 'X-Forwarded-For', 'X-Real-IP', 'X-Client-IP', 'True-Client-IP', 'CF-Connecting-IP'];
      for (const name of names) {
        await get(`${name}: 203.0.113.9`);
        for (const { rawHeaders } of scene.arrivals()) {
          // Envoy and Traefik put the address that they see behind the client’s, where no more than one hop is believed.
          const believed = rawHeaders.filter((_, i) => i % 2 === 1).map((value) => value.split(',').at(-1)?.trim());
          assert.ok(!believed.includes('203.0.113.9'), name);
        }
      }
    });

    it('has all that Cordon says, whatever the client wants to have taken away', async () => {
      for (const name of ['Remote-User', 'Remote-Groups', 'X-Cordon-Assertion', 'X-Forwarded-For', 'Sec-Fetch-Site']) {
        await get(`connection: close, ${name}`);
        for (const { headers } of scene.arrivals()) {
          assert.deepEqual([headers['remote-user'], headers['remote-groups']], [ADA.email, 'engineering'], name);
          assert.match(headers['x-cordon-assertion']?.toString() ?? '', /^eyJ/);
          assert.match(headers['x-forwarded-for']?.toString() ?? '', /^127\.0\.0\.1$/);
        }
      }
    });

    it('has no cookie when the client sent only Cordon’s own', async () => {
      const answer = await scene.ask({ cookie: scene.world.signIn() });
      assert.deepEqual([answer.status, scene.arrivals().map(({ headers }) => headers.cookie ?? '')], [200, ['']]);
    });

    it('changes to no protocol but a WebSocket’s, which is asked about as one', async () => {
      const settings = 'http2-settings: AAMAAABkAARAAAAAAAIAAAAA';
      for (const upgrade of ['h2c', 'foo', 'TLS/1.0', 'websocket, h2c', 'websocket']) {
        const lines = ['connection: upgrade, http2-settings', `upgrade: ${upgrade}`, settings];
        const answer = await get(...lines, 'origin: http://evil.example');
        assert.doesNotMatch(answer, /^HTTP\/1\.1 101/, upgrade);
        for (const { headers } of scene.arrivals()) assert.equal(headers.upgrade, undefined, upgrade);
      }
    });
  });
}
