import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { CordonError } from '#base';
import type { CommandContext } from './command.ts';

const CONFIGURATION = 'cordon.yaml';

/** Path of the configuration file: `-c`, else `cordon.yaml` in the working directory, when it is there. Absolute. */
export function configurationFile({ world, args }: Pick<CommandContext, 'world' | 'args'>): string | undefined {
  const named = args.text('config');
  if (named !== undefined) return resolve(world.cwd, named);
  const usual = join(world.cwd, CONFIGURATION);
  return existsSync(usual) ? usual : undefined;
}

/** The data directory that the options, or else the configuration, name. Absolute. */
export function dataDirectory(context: Pick<CommandContext, 'world' | 'args'>): string {
  const named = context.args.text('data');
  if (named !== undefined) return resolve(context.world.cwd, named);
  const file = configurationFile(context);
  return file === undefined ? join(context.world.cwd, 'data') : resolve(dirname(file), dataKey(file));
}

/** Where the server of this installation answers: `--socket`, `--data`, `$CORDON_CONTROL`, the configuration, in this order. */
export function controlSocket(context: Pick<CommandContext, 'world' | 'args'>): string {
  const { world, args } = context;
  const named = args.text('socket');
  if (named !== undefined) return resolve(world.cwd, named);
  const usual = world.controlSocket ?? '';
  if (args.text('data') === undefined && usual !== '') return resolve(world.cwd, usual); // an empty variable is none
  return join(dataDirectory(context), 'control.sock');
}

/**
 * The key `data` of a configuration, as far as the file can be read: a running server is found, and can say what is wrong, while the
 * configuration on disk has a problem.
 */
function dataKey(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/^E[A-Z]+: /, '').replace(/, .*$/, '') : 'unknown';
    throw new CordonError('configuration-unreadable', `cannot read \`${file}\`: ${reason}`, {
      cause,
      hint: 'check the path, or name the server with `--socket PATH`',
    });
  }
  const data: unknown = parseDocument(text, { prettyErrors: false, logLevel: 'silent' }).get('data');
  return typeof data === 'string' && data !== '' ? data : 'data';
}
