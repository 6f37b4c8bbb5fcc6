import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { CordonError } from '#base';
import { reachAws, type ReachPair } from '#segmentation';
import type { CommandContext } from '../command.ts';
import { writeWarnings } from '../failure.ts';
import { styled } from '../output.ts';
import { countText } from '../pieces.ts';
import { withProgress } from '../progress.ts';

/** `cordon segments reach` */
export async function reach({ world, args, out }: CommandContext): Promise<number> {
  const from = args.required('aws');
  const directory = resolve(world.cwd, from);
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new CordonError('asset-directory-unreadable', `\`${from}\` is not a directory`, {
      hint: 'name the directory with the saved answers; `docs/reference/assets.md` shows how it looks',
    });
  }
  const limit = args.integer('limit', 1, 1_000_000) ?? Infinity;
  const report = await withProgress(world, `reading ${from}`, async () => await reachAws(directory, world));
  const wanted = args.has('internet') ? report.pairs.filter((pair) => pair.from.kind === 'internet') : report.pairs;
  const pairs = wanted.slice(0, limit);
  if (out.isJson) {
    out.document({ pairs, total: wanted.length, exposures: report.exposures, problems: report.problems });
    return 0;
  }
  out.table(
    [
      { title: 'FROM', shrinkTo: 12 },
      { title: 'TO', shrinkTo: 12 },
      { title: 'PROTOCOL' },
      { title: 'PORTS', shrinkTo: 8 },
      { title: 'CERTAINTY' },
      { title: 'BY', isWrapped: true },
    ],
    pairs.flatMap((pair) =>
      pair.flows.map(({ protocol, ports, rules }) => [
        sourceOf(pair),
        `${pair.to.name} (${pair.to.kind})`,
        protocol,
        ports,
        styled(pair.certainty === 'certain' ? undefined : 'yellow', pair.certainty),
        rules.map(({ securityGroup, text }) => `${securityGroup} ${text}`).join('; '),
      ]),
    ),
    'nobody reaches anybody by what these files show',
  );
  const verdicts = (wantedVerdict: string): number =>
    report.exposures.filter(({ verdict }) => verdict === wantedVerdict).length;
  const all = countText(wanted.length, 'pair');
  const shown = pairs.length < wanted.length ? `${pairs.length} of ${all}` : all;
  const [certain, possible] = [verdicts('exposed'), verdicts('possible')];
  out.note(
    `${shown}; of ${countText(report.exposures.length, 'asset')} the internet reaches ${certain}, and possibly ${possible} more`,
  );
  writeWarnings(out, report.problems);
  return 0;
}

function sourceOf({ from }: ReachPair) {
  if (from.kind === 'asset') return from.name;
  return styled(
    from.kind === 'internet' ? 'red' : undefined,
    from.networks === 'internet' ? 'internet' : `${from.kind} ${from.networks}`,
  );
}
