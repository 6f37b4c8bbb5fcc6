import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { CordonError } from '#base';
import type { CONTROL_ROUTES, ResponseOf } from '#contract';
import { serverOf, toProblem } from '../client.ts';
import type { CommandContext } from '../command.ts';
import { writeWarnings } from '../failure.ts';
import { countText, tierPiece } from '../pieces.ts';
import { withProgress } from '../progress.ts';

const SHOWN_FILES = 20;

/** `cordon discover aws` */
export async function discoverAws(context: CommandContext): Promise<number> {
  const { world, args, out } = context;
  const from = args.required('from');
  // The server reads the files; it may be started elsewhere, so it gets the absolute path.
  const directory = resolve(world.cwd, from);
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new CordonError('asset-directory-unreadable', `\`${from}\` is not a directory`, {
      hint: 'name the directory with the saved answers; `docs/reference/assets.md` shows how it looks',
    });
  }
  const report = await withProgress(world, `importing ${from}`, async () => {
    return await serverOf(context).ask('discover', { body: { provider: 'aws', directory } });
  });
  if (out.isJson) out.document(report);
  else tell(context, report);
  if (report.assets > 0) return 0;
  throw new CordonError('import-empty', `nothing in \`${from}\` could be imported`, {
    problems: report.problems.map(toProblem),
    hint: 'save answers of the AWS CLI as `docs/reference/assets.md` shows, one folder per region',
  });
}

type Import = ResponseOf<(typeof CONTROL_ROUTES)['discover']>;

function tell({ args, out }: CommandContext, report: Import): void {
  const { assets, created, updated, removed, unchanged, byKind, byTier, unknownFiles, problems } = report;
  if (assets > 0) {
    out.line(
      { text: countText(assets, 'asset'), look: 'bold' },
      ` from ${args.required('from')}: ${created} new, ${updated} changed, ${removed} gone, ${unchanged} unchanged`,
    );
    out.line('');
    out.table(
      [{ title: 'TIER' }, { title: 'ASSETS', align: 'right' }],
      byTier.map((count, tier) => [tierPiece(tier), String(count)]),
      '',
    );
    out.line('');
    const kinds = Object.entries(byKind).sort(([a, most], [b, count]) => count - most || (a < b ? -1 : 1));
    out.table(
      [{ title: 'KIND' }, { title: 'ASSETS', align: 'right' }],
      kinds.map(([kind, count]) => [kind, String(count)]),
      '',
    );
  }
  if (unknownFiles.length > 0) {
    out.note(
      { text: 'warning: ', look: 'yellow' },
      `${countText(unknownFiles.length, 'file')} of a kind that is not read:`,
    );
    for (const file of unknownFiles.slice(0, SHOWN_FILES)) out.note(`  ${file}`);
    if (unknownFiles.length > SHOWN_FILES)
      out.note(`  and ${unknownFiles.length - SHOWN_FILES} more; \`--json\` lists all`);
  }
  if (assets === 0) return;
  writeWarnings(out, problems.map(toProblem));
  if (problems.length > 0) out.note(`the rest was imported; ${countText(problems.length, 'problem')}`);
}
