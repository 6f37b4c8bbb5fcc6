import type { CONTROL_ROUTES, ResponseOf } from '#contract';
import { lintPolicies } from '#policy-analysis';
import { serverOf } from '../client.ts';
import type { CommandContext } from '../command.ts';
import { writeWarnings } from '../failure.ts';
import { checkPolicies, inFolder, readPolicyFolder } from '../local-files.ts';
import { countText, timeText, wordPiece } from '../pieces.ts';
import { withProgress } from '../progress.ts';

const DEFAULT_SINCE_MS = 7 * 24 * 3_600_000;

/** `cordon policy list` */
export async function list(context: CommandContext): Promise<number> {
  const { out } = context;
  const found = await serverOf(context).ask('policies', {});
  if (out.isJson) {
    out.document(found);
    return 0;
  }
  out.table(
    [{ title: 'EFFECT' }, { title: 'ACTION' }, { title: 'ID' }, { title: 'TITLE', isWrapped: true }],
    found.policies.map(({ id, effect, action, title }) => [wordPiece(effect), action, id, title]),
    'no policies are in force, so everything is denied',
  );
  const when = found.activatedAt === undefined ? '' : `, activated ${timeText(found.activatedAt)}`;
  const who = found.author === '' ? '' : ` by ${found.author}`;
  const why = found.message === '' ? '' : `: ${found.message}`;
  out.note(`version ${found.version}${when}${who}${why}`);
  return 0;
}

/** `cordon policy activate` */
export async function activate(context: CommandContext): Promise<number> {
  const { world, args, out } = context;
  const texts = readPolicyFolder(world.cwd, args.at(0));
  const warnings = inFolder(lintPolicies(checkPolicies(texts, args.at(0))), args.at(0));
  if (!out.isJson) writeWarnings(out, warnings);
  const body = { texts: { ...texts }, message: args.required('message') };
  const { version } = await serverOf(context).ask('activatePolicies', { body });
  if (out.isJson) out.document({ version, warnings });
  else out.line(`version ${version} of the policies is in force`);
  return 0;
}

/** `cordon policy replay` */
export async function replay(context: CommandContext): Promise<number> {
  const { world, args, out } = context;
  const sinceHours = (args.duration('since') ?? DEFAULT_SINCE_MS) / 3_600_000;
  const candidate = candidateOf(context);
  const report = await withProgress(world, 'replaying', async () => {
    return await serverOf(context).ask('replayPolicies', { body: { ...candidate, sinceHours } });
  });
  if (out.isJson) out.document(report);
  else tell(context, report);
  return 0;
}

/** A number is a version that the server has, anything else a directory here. */
function candidateOf({ world, args }: CommandContext): { version: number } | { texts: Record<string, string> } {
  const bundle = args.required('bundle');
  if (/^[1-9]\d{0,8}$/.test(bundle)) return { version: Number(bundle) };
  const texts = readPolicyFolder(world.cwd, bundle);
  checkPolicies(texts, bundle);
  return { texts: { ...texts } };
}

type Replay = ResponseOf<(typeof CONTROL_ROUTES)['replayPolicies']>;

function tell({ out }: CommandContext, { replayed, unchanged, gains, losses, notReplayable }: Replay): void {
  out.line(
    `${countText(replayed, 'recorded request')} decided again, ${unchanged.toLocaleString('en')} with the same answer`,
  );
  for (const [title, rows, look] of [
    ['would gain access', gains, 'green'],
    ['would lose access', losses, 'red'],
  ] as const) {
    if (rows.length === 0) continue;
    out.line('');
    out.line({ text: title, look });
    out.table(
      [
        { title: 'PERSON' },
        { title: 'APP' },
        { title: 'REQUESTS', align: 'right' },
        { title: 'DECIDED BY', shrinkTo: 12 },
        { title: 'WOULD BE DECIDED BY', isWrapped: true },
      ],
      rows.map(({ user, app, count, before, after }) => [
        user,
        app,
        String(count),
        policiesText(before),
        policiesText(after),
      ]),
      '',
    );
  }
  for (const { reason, count } of notReplayable) {
    out.note(
      { text: 'warning: ', look: 'yellow' },
      `${countText(count, 'request')} could not be decided again: ${WHY_NOT[reason] ?? reason}`,
    );
  }
}

/** Why a recorded request cannot be decided again, by code. */
const WHY_NOT: Readonly<Record<string, string>> = {
  'record-version': 'what was recorded does not hold what such a request is decided by',
  'record-unproven': 'it was answered without asking the policies',
  'record-damaged': 'its record is damaged',
  'attributes-invalid': 'what it said does not fit the schema of today',
  'policy-error': 'a policy could not be evaluated',
  'too-many': 'it is older than the newest ones, which are all that one replay decides',
};

function policiesText(policies: readonly string[]): string {
  return policies.length === 0 ? 'no permit' : policies.join(', ');
}
