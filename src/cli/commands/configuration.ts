import type { CONTROL_ROUTES, ResponseOf } from '#contract';
import { lintPolicies } from '#policy-analysis';
import { serverOf } from '../client.ts';
import type { CommandContext } from '../command.ts';
import { writeWarnings } from '../failure.ts';
import { inFolder, type LocalConfiguration, nameFrom, readConfiguration } from '../local-files.ts';
import { countText, wordPiece } from '../pieces.ts';

/** `cordon check` */
export async function check(context: CommandContext): Promise<number> {
  const { out } = context;
  const local = readConfiguration(context);
  const warnings = warningsOf(context, local);
  const counts = countsOf(local);
  if (out.isJson) out.document({ ok: true, file: local.name, ...counts, warnings });
  else {
    writeWarnings(out, warnings);
    const { apps, groups, segments, workloads, models, policies } = counts;
    const parts = [
      countText(apps, 'app'),
      countText(groups, 'group'),
      countText(segments, 'segment'),
      countText(workloads, 'workload'),
      countText(policies, 'policy'),
      ...(models === 0 ? [] : [countText(models, 'model')]),
    ];
    out.line({ text: 'ok', look: 'green' }, `: ${local.name} holds ${parts.join(', ')}`);
  }
  return 0;
}

/** `cordon diff` */
export async function diff(context: CommandContext): Promise<number> {
  const { changes } = await serverOf(context).ask('diffConfiguration', { body: bodyOf(readConfiguration(context)) });
  if (context.out.isJson) context.out.document({ changes });
  else tell(context, changes, 'nothing would change');
  return changes.length === 0 ? 0 : 1;
}

/** `cordon apply` */
export async function apply(context: CommandContext): Promise<number> {
  const local = readConfiguration(context);
  const warnings = warningsOf(context, local);
  const message = context.args.text('message') ?? '';
  const { changes } = await serverOf(context).ask('applyConfiguration', { body: { ...bodyOf(local), message } });
  if (context.out.isJson) {
    context.out.document({ changes, warnings });
    return 0;
  }
  writeWarnings(context.out, warnings);
  tell(context, changes, 'nothing to change');
  if (changes.length > 0) context.out.line(`applied: ${countText(changes.length, 'change')}`);
  return 0;
}

function bodyOf({ file, text, configuration }: LocalConfiguration): {
  file: string;
  text: string;
  policies: Record<string, string>;
} {
  return { file, text, policies: { ...configuration.policies } };
}

type Changes = ResponseOf<(typeof CONTROL_ROUTES)['diffConfiguration']>['changes'];

const SIGNS = { add: '+', change: '~', remove: '-' } as const;

function tell({ out }: CommandContext, changes: Changes, whenNone: string): void {
  if (changes.length === 0) out.line(whenNone);
  for (const { op, kind, id } of changes)
    out.line({ text: `${SIGNS[op]} `, look: lookOf(op) }, wordPiece(op), ` ${kind} ${id}`);
}

function lookOf(op: keyof typeof SIGNS): 'green' | 'yellow' | 'red' {
  return op === 'add' ? 'green' : op === 'change' ? 'yellow' : 'red';
}

function warningsOf(
  { world }: CommandContext,
  { configuration, policies }: LocalConfiguration,
): ReturnType<typeof inFolder> {
  return inFolder(lintPolicies(policies), nameFrom(world.cwd, configuration.policyDirectory ?? ''));
}

function countsOf({
  configuration,
  policies,
}: LocalConfiguration): Readonly<Record<'apps' | 'groups' | 'segments' | 'workloads' | 'models' | 'policies', number>> {
  const { apps, groups, segments, workloads, authzen } = configuration;
  return {
    apps: apps.length,
    groups: groups.length,
    segments: segments.length,
    workloads: workloads.length,
    models: authzen.length,
    policies: policies.policies.filter(({ builtin }) => !builtin).length,
  };
}
