import { join, resolve } from 'node:path';
import { CordonError } from '#base';
import type { CONTROL_ROUTES, ResponseOf } from '#contract';
import { verifyJournal } from '#journal';
import { serverOf } from '../client.ts';
import type { CommandContext } from '../command.ts';
import { dataDirectory } from '../control-socket.ts';
import { countText } from '../pieces.ts';
import { withProgress } from '../progress.ts';

type Report = ResponseOf<(typeof CONTROL_ROUTES)['verifyJournal']>;

/** `cordon audit verify` */
export async function verify(context: CommandContext): Promise<number> {
  const { world, args, out } = context;
  const named = args.text('journal');
  const { report, folder } =
    named === undefined
      ? await ask(context)
      : { report: await read(context, resolve(world.cwd, named)), folder: named };
  const { ok, lines, segments, head, problem } = report;
  if (out.isJson) {
    out.document({ ok, lines, segments, head, problem });
    return ok ? 0 : 1;
  }
  const size = `${countText(lines, 'line')} in ${countText(segments, 'segment')}`;
  if (ok) {
    out.line({ text: 'intact', look: 'green' }, `: ${size}`);
    if (head !== undefined) out.line(`head: ${head}`);
  } else {
    out.line(
      { text: 'broken', look: 'red' },
      `: ${join(folder, problem?.file ?? '')}:${problem?.line ?? 1}: ${problem?.reason ?? ''}`,
    );
    out.note(`${size} before it are intact`);
    out.note(
      { text: 'hint: ', look: 'cyan' },
      'keep the directory as evidence; compare it with a backup, and the head with one kept elsewhere',
    );
  }
  return ok ? 0 : 1;
}

/** The server holds the journal; without one the files are read here, because a proof must not need the one it is about. */
async function ask(context: CommandContext): Promise<{ report: Report; folder: string }> {
  const { world, args, out } = context;
  try {
    const report = await withProgress(world, 'verifying', async () => await serverOf(context).ask('verifyJournal', {}));
    return { report, folder: '' };
  } catch (error) {
    if (!(error instanceof CordonError) || error.code !== 'server-unreachable' || args.text('socket') !== undefined)
      throw error;
  }
  const directory = join(dataDirectory(context), 'journal');
  out.note(`no server answers; reading ${directory}`);
  return { report: await read(context, directory), folder: directory };
}

async function read({ world }: CommandContext, directory: string): Promise<Report> {
  return await withProgress(world, 'verifying', async (told) => await verifyJournal(directory, told));
}
