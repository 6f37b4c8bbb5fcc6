/** nginx as a plain proxy and with `auth_request` to Cordon's own endpoint, one worker, as the yardstick that everybody knows. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CORES, throughOf } from './children.ts';

/** A running nginx. */
export interface Nginx {
  readonly plainPort: number;
  readonly authPort: number;
  stop(): void;
}

/** Starts nginx in `folder`, on the core of what is measured, in front of the app. Undefined where there is none. */
export async function startNginx(
  folder: string,
  { appPort, askPort }: { readonly appPort: number; readonly askPort: number },
): Promise<Nginx | undefined> {
  const program = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx', '/usr/local/bin/nginx'].find((path) =>
    existsSync(path),
  );
  if (program === undefined) return undefined;
  const [plainPort, authPort] = [await freePort(), await freePort()];
  const path = join(folder, 'nginx.conf');
  writeFileSync(path, configuration({ folder, appPort, askPort, plainPort, authPort }));
  const [through = '', ...args] = throughOf({ core: CORES.measured });
  const child = spawn(through, [...args, program, '-p', folder, '-c', path, '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await listening(child, authPort, () => said);
  return { plainPort, authPort, stop: () => void child.kill() };
}

function configuration(input: {
  readonly folder: string;
  readonly appPort: number;
  readonly askPort: number;
  readonly plainPort: number;
  readonly authPort: number;
}): string {
  const { folder, appPort, askPort, plainPort, authPort } = input;
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const forward = 'proxy_pass http://app; proxy_http_version 1.1; proxy_set_header connection "";';
  return `daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 512; }
http {
  access_log off;
  keepalive_requests 10000000;
  ${paths.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  upstream app { server 127.0.0.1:${appPort}; keepalive 128; keepalive_requests 10000000; }
  upstream cordon { server 127.0.0.1:${askPort}; keepalive 128; keepalive_requests 10000000; }
  server { listen 127.0.0.1:${plainPort}; location / { ${forward} } }
  server {
    listen 127.0.0.1:${authPort};
    location / {
      auth_request /auth;
      auth_request_set $assertion $upstream_http_x_cordon_assertion;
      proxy_set_header x-cordon-assertion $assertion;
      ${forward}
    }
    location = /auth {
      internal;
      proxy_pass http://cordon/forward-auth/nginx;
      proxy_http_version 1.1;
      proxy_pass_request_body off;
      proxy_set_header connection "";
      proxy_set_header x-original-url $scheme://$http_host$request_uri;
      proxy_set_header x-original-method $request_method;
      proxy_set_header x-forwarded-for $remote_addr;
    }
  }
}
`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(child: ChildProcess, port: number, said: () => string): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (child.exitCode !== null) throw new Error(`nginx ended: ${said()}`);
    const socket = connect(port, '127.0.0.1');
    const isThere = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (isThere) return;
    await sleep(50);
  }
  throw new Error('nginx does not listen');
}
