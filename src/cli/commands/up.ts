import { relative, resolve } from 'node:path';
import { CordonError, formatDuration, type Problem, type Result } from '#base';
import { misuse } from '../arguments.ts';
import type { CommandContext } from '../command.ts';
import { configurationFile } from '../control-socket.ts';
import { countText, timeText } from '../pieces.ts';
import type { RunningServer, UpOptions } from '../world.ts';

/** A directory of its own, so that nobody's installation and the demo ever mix. */
const DEMO_DATA = 'data-demo';

/** `cordon up` */
export async function up(context: CommandContext): Promise<number> {
  const { world, out } = context;
  const options = optionsOf(context);
  const running = await world.up({ ...options, onReload: (result) => tellReload(context, result) });
  const asked = whenAborted(world.signal);
  try {
    if (out.isJson) out.document(documentOf(running));
    else tellStart(context, options, running);
    await Promise.race([running.stopped, asked.aborted]);
  } finally {
    asked.forget();
    // Also after a failure here: what runs in this process ends with it.
    await running.stop();
  }
  if (world.signal.aborted) {
    out.note('Cordon has stopped; everything is kept');
    return 0;
  }
  throw new CordonError('server-stopped', 'Cordon stopped without being told to', {
    hint: 'its log says why; check this machine with `cordon doctor`',
  });
}

function optionsOf(context: CommandContext): UpOptions {
  const { world, args } = context;
  const data = args.text('data');
  const isDemo = args.has('demo');
  if (args.text('config') !== undefined && (data !== undefined || isDemo)) {
    const other = isDemo ? '--demo' : '--data';
    const hint = isDemo ? 'the demo brings its own configuration' : 'set the key `data` in the configuration instead';
    throw misuse(args.row, `\`-c\` and \`${other}\` exclude each other`, hint);
  }
  const isEmbedded = data !== undefined || isDemo;
  return {
    configurationFile: isEmbedded ? undefined : configurationFile(context),
    dataDirectory: resolve(world.cwd, data ?? (isDemo ? DEMO_DATA : 'data')),
    isDemo,
  };
}

function documentOf({ consoleUrl, firstAdministrator, listening = [], notices, demo = [] }: RunningServer): object {
  return { consoleUrl, ...(firstAdministrator === undefined ? {} : { firstAdministrator }), listening, notices, demo };
}

function tellStart({ world, out }: CommandContext, options: UpOptions, running: RunningServer): void {
  const { consoleUrl, firstAdministrator, listening = [], notices, demo = [] } = running;
  const width = Math.max(13, ...listening.map(({ what }) => what.length));
  const row = (title: string, text: string): void => out.line(`  ${title.padEnd(width)}  `, { text, look: 'bold' });
  out.line({ text: `Cordon ${world.version} is running`, look: 'green' });
  row('console', consoleUrl);
  for (const { what, address } of listening) out.line(`  ${what.padEnd(width)}  ${address}`);
  out.line(`  ${'configuration'.padEnd(width)}  ${configurationText(world.cwd, options)}`);
  if (firstAdministrator !== undefined) {
    const { url, expiresAt } = firstAdministrator;
    const left = formatDuration(Math.max(0, expiresAt - world.clock.now()));
    out.line('');
    out.line(
      `Open this link to become the first administrator. It works once, for ${left} (until ${timeText(expiresAt)}):`,
    );
    out.line('  ', { text: url, look: 'bold' });
  }
  if (demo.length > 0) {
    out.line('');
    out.line('People of the demo, to look at: nobody can sign in as one of them.');
    const widest = Math.max(...demo.map(({ email }) => email.length));
    for (const { email, note } of demo) out.hanging(`  ${email.padEnd(widest)}  `, note);
  }
  for (const notice of notices) out.note({ text: 'note: ', look: 'yellow' }, notice);
  out.line('');
  out.hanging(
    '',
    `Stop with ctrl-C. In another terminal: \`cordon status${whereText(world.cwd, options)}\`, \`cordon help\`.`,
  );
}

/** What another command needs in order to find this installation: nothing where it looks by itself. */
function whereText(cwd: string, { configurationFile: file, dataDirectory }: UpOptions): string {
  if (file !== undefined) return file === resolve(cwd, 'cordon.yaml') ? '' : ` -c ${shortPath(cwd, file)}`;
  return dataDirectory === resolve(cwd, 'data') ? '' : ` --data ${shortPath(cwd, dataDirectory)}`;
}

function shortPath(cwd: string, path: string): string {
  const short = relative(cwd, path);
  return short.startsWith('..') ? path : short;
}

function configurationText(cwd: string, { configurationFile: file, isDemo }: UpOptions): string {
  if (file !== undefined) return shortPath(cwd, file);
  return isDemo ? 'the demo' : 'embedded defaults';
}

function tellReload({ world, out }: CommandContext, result: Result<number, readonly Problem[]>): void {
  const at = timeText(world.clock.now());
  if (result.ok) {
    out.note(
      `${at} configuration loaded: ${result.value === 0 ? 'nothing changed' : countText(result.value, 'change')}`,
    );
    return;
  }
  out.note({ text: 'error: ', look: 'red' }, `${at} the configuration does not load; the last good one stays in force`);
  out.problems(result.error);
  out.note({ text: 'hint: ', look: 'cyan' }, 'correct the file; it is loaded when it changes');
}

function whenAborted(signal: AbortSignal): { readonly aborted: Promise<void>; forget(): void } {
  const { promise, resolve: done } = Promise.withResolvers<void>();
  const listener = (): void => done();
  if (signal.aborted) done();
  signal.addEventListener('abort', listener);
  return { aborted: promise, forget: () => signal.removeEventListener('abort', listener) };
}
