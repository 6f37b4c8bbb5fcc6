// The reference page of assets: what an import reads, and how it is ranked.
import { RULES } from '../../src/assets/classify.ts';
import { NO_ASSETS, OPERATIONS } from '../../src/assets/discover/aws/operations.ts';
import { WEIGHTS } from '../../src/assets/tier/rule.ts';

/** @type {Readonly<Record<string, string>>} */
const FACTORS = {
  floor: 'what no absence of other evidence may rank lower',
  D: 'how sensitive the data is',
  P: 'what it may do to everything else',
  M: 'how much the mission depends on it, as its owners say by labels',
  B: 'how far its loss would spread',
  K: 'how hard it is to replace',
  S: 'what its owners invested in it',
};

/** @type {Readonly<Record<string, string>>} what each rule looks for */
const LOOKS_FOR = {
  account: 'an account',
  'admin-capable-principal': 'a user, group or role whose policies lead to administrator',
  'audit-log': 'a trail',
  'log-archive': 'a bucket that a trail writes to',
  'encryption-key': 'a key that is not managed by AWS',
  'cluster-control-plane': 'a container cluster',
  'store-kind': 'kinds that hold data by their nature; a guess, no evidence',
  'label-data-classification': 'labels such as `data-classification=confidential`',
  'admin-capable': 'policies that lead to administrator, also by steps such as passing a role to a function',
  power: 'the three strongest of the permissions that reach far, such as reading all secrets',
  'policies-examined': 'that every policy was there to be read',
  'label-environment': 'labels such as `env=prod`',
  'label-criticality': 'labels such as `criticality=high`',
  'label-compliance': 'labels such as `compliance=pci`',
  'deletion-protection': 'protection against deletion',
  'multi-zone': 'several zones',
  'multi-region-log': 'a trail of all regions',
  'own-key': 'encryption with a key of the customer',
  'long-backup': 'backups that are kept for a week or longer',
  versioned: 'versioning',
};

/** @param {string} rule */
function looksFor(rule) {
  const text = LOOKS_FOR[rule];
  if (text === undefined)
    throw new Error(`scripts/reference/assets-page.js does not say what the rule \`${rule}\` looks for`);
  return text;
}

/** @returns {string} */
export function renderAssets() {
  const operations = OPERATIONS.map(({ operation }) => operation).sort();
  const files = Object.entries(NO_ASSETS).sort(([a], [b]) => (a < b ? -1 : 1));
  return `# Assets

## What an import reads

\`cordon discover aws --from DIR\` reads the answers of the AWS CLI as they were saved, one folder per region:

\`\`\`
DIR/<region>/<service>-<operation>.json                      aws ec2 describe-instances > ec2-describe-instances.json
DIR/<region>/<service>-<operation>/<argument>[.json]         one file per bucket, role, queue …; the argument is URL-encoded
DIR/<account>/<region>/…                                     several accounts side by side
DIR/<region>/<List>.json                                     a file called after its list, such as \`Vpcs.json\`
\`\`\`

Global services stand in any region. \`sts-get-caller-identity.json\` names the account. Nothing in the directory can stop the import: a broken
file is named with its position and the rest is imported, an unknown file is listed, and links and devices are not followed. An asset disappears
only when a listing that was read whole no longer shows it; one with an override or an app stays.

Calls that are read:

${operations.map((operation) => `\`${operation}\``).join(', ')}.

Files that are understood and describe no asset:

| file | reason |
|---|---|
${files.map(([name, reason]) => `| \`${name}\` | ${reason} |`).join('\n')}

## How assets are ranked

Impact is a number from 0 to 100: T0 from 85, T1 from 65, T2 from 35. Each rule that finds something writes a row into the ledger of the asset,
with a strength from 0 to 1 and the place where it was read; \`cordon assets explain ID\` shows them. Strengths of one factor are combined as
independent chances (1 − Π(1 − s)), factors in the same way with their weights, and a floor counts as it is: one strong reason suffices, weak ones
add up, and nothing in the account can lower a tier. Only a person can, by an override with a reason and, if wanted, an end.

Confidence is the share, by weight, of the factors that had evidence; no rule looks at B and K yet, so it stays below 1. Exposure is no part of
the impact.

| factor | weight | meaning |
|---|---|---|
${Object.entries(WEIGHTS)
  .map(([factor, weight]) => `| ${factor} | ${factor === 'floor' ? '' : weight} | ${FACTORS[factor] ?? ''} |`)
  .join('\n')}

| rule | factor | looks for |
|---|---|---|
${RULES.map(({ id, factor }) => `| \`${id}\` | ${factor} | ${looksFor(id)} |`).join('\n')}

Importance travels along relations, at most four steps, and never grows on the way: who controls an asset (its role, its instance profile, its
key) is as important as the asset; what an asset requires gets 0.8 of its impact; a copy of data is 0.9 as sensitive as the data.
`;
}
