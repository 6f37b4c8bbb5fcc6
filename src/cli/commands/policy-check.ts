import type { Problem } from '#base';
import { lintPolicies } from '#policy-analysis';
import { serverOf, toProblem } from '../client.ts';
import type { CommandContext } from '../command.ts';
import { failureOf, writeWarnings } from '../failure.ts';
import { checkPolicies, readPolicyPaths } from '../local-files.ts';
import { countText } from '../pieces.ts';

/** `cordon policy check` */
export async function check(context: CommandContext): Promise<number> {
  const { world, args, out } = context;
  const paths = args.positionals.length === 0 ? ['policies'] : args.positionals;
  const texts = readPolicyPaths(world.cwd, paths);
  const active = checkPolicies(texts, '');
  const own = active.policies.filter(({ builtin }) => !builtin);
  const warnings = args.has('against') ? await askServer(context, texts) : lintPolicies(active);
  if (out.isJson) {
    out.document({ ok: true, files: Object.keys(texts), policies: own.length, warnings });
    return 0;
  }
  writeWarnings(out, warnings);
  const files = countText(Object.keys(texts).length, 'file');
  out.line({ text: 'ok', look: 'green' }, `: ${countText(own.length, 'policy')} in ${files}`);
  return 0;
}

/** The same, by the running server: it knows which groups, apps and people there are. */
async function askServer(context: CommandContext, texts: Readonly<Record<string, string>>): Promise<Problem[]> {
  const { ok, problems, warnings } = await serverOf(context).ask('checkPolicies', { body: { texts: { ...texts } } });
  if (!ok) throw failureOf(problems.map(toProblem), 'the input', 'correct it and run this again; nothing was changed');
  return warnings.map(toProblem);
}
