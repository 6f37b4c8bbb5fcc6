import type { CONTROL_ROUTES, ResponseOf } from '#contract';
import { serverOf } from '../client.ts';
import type { CommandContext } from '../command.ts';
import type { Look, Output } from '../output.ts';
import { agoText, wordPiece } from '../pieces.ts';

type Explanation = ResponseOf<(typeof CONTROL_ROUTES)['explainPolicies']>;
type ExplainedPolicy = Explanation['policies'][number];

/** `cordon policy explain` */
export async function explain(context: CommandContext): Promise<number> {
  const { world, args, out } = context;
  const [method, path, address] = [args.text('method'), args.text('path'), args.text('address')];
  const explanation = await serverOf(context).ask('explainPolicies', {
    body: {
      user: args.at(0),
      app: args.at(1),
      ...(method === undefined ? {} : { method }),
      ...(path === undefined ? {} : { path }),
      ...(address === undefined ? {} : { address }),
    },
  });
  if (out.isJson) out.document(explanation);
  else tell(out, explanation, world.clock.now());
  return explanation.effect === 'permit' ? 0 : 1;
}

function tell(out: Output, explanation: Explanation, now: number): void {
  const { effect, user, app, session, reasons, assumptions, policies, furtherPermits, change } = explanation;
  const codes = [...new Set(reasons.map(({ code }) => code))].filter((code) => code !== effect).join(', ');
  out.line(wordPiece(effect), ` ${user} on ${app}${codes === '' ? '' : ` (${codes})`}`);
  if (session !== undefined) {
    out.line(`by the session of ${agoText(session.authenticatedAt, now)} from ${session.address}, ${session.acr}`);
  }
  if (assumptions.length > 0) out.line(`nobody is signed in as ${user}; assumed: ${assumptions.join('; ')}`);
  for (const policy of policies) tellPolicy(out, policy);
  if (furtherPermits > 0) out.line(`… and ${furtherPermits} more permits for this app that miss more`);
  if (change.length > 0) out.line({ text: 'would be permitted: ', look: 'cyan' }, change.join(', and '));
  else if (effect === 'forbid' && policies.length > 0) out.line('no small change was found that would permit it');
}

const ROLES: Readonly<Record<ExplainedPolicy['role'], string>> = {
  decided: 'decided by',
  erred: 'cannot be evaluated:',
  nearest: 'nearest permit:',
};
const OUTCOMES: Readonly<Record<ExplainedPolicy['clauses'][number]['outcome'], [string, Look]>> = {
  held: ['held  ', 'green'],
  failed: ['failed', 'red'],
  error: ['error ', 'red'],
};

function tellPolicy(out: Output, { id, effect, title, role, file, line, clauses, builtin }: ExplainedPolicy): void {
  const place = builtin ? '' : ` (${file}:${line})`;
  out.line('');
  out.line(`${ROLES[role]} `, wordPiece(effect), ` ${id}${place}${title === '' ? '' : `: ${title}`}`);
  for (const { text, outcome, facts, error } of clauses) {
    const [word, look] = OUTCOMES[outcome];
    out.line('  ', { text: word, look }, ` ${text}`);
    for (const { expression, value } of facts) out.line(`           ${expression} is ${value}`);
    if (error !== undefined) out.line(`           ${error}`);
  }
}
