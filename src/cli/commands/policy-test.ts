import type { CoverageReport, TestReport } from '#policy-analysis';
import { runBundleTests } from '#config';
import type { CommandContext } from '../command.ts';
import { failureOf } from '../failure.ts';
import { checkPolicies, readPolicyPaths } from '../local-files.ts';
import type { Output } from '../output.ts';
import { countText } from '../pieces.ts';

/** `cordon policy test` */
export async function test({ world, args, out }: CommandContext): Promise<number> {
  const paths = args.positionals.length === 0 ? ['policies'] : args.positionals;
  const texts = readPolicyPaths(world.cwd, paths);
  const tested = runBundleTests(checkPolicies(texts, ''), texts);
  if (!tested.ok) throw failureOf(tested.error, 'the tests', 'correct them and run this again');
  const { cases, failures, coverage } = tested.value;
  const code = failures.length > 0 ? 1 : 0;
  if (out.isJson) out.document({ ok: code === 0, cases, failures, coverage });
  else tell(out, tested.value);
  return await Promise.resolve(code);
}

function tell(out: Output, { cases, failures, coverage }: TestReport): void {
  if (cases.length === 0) out.note('no tests; write some beside the policies, in files named `*.cedartest.yaml`');
  for (const { message, source } of failures) {
    out.line({ text: 'fail', look: 'red' }, ` ${source?.file ?? ''}:${source?.line ?? 0}: ${message}`);
  }
  tellCoverage(out, coverage);
  const passed = cases.length - failures.length;
  const verdict =
    failures.length === 0 ? ({ text: 'ok', look: 'green' } as const) : ({ text: 'failed', look: 'red' } as const);
  out.line(verdict, `: ${passed} of ${countText(cases.length, 'answer')} as expected`);
}

function tellCoverage(out: Output, { policies, clauses, uncovered }: CoverageReport): void {
  out.line(
    `coverage: ${policies.decisive} of ${countText(policies.all, 'policy')} decided a test, ` +
      `${clauses.decisive} of ${countText(clauses.all, 'clause')} made the difference in one`,
  );
  for (const { id, source, isDecisive, clauses: idle } of uncovered) {
    const place = `${source.file ?? ''}:${source.line ?? 0}`;
    const name = id.slice(id.indexOf('#') + 1);
    // Of a policy that decided nothing, every clause is idle; the person writes a test for the policy first.
    const what = isDecisive ? idle.map((clause) => ` ${clause}`) : [''];
    for (const clause of what) out.line({ text: '  never decisive', look: 'yellow' }, ` ${place} ${name}${clause}`);
  }
}
