/**
 * A person at a computer of their own, for tests: the real commands in processes of their own, with a token that they allowed before.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'node:test';
import { hashToken, newToken } from '#base';
import { PROGRAM_TOKEN_PREFIX } from '#model';
import type { World } from '../gateway/world.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

const folders: string[] = [];
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) endAll(child);
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Ends a program with all that it has started: what outlives it would hold its pipes, and with them the process of the tests. */
function endAll(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // All of them have ended already.
  }
  for (const pipe of child.stdio) pipe?.destroy();
}

/** A folder that ends with the test. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-tunnel-'));
  folders.push(folder);
  return folder;
}

/** A process, and all it has said. */
export interface Running {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  /** Exit code, once it has ended. */
  readonly ended: Promise<number>;
}

/** Starts a program that ends with the test at the latest. */
export function start(
  program: string,
  words: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Running {
  const child = spawn(program, words, { ...options, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  children.push(child);
  const [out, err]: [string[], string[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk.toString()));
  child.stdin.on('error', () => undefined);
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? -1));
  });
  return { child, out: () => out.join(''), err: () => err.join(''), ended };
}

/** The person's computer. */
export interface Person {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  /** Runs `cordon` with these words. */
  cordon(...words: readonly string[]): Running;
}

/** Ada at her computer: signed in, with a token for each of these apps. */
export function ada(
  made: World,
  hosts: readonly string[],
  options: {
    origin?: string;
    ca?: string;
    device?: string;
    certificate?: string;
    key?: string;
    form?: 'bearer' | 'dpop';
  } = {},
): Person {
  const { origin = `http://id.localhost:${made.port}`, ca, form = 'dpop' } = options;
  const { device, certificate, key: deviceKey } = options;
  const home = testFolder();
  const directory = join(home, 'cordon');
  mkdirSync(join(directory, 'tokens'), { recursive: true, mode: 0o700 });
  const write = (name: string, content: object): void =>
    writeFileSync(join(directory, name), JSON.stringify(content), { mode: 0o600 });
  const kept = { url: origin, ca, device, certificate, key: deviceKey };
  write('login.json', kept); // what is undefined is not there
  made.signIn();
  const [session] = [...made.graph.all('session')].slice(-1);
  for (const host of hosts) {
    const text = `${PROGRAM_TOKEN_PREFIX}${newToken()}`;
    const {
      kty = '',
      crv = '',
      x = '',
      y = '',
      d = '',
    } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
      format: 'jwk',
    });
    const keyThumbprint = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
    const expiresAt = Date.now() + 3_600_000;
    made.put('appSession', {
      id: `app_${hashToken(text).slice(0, 12)}`,
      tokenHash: hashToken(text),
      sessionId: session?.id ?? '',
      host,
      createdAt: Date.now(),
      form,
      expiresAt,
      ...(form === 'dpop' ? { keyThumbprint } : {}),
    });
    const key = form === 'dpop' ? { key: { kty, crv, x, y, d } } : {};
    write(`tokens/${form}-${host}.json`, { login: origin, form, text, expiresAt, ...key });
  }
  const env = { PATH: process.env['PATH'], HOME: home, XDG_CONFIG_HOME: home, TERM: 'dumb' };
  return { home, env, cordon: (...words) => start(process.execPath, [MAIN, ...words], { env }) };
}
