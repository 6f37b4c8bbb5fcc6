import { GUARDRAILS, TIER_DEMANDS, words } from './guardrails.ts';

/** One page of Markdown: the table of tiers and every guardrail. `docs/reference/guardrails.md` is exactly this. */
export function renderGuardrails(): string {
  const rows = TIER_DEMANDS.map(
    (row) =>
      `| T${row.tier} ${row.name} | ${row.mfa} (\`${row.acr}\`) | ${words(row.signInAgeAtMost)} | ${row.device}${
        row.postureYoungerThan === undefined ? '' : `, checked < ${words(row.postureYoungerThan)} ago`
      } | ${row.riskBelow === undefined ? 'any' : `< ${row.riskBelow}`} | ${words(row.replicaStaleAtMost)} |`,
  );
  const list = GUARDRAILS.map((rail) => `| \`${rail.id}\` | ${rail.title} | \`${rail.reason}\` | \`${rail.remedy}\` |`);
  const texts = GUARDRAILS.map((rail) => `\`\`\`cedar\n${rail.text}\`\`\``);
  return `# Guardrails

Guardrails are built-in \`forbid\` policies. They apply beside your own policies, and no policy can permit what a guardrail forbids.
This page is generated from the code; a test keeps both equal.

## What each tier demands

| tier | second factor | sign-in age at most | device | risk | replica may be stale for |
|---|---|---|---|---|---|
${rows.join('\n')}

A replica that is too old is refused before any policy is asked, with the reason \`replica-stale\`.

## The guardrails

| id | what it demands | reason when it denies | remedy |
|---|---|---|---|
${list.join('\n')}

## Their text

${texts.join('\n\n')}
`;
}
