import { execFile, execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import type { Json } from '#base';

/** Why network tests cannot run here, or undefined when they can. */
export function labObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux network namespaces';
  if (process.getuid?.() !== 0) return 'needs root for network namespaces';
  for (const command of ['ip', 'nft']) {
    if (spawnSync(command, ['-V']).error !== undefined) return `needs \`${command}\` (npm run setup:system)`;
  }
  const probe = `cordon-probe-${randomBytes(3).toString('hex')}`;
  if (spawnSync('ip', ['netns', 'add', probe]).status !== 0) return 'needs permission to make network namespaces';
  const hasNft = spawnSync('ip', ['netns', 'exec', probe, 'nft', 'add', 'table', 'inet', 'probe']).status === 0;
  spawnSync('ip', ['netns', 'del', probe]);
  return hasNft ? undefined : 'needs nftables in network namespaces';
}

/** A host in its own network namespace, `10.77.0.<n>` and `fd77::<n>`. */
export interface LabHost {
  /** Name of the namespace. */
  readonly space: string;
  readonly v4: string;
  readonly v6: string;
  /** Runs a command in the namespace and returns what it printed; throws with its stderr when it fails. */
  run(command: string, args: readonly string[]): string;
  /** Runs `nft <args> -f <file>` with this text in a file: nft cannot read the sockets Node passes as standard input. */
  nftFile(args: readonly string[], text: string): void;
  /** Applies an nftables JSON document. */
  apply(document: unknown): void;
  /** `nft -j …` parsed. */
  nft(...args: string[]): Json;
  /** Listens on these TCP ports of both families and echoes. */
  listen(...ports: number[]): Promise<void>;
  /** Opens a TCP connection, sends a line and waits for its echo. */
  connect(address: string, port: number): Promise<'echoed' | 'no answer'>;
  /** Opens a connection that sends a line every 20 ms and counts the echoes. */
  chatter(address: string, port: number): Promise<{ echoes(): number }>;
}

/** Hosts joined by a bridge that lives in a namespace of its own, so that nothing of the machine's network is touched. */
export interface Lab {
  readonly hosts: readonly LabHost[];
  close(): void;
}

const ECHO = `const net=require('net');let open=0;const ports=process.argv.slice(1).map(Number);
for(const p of ports)net.createServer(s=>{s.on('error',()=>{});s.pipe(s)}).listen({port:p,host:'::'},()=>{if(++open===ports.length)console.log('ready')})`;
const CONNECT = `const [host,port]=process.argv.slice(1);const s=require('net').connect({host,port:Number(port)},()=>s.write('x'));
s.on('data',()=>process.exit(0));s.on('error',()=>process.exit(1));setTimeout(()=>process.exit(1),500)`;
const CHATTER = `const [host,port]=process.argv.slice(1);const s=require('net').connect({host,port:Number(port)},()=>setInterval(()=>s.write('x'),20));
s.on('data',()=>console.log('echo'));s.on('error',()=>{})`;

/** Makes `count` hosts. Whatever fails half-way is cleaned up. */
export function openLab(count: number): Lab {
  const prefix = `cordon-${process.pid}-${randomBytes(2).toString('hex')}`;
  const spaces: string[] = [];
  const children: ChildProcess[] = [];
  const close = (): void => {
    for (const child of children) child.kill('SIGKILL');
    for (const space of spaces) spawnSync('ip', ['netns', 'del', space]);
  };
  try {
    const ip = (...args: string[]): string =>
      execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    const addSpace = (name: string): string => {
      ip('netns', 'add', `${prefix}-${name}`);
      spaces.push(`${prefix}-${name}`);
      ip('-n', `${prefix}-${name}`, 'link', 'set', 'lo', 'up');
      return `${prefix}-${name}`;
    };
    const bridge = addSpace('sw');
    ip('-n', bridge, 'link', 'add', 'br0', 'type', 'bridge', 'mcast_snooping', '0');
    ip('-n', bridge, 'link', 'set', 'br0', 'up');
    const hosts = Array.from({ length: count }, (_, i): LabHost => {
      const space = addSpace(`h${i + 1}`);
      ip('-n', bridge, 'link', 'add', `p${i + 1}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space);
      ip('-n', bridge, 'link', 'set', `p${i + 1}`, 'master', 'br0', 'up');
      const v4 = `10.77.0.${i + 1}`;
      const v6 = `fd77::${i + 1}`;
      ip('-n', space, 'addr', 'add', `${v4}/24`, 'dev', 'eth0');
      ip('-n', space, '-6', 'addr', 'add', `${v6}/64`, 'dev', 'eth0', 'nodad');
      ip('-n', space, 'link', 'set', 'eth0', 'up');
      return host(space, { v4, v6 }, children);
    });
    return { hosts, close };
  } catch (error) {
    close();
    throw error;
  }
}

function host(space: string, addresses: { v4: string; v6: string }, children: ChildProcess[]): LabHost {
  const inside = (command: string, args: readonly string[]): string[] => ['netns', 'exec', space, command, ...args];
  const run: LabHost['run'] = (command, args) =>
    execFileSync('ip', inside(command, args), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const nftFile: LabHost['nftFile'] = (args, text) => {
    const directory = mkdtempSync(join(tmpdir(), 'cordon-nft-'));
    try {
      writeFileSync(join(directory, 'document'), text);
      run('nft', [...args, '-f', join(directory, 'document')]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
  const start = (script: string, args: readonly (string | number)[]): ChildProcess => {
    const child = spawn('ip', inside(process.execPath, ['-e', script, ...args.map(String)]), {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    children.push(child);
    return child;
  };
  return {
    space,
    ...addresses,
    run,
    nftFile,
    apply: (document) => nftFile(['-j'], JSON.stringify(document)),
    nft: (...args) => {
      return JSON.parse(run('nft', ['-j', ...args])) as Json;
    },
    listen: async (...ports) => {
      const { stdout } = start(ECHO, ports);
      if (stdout === null) throw new Error('no output to wait for');
      await new Promise<void>((resolve) => createInterface(stdout).once('line', () => resolve()));
    },
    connect: async (address, port) =>
      await new Promise((resolve) => {
        execFile('ip', inside(process.execPath, ['-e', CONNECT, address, String(port)]), (error) =>
          resolve(error === null ? 'echoed' : 'no answer'),
        );
      }),
    chatter: async (address, port) => {
      let echoes = 0;
      const { stdout } = start(CHATTER, [address, port]);
      if (stdout === null) throw new Error('no output to count');
      createInterface(stdout).on('line', () => echoes++);
      for (let tries = 0; tries < 100 && echoes === 0; tries++) await wait(20);
      return { echoes: () => echoes };
    },
  };
}
