/**
 * Real proxies in front of a test's app: each runs the configuration of `examples/forward-auth`, with the ports of the test.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ask, freePort } from '../gateway/wire.ts';

/** The ports of a test, in place of those the examples are written with. */
export interface Ports {
  /** Cordon's ordinary listener. */
  readonly cordon: number;
  readonly asked: number;
  readonly askedByGrpc: number;
  readonly app: number;
}

/** A proxy that can be run. */
export interface Program {
  readonly name: string;
  /** Folder below `examples/forward-auth`, and what of it the program is told to read. */
  readonly folder: string;
  readonly command: (files: string) => readonly string[];
  /** Environment variable that names the program when it is nowhere on PATH. */
  readonly variable: string;
}

/** All proxies that there is an example for. */
export const PROGRAMS: readonly (Program & { readonly program: string; readonly isPackaged: boolean })[] = [
  {
    ...{ name: 'nginx', program: 'nginx', folder: 'nginx', isPackaged: true, variable: 'CORDON_TEST_NGINX' },
    command: (files) => ['-c', join(files, 'nginx.conf'), '-p', files, '-e', 'stderr'],
  },
  {
    ...{ name: 'Caddy', program: 'caddy', folder: 'caddy', isPackaged: true, variable: 'CORDON_TEST_CADDY' },
    command: (files) => ['run', '--config', join(files, 'Caddyfile'), '--adapter', 'caddyfile'],
  },
  {
    ...{ name: 'HAProxy', program: 'haproxy', folder: 'haproxy', isPackaged: true, variable: 'CORDON_TEST_HAPROXY' },
    command: () => ['-f', 'haproxy.cfg'],
  },
  {
    ...{ name: 'Envoy over gRPC', program: 'envoy', folder: 'envoy', isPackaged: false, variable: 'CORDON_TEST_ENVOY' },
    command: () => ['-c', 'envoy.yaml', '--use-dynamic-base-id', '--concurrency', '1', '-l', 'error'],
  },
  {
    ...{ name: 'Envoy over HTTP', program: 'envoy', folder: 'envoy', isPackaged: false, variable: 'CORDON_TEST_ENVOY' },
    command: () => ['-c', 'envoy-http.yaml', '--use-dynamic-base-id', '--concurrency', '1', '-l', 'error'],
  },
  {
    ...{ name: 'Traefik', program: 'traefik', folder: 'traefik', isPackaged: false, variable: 'CORDON_TEST_TRAEFIK' },
    command: () => ['--configFile=traefik.yaml'],
  },
];

const EXAMPLES = fileURLToPath(new URL('../../examples/forward-auth/', import.meta.url));
const PORTS_OF_EXAMPLES = {
  proxy: 9080,
  cordon: 8080,
  asked: 9091,
  askedByGrpc: 9092,
  app: 9000,
  admin: 9901,
} as const;

/** Where the program is, or undefined. */
export function programPath({ program, variable }: { program: string; variable: string }): string | undefined {
  const named = process.env[variable];
  if (named !== undefined) return named;
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/** A proxy that runs. */
export interface Running {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts a proxy; resolves when it listens. */
export async function startProxy(program: Program, path: string, ports: Ports): Promise<Running> {
  const port = await freePort();
  const files = mkdtempSync(join(tmpdir(), 'cordon-proxy-'));
  chmodSync(files, 0o755); // nginx gives up root
  const all = { ...ports, proxy: port, admin: await freePort() };
  for (const file of readdirSync(join(EXAMPLES, program.folder))) {
    writeFileSync(join(files, file), withPorts(readFileSync(join(EXAMPLES, program.folder, file), 'utf8'), all));
  }
  const child = spawn(path, program.command(files), { cwd: files, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(files, { recursive: true, force: true });
  };
  for (let i = 0; i < 200; i++) {
    if (child.exitCode !== null) break;
    if (await answers(port)) return { port, stop };
    await sleep(50);
  }
  await stop();
  throw new Error(`${program.name} does not listen:\n${output}`);
}

function withPorts(text: string, ports: Readonly<Record<keyof typeof PORTS_OF_EXAMPLES, number>>): string {
  const known = new Map(Object.entries(PORTS_OF_EXAMPLES).map(([name, port]) => [String(port), name]));
  return text.replace(/\b(?:9080|8080|909[12]|9000|9901)\b/g, (port) =>
    String(ports[known.get(port) as keyof typeof PORTS_OF_EXAMPLES]),
  );
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 3000);
  await gone;
  clearTimeout(late);
}

/** True when the proxy passes Cordon's own pages on: it listens, and has read its routes. */
async function answers(port: number): Promise<boolean> {
  const answer = await ask(port, { path: '/.cordon/jwks.json' }).catch(() => undefined);
  return answer?.status === 200;
}
