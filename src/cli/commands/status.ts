import { formatDuration } from '#base';
import type { CONTROL_ROUTES, ResponseOf } from '#contract';
import { serverOf, toProblem } from '../client.ts';
import type { CommandContext } from '../command.ts';
import { type Piece, styled } from '../output.ts';
import { agoText, countText, spanText, tierPiece } from '../pieces.ts';

type Status = ResponseOf<(typeof CONTROL_ROUTES)['status']>;

/** `cordon status` */
export async function status(context: CommandContext): Promise<number> {
  const { out } = context;
  const found = await serverOf(context).ask('status', {});
  if (out.isJson) {
    out.document(found);
    return 0;
  }
  const { counts, decisions, journal } = found;
  const row = (title: string, ...pieces: Piece[]): void => out.line({ text: title.padEnd(15), look: 'dim' }, ...pieces);
  const uptime = formatDuration(Math.max(0, found.now - found.startedAt));
  out.line({ text: `Cordon ${found.version}`, look: 'bold' }, ` at ${found.domain}, running for ${uptime}`);
  row('assets', `${sum(counts.assets)}`, tiersText(counts.assets));
  row(
    'people',
    `${counts.users}, ${countText(counts.activeSessions, 'session')}, ${countText(counts.liveConnections, 'open connection')}`,
  );
  row('devices', `${counts.devices}`, bad(counts.unhealthyDevices, 'unhealthy'));
  row(
    'workloads',
    `${counts.workloads} in ${countText(counts.segments, 'segment')}`,
    bad(counts.quarantined, 'quarantined'),
  );
  row('apps', `${counts.apps}`);
  row('alerts', styled(counts.openAlerts > 0 ? 'yellow' : undefined, `${counts.openAlerts} open`));
  row(
    'decisions',
    `${decisions.permitted} permitted, ${decisions.denied} denied in the last ${spanText(wholeMinutes(found.now - decisions.since))}`,
  );
  row('policies', `version ${found.policyVersion}`);
  row('journal', journal.writable ? 'writable' : styled('red', 'cannot be written'), `, ${journal.directory}`);
  row('probes', ...probePieces(found));
  tellProblem(context, found);
  return 0;
}

/** The last round of Cordon's own probes. */
function probePieces({ probe, now }: Status): Piece[] {
  if (probe === undefined) return ['none yet'];
  const { findings, sent, unanswered, startedAt } = probe;
  const found =
    findings.length === 0
      ? 'no way past the decision'
      : styled('red', `${findings.length} ways past the decision; see \`cordon alerts list\``);
  return [found, `, ${countText(sent, 'probe')} ${agoText(startedAt, now)}`, bad(unanswered, 'not answered')];
}

/** Decisions are counted by the minute, the one that has begun included. */
function wholeMinutes(milliseconds: number): number {
  return Math.ceil(milliseconds / 60_000) * 60_000;
}

function tellProblem({ out }: CommandContext, { configurationProblem, journal, now }: Status): void {
  if (!journal.writable) {
    out.note(
      { text: 'warning: ', look: 'yellow' },
      'nothing can be recorded, so T0 and T1 are denied; see `cordon doctor` and the log of the server',
    );
  }
  if (configurationProblem === undefined) return;
  const since = agoText(configurationProblem.at, now);
  out.note(
    { text: 'warning: ', look: 'yellow' },
    `the newest configuration does not load (${since}); the last good one is in force`,
  );
  out.problems(configurationProblem.problems.map(toProblem));
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function tiersText(counts: readonly number[]): string {
  const parts = counts.flatMap((count, tier) => (count === 0 ? [] : [`${count} T${tier}`]));
  return parts.length === 0 ? '' : `: ${parts.join(', ')}`;
}

function bad(count: number, word: string): Piece {
  return count === 0 ? '' : styled('red', `, ${count} ${word}`);
}

/** `cordon apps` */
export async function apps(context: CommandContext): Promise<number> {
  const { out } = context;
  const found = await serverOf(context).ask('apps', {});
  if (out.isJson) out.document(found);
  else {
    out.table(
      [
        { title: 'TIER' },
        { title: 'NAME', shrinkTo: 12 },
        { title: 'URL' },
        { title: 'DEVICE' },
        { title: 'UPSTREAM' },
        { title: 'ASSET', shrinkTo: 16 },
      ],
      found.items.map(({ tier, name, url, device, upstream = '', assetId = '' }) => [
        tierPiece(tier),
        name,
        url,
        device,
        upstream,
        assetId,
      ]),
      'no apps are published; add some below `apps` in the configuration',
    );
  }
  return 0;
}
