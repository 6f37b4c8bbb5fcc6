// TLS with two workers: certificates change on both without a connection being lost, and devices are known by theirs, also on Cordon's own hosts.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect } from 'node:tls';
import { PassThrough } from 'node:stream';
import { systemClock } from '#base';
import { type Cordon, fileSource, startCordon } from '#server';
import { enrolAgent, runAgent } from '../../src/agent/index.ts';
import { eventually } from '../story/eventually.ts';
import { OPEN, type Place, place, signAdaIn } from './estate.ts';

const TEXT = 'listen: { http: "off", tls: "127.0.0.1:0" }\ngateway: { workers: 2 }\n';
const HOST = 'verify.localhost';
const MANY = 12;

/** Fingerprints of what many connections are shown. */
async function shown(port: number | undefined): Promise<Set<string>> {
  const fingerprints = Array.from({ length: MANY }, async () => {
    const socket = connect({
      host: '127.0.0.1',
      port: port ?? 0,
      servername: HOST,
      rejectUnauthorized: false,
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve);
      socket.once('error', reject);
    });
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  });
  return new Set(await Promise.all(fingerprints));
}

/** One connection, with the session of an earlier one: whether it was resumed, and the newest session. */
async function resumed(
  port: number | undefined,
  session?: Buffer,
): Promise<{ readonly isResumed: boolean; readonly session: Buffer | undefined }> {
  const options = { host: '127.0.0.1', port: port ?? 0, servername: HOST, rejectUnauthorized: false };
  const socket = connect({ ...options, ...(session === undefined ? {} : { session }) });
  let newest: Buffer | undefined;
  let isResumed = false;
  socket.on('session', (given: Buffer) => (newest = given));
  socket.on('secureConnect', () => (isResumed = socket.isSessionReused()));
  socket.write('GET / HTTP/1.1\r\nHost: verify.localhost\r\nConnection: close\r\n\r\n');
  socket.resume();
  await new Promise((resolve, reject) => socket.once('close', resolve).once('error', reject));
  return { isResumed, session: newest };
}

/** What the built-in app says has arrived. */
async function arrivedOverTls(
  port: number | undefined,
  options: { readonly headers: Record<string, string>; readonly cert: string; readonly key: string },
): Promise<{ readonly device?: { readonly id: string } }> {
  return await new Promise((resolve, reject) => {
    request(
      { host: '127.0.0.1', port, servername: HOST, rejectUnauthorized: false, agent: false, ...options },
      (response) => {
        let text = '';
        response.on('data', (chunk) => (text += String(chunk)));
        response.on('error', reject);
        // The page of the built-in app, whose form its own tests check.
        response.on('end', () => resolve(JSON.parse(text) as { device?: { id: string } }));
      },
    )
      .on('error', reject)
      .end();
  });
}

describe('two workers behind TLS', {
  timeout: 120_000,
  skip: process.platform !== 'linux' && 'needs SO_REUSEPORT',
}, () => {
  let here: Place;
  let cordon: Cordon;

  before(async () => {
    here = place();
    mkdirSync(join(here.folder, 'policies'));
    writeFileSync(join(here.folder, 'policies/a.cedar'), OPEN);
    writeFileSync(join(here.folder, 'cordon.yaml'), TEXT);
    const note = (fields: object, message: string): void => {
      here.logged.push(`${message} ${JSON.stringify(fields)}`);
    };
    cordon = await startCordon({
      version: '0',
      clock: systemClock,
      source: fileSource(join(here.folder, 'cordon.yaml')),
      consoleDirectory: join(import.meta.dirname, '../../console/dist'),
      uid: 0,
      log: { info: note, warn: note, error: note },
    });
  });
  after(async () => {
    await cordon.stop();
    here.remove();
  });

  it('show another certificate after a reload, and what is open stays open', async () => {
    const { tls: port } = cordon.ports;
    const first = await shown(port);
    assert.equal(first.size, 1);
    const open = connect({
      host: '127.0.0.1',
      port: port ?? 0,
      servername: HOST,
      rejectUnauthorized: false,
    });
    let text = '';
    open.on('data', (chunk) => (text += String(chunk)));
    await new Promise((resolve) => open.once('secureConnect', resolve));
    const { certificate, key } = await cordon.services.authority.issueServer([HOST]);
    writeFileSync(join(here.folder, 'shown.pem'), certificate);
    writeFileSync(join(here.folder, 'shown.key'), key);
    writeFileSync(join(here.folder, 'cordon.yaml'), `${TEXT}tls: { certificate: shown.pem, key: shown.key }\n`);
    const reloaded = await cordon.reload();
    assert.ok(reloaded.ok, JSON.stringify(reloaded));
    const second = await shown(port);
    assert.equal(second.size, 1, 'both show the same');
    assert.notDeepEqual(second, first);
    open.write('GET / HTTP/1.1\r\nHost: verify.localhost\r\nConnection: close\r\n\r\n');
    await new Promise((resolve) => open.once('close', resolve));
    assert.match(text, /^HTTP\/1\.1 401 /);
  });

  it('resume the session of a client at either of them, until they are given other keys', async () => {
    const { tls: port } = cordon.ports;
    const { session } = await resumed(port);
    assert.ok(session);
    const resume = async (): Promise<Set<boolean>> => {
      const many = Array.from({ length: MANY }, async () => await resumed(port, session));
      return new Set((await Promise.all(many)).map(({ isResumed }) => isResumed));
    };
    assert.deepEqual(await resume(), new Set([true]));
    await cordon.front.renewTicketKeys();
    assert.deepEqual(await resume(), new Set([false]), 'what the old keys sealed is nothing any more');
    const next = await resumed(port);
    assert.equal((await resumed(port, next.session)).isResumed, true);
  });

  it('ask for a start when their number changes', async () => {
    writeFileSync(join(here.folder, 'cordon.yaml'), TEXT.replace('workers: 2', 'workers: 3'));
    const reloaded = await cordon.reload();
    assert.equal(reloaded.ok ? 'applied' : reloaded.error[0]?.code, 'restart-needed');
    writeFileSync(join(here.folder, 'cordon.yaml'), TEXT);
    assert.ok((await cordon.reload()).ok);
  });

  it('know a device by its certificate, on the agents’ host and on an app', async () => {
    const { services, ports } = cordon;
    const ada = await signAdaIn(cordon);
    const issued = await services.devices.issueToken({ labels: {}, ownerId: ada.userId, by: 'system' });
    assert.ok(issued.ok);
    const stateDirectory = join(here.folder, 'agent');
    const ending = new AbortController();
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    let said = '';
    for (const stream of [stdout, stderr]) stream.on('data', (chunk) => (said += String(chunk)));
    const options = { stateDirectory, json: true, clock: systemClock, stdout, stderr, signal: ending.signal };
    const code = await enrolAgent({ ...options, token: issued.value.token, server: `127.0.0.1:${ports.tls}` });
    assert.equal(code, 0, said);
    const { deviceId } = JSON.parse(said) as { deviceId: string };
    const running = runAgent({ ...options, enforce: false });
    await eventually(
      async () =>
        await Promise.resolve(services.graph.get('device', deviceId)?.posture === undefined ? undefined : true),
      15,
    );
    ending.abort();
    await running;
    const read = (name: string): string => readFileSync(join(stateDirectory, name), 'utf8');
    const arrived = await arrivedOverTls(ports.tls, {
      headers: { host: HOST, cookie: ada.cookie(HOST), accept: 'application/json' },
      cert: read('certificate.pem'),
      key: read('key.pem'),
    });
    assert.equal(arrived.device?.id, deviceId);
  });
});
