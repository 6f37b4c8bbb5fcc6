import type { CommandContext } from '../command.ts';
import { writeWarnings } from '../failure.ts';
import { checkPolicies, readPolicyPaths } from '../local-files.ts';
import { countText } from '../pieces.ts';

/** `cordon policy check` */
export async function check({ world, args, out }: CommandContext): Promise<number> {
  const paths = args.positionals.length === 0 ? ['policies'] : args.positionals;
  const texts = readPolicyPaths(world.cwd, paths);
  const { policies, warnings } = checkPolicies(texts, '');
  const own = policies.filter(({ builtin }) => !builtin);
  if (out.isJson) {
    out.document({ ok: true, files: Object.keys(texts), policies: own.length, warnings });
    return 0;
  }
  writeWarnings(out, warnings);
  const files = countText(Object.keys(texts).length, 'file');
  out.line({ text: 'ok', look: 'green' }, `: ${countText(own.length, 'policy')} in ${files}`);
  return 0;
}
