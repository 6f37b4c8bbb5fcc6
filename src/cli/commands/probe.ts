import { formatDuration } from '#base';
import { serverOf } from '../client.ts';
import type { CommandContext } from '../command.ts';
import { countText } from '../pieces.ts';

/** `cordon probe` */
export async function probe(context: CommandContext): Promise<number> {
  const { out } = context;
  const found = await serverOf(context).ask('probe', {});
  const { findings, notProbed, sent, unanswered, durationMs } = found;
  if (out.isJson) out.document(found);
  else {
    out.table(
      [{ title: 'APP' }, { title: 'HOST' }, { title: 'AT' }, { title: 'WAY' }, { title: 'FOUND', shrinkTo: 24 }],
      findings.map(({ appId, host, at, kind, detail }) => [appId, host, at, kind, detail]),
      `${countText(sent, 'probe')} in ${formatDuration(durationMs)}, and no way past the decision`,
    );
    if (unanswered > 0) out.note({ text: 'warning: ', look: 'yellow' }, `${unanswered} of ${sent} were not answered`);
    if (notProbed.length > 0) out.note(`not probed, as \`probe.public\` does not name them: ${notProbed.join(', ')}`);
  }
  return findings.length > 0 ? 1 : 0;
}
