// The reference page of monitoring: what is detected, what a response may say, and what can go wrong in between.
import { formatDuration } from '../../src/base/index.ts';
import { RULES } from '../../src/monitor/catalogue.ts';

/** @type {Readonly<Record<string, string>>} status codes of responses */
const OUTCOMES = {
  'already-quarantined': 'The workload is cut off already.',
  'dry-run': 'The response is in `dry-run`; the event says what it would have done.',
  'quarantine-of-server': 'Cordon runs on this workload; nothing may cut it off.',
  'response-failed': 'Five attempts, a second apart, failed. Look at the message, then act by hand.',
  'response-limit': 'The response acted on ten subjects within an hour; a person has to decide about further ones.',
  'response-not-applicable': 'The action is for another kind of subject than the detection names.',
  'subject-gone': 'The workload is not there any more.',
};

/** @type {Readonly<Record<string, string>>} `src/monitor/troubles.ts` */
const TROUBLES = {
  'events-not-judged': 'So many events came while the monitor was starting that the oldest were not judged.',
  'history-unreadable':
    'The journal could not be asked for what happened before the start; counts begin later than they should.',
  'not-delivered': 'A response or an event of the monitor waits; it is tried again every second.',
  'rule-failed': 'A detection failed on an event, which it alone missed. It is a fault of Cordon; report it.',
  'store-failed': 'Detections cannot be written to the store. They are kept in memory and tried again every second.',
};

/** @param {Readonly<Record<string, string>>} rows */
function table(rows) {
  return Object.entries(rows)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, meaning]) => `| \`${code}\` | ${meaning} |`)
    .join('\n');
}

/** @param {(typeof RULES)[number]} rule */
function renderRule(rule) {
  const risk =
    rule.risk === undefined
      ? 'none'
      : `${rule.risk.score} points, halved every ${formatDuration(rule.risk.halfLifeMs)}`;
  return `## \`${rule.id}\`

**${rule.title}** (${rule.severity}${rule.attack === undefined ? '' : `, ATT&CK ${rule.attack}`}). ${rule.description}

- Fires at ${rule.threshold} within ${formatDuration(rule.windowMs)}: ${rule.counts}.
- Subject: ${rule.subjectKind}. Risk held against it: ${risk}.
- When nothing is wrong: ${rule.falsePositives}
`;
}

/** @returns {string} */
export function renderDetections() {
  return `# Detections

What Cordon finds in its own journal, without being told to. An alert names the events that are its evidence; risk makes decisions stricter
until it has decayed: from 30 points a subject is a medium risk, from 70 a high one. A repetition renews what a detection holds against a
subject and never adds to it. \`responses\` in \`cordon.yaml\` say by these ids what is to be done; the default is \`dry-run\`.

${RULES.map(renderRule).join('\n')}
## What a response says

\`status_code\` of Remediation (7001) and Network Remediation (7004) events; none when it was done.

| code | meaning |
|---|---|
${table(OUTCOMES)}

## What can go wrong in the monitor

\`status_code\` of its own findings (2004), each also a warning of the process; told once until it goes right again.

| code | meaning |
|---|---|
${table(TROUBLES)}
`;
}
