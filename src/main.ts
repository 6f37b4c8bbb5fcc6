// The composition root: reads the process's surroundings once and wires the areas that may not know each other.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock, tuneMemory } from '#base';
import { type CliWorld, runCli, type RunningServer, type UpOptions } from '#cli';
import type { Log } from '#server';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

async function up(options: UpOptions): Promise<RunningServer> {
  tuneMemory();
  // Loaded here and not above: `cordon agent run` on a host needs none of it.
  const [{ defaultSource, fileSource, listeningOf, startCordon, textSource }, demo] = await Promise.all([
    import('#server'),
    options.isDemo ? import('./demo/index.ts') : undefined,
  ]);
  const { configurationFile, dataDirectory } = options;
  let people: RunningServer['demo'];
  const cordon = await startCordon({
    version: version(),
    clock: systemClock,
    source:
      demo !== undefined
        ? textSource(demo.DEMO_SOURCE, dataDirectory)
        : configurationFile === undefined
          ? defaultSource(dataDirectory)
          : fileSource(configurationFile),
    consoleDirectory: `${ROOT}console/dist`,
    uid: process.getuid?.() ?? 0,
    log: await makeLog(),
    ...(options.onReload === undefined ? {} : { onReload: options.onReload }),
    ...(demo === undefined
      ? {}
      : {
          admit: ({ graph }) => {
            demo.holdsDemo(graph);
          },
          seed: async (truth) => {
            if (demo.holdsDemo(truth.graph)) return;
            const seeded = await demo.seedDemo({ ...truth, clock: systemClock });
            people = seeded.people;
          },
        }),
  });
  const onHangup = (): void => {
    void cordon.reload(); // the outcome is told through `onReload`
  };
  process.on('SIGHUP', onHangup);
  const { promise: stopped, resolve } = Promise.withResolvers<undefined>();
  return {
    ...cordon,
    listening: listeningOf(cordon),
    ...(people === undefined ? {} : { demo: people }),
    stopped,
    stop: async () => {
      process.off('SIGHUP', onHangup);
      await cordon.stop();
      resolve(undefined);
    },
  };
}

async function makeLog(): Promise<Log> {
  const { pino } = await import('pino');
  const level = process.env['CORDON_LOG_LEVEL'] ?? (process.stderr.isTTY ? 'warn' : 'info');
  const logger = pino(
    { level, redact: ['token', '*.token', 'cookie', '*.cookie'] },
    pino.destination({ dest: 2, sync: true }),
  );
  return {
    info: (fields, message) => {
      logger.info(fields, message);
    },
    warn: (fields, message) => {
      logger.warn(fields, message);
    },
    error: (fields, message) => {
      logger.error(fields, message);
    },
  };
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : '0.0.0';
}

/** The host agent's commands, loaded when one is used. */
const agent: CliWorld['agent'] = {
  enrol: async (input) => await (await import('./agent/index.ts')).enrolAgent({ ...input, clock: systemClock }),
  run: async (input) => await (await import('./agent/index.ts')).runAgent({ ...input, clock: systemClock }),
  posture: async (input) => await (await import('./agent/index.ts')).showPosture({ ...input, clock: systemClock }),
  program: async (input) => await (await import('./agent/index.ts')).showProgram({ ...input, clock: systemClock }),
};

/** What the desktop opens addresses with. None is a shell, and the address is one argument. */
const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

async function openBrowser(url: string): Promise<boolean> {
  // Without a display there is nothing that could show it; some openers wait for one in a terminal browser.
  const isHeadless = process.platform === 'linux' && !process.env['DISPLAY'] && !process.env['WAYLAND_DISPLAY'];
  if (isHeadless && !process.env['BROWSER']) return false;
  const [program, ...rest] = process.env['BROWSER']
    ? ([process.env['BROWSER']] as const)
    : (OPENERS[process.platform] ?? ['xdg-open']);
  return await new Promise((resolve) => {
    const child = spawn(program, [...rest, url], { stdio: 'ignore', detached: true });
    child.once('error', () => resolve(false));
    child.once('spawn', () => resolve(true));
    child.unref();
  });
}

/** One press of ctrl-C arrives twice under npm: from the terminal, and from npm, which passes it on. A second press ends it at once. */
const SAME_PRESS_MS = 500;
const stopping = new AbortController();
let toldAt = 0;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (!stopping.signal.aborted) toldAt = systemClock.now();
    else if (systemClock.now() - toldAt >= SAME_PRESS_MS) process.exit(130);
    stopping.abort();
  });
}
// A reader that went away (`cordon events | head`) is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
}

process.exitCode = await runCli({
  argv: process.argv.slice(2),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  cwd: process.cwd(),
  self: [process.execPath, ...process.execArgv, fileURLToPath(import.meta.url)],
  clock: systemClock,
  version: version(),
  controlSocket: process.env['CORDON_CONTROL'],
  noColor: process.env['NO_COLOR'] !== undefined && process.env['NO_COLOR'] !== '',
  signal: stopping.signal,
  up,
  agent,
  person: {
    directory: join(process.env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'cordon'),
    computer: hostname(),
    openBrowser,
  },
});
