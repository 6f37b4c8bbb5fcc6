// The pages of docs/reference that follow from the sources, as text.
import { renderGuardrails } from '../../src/policy/guardrail-page.ts';
import { REASONS } from '../../src/model/index.ts';
import { renderApi } from './api-page.js';
import { renderAssets } from './assets-page.js';
import { renderCli } from './cli-page.js';
import { renderConfiguration } from './configuration-page.js';
import { renderDetections } from './detections-page.js';

function renderReasons() {
  const rows = Object.entries(REASONS).sort(([a], [b]) => (a < b ? -1 : 1));
  return `# Reasons

Every answer of Cordon, allowed or denied, carries at least one of these codes: on the page a person sees, in the event of the journal and in
the output of the commands. The remedy is what that person can do.

| code | title | remedy |
|---|---|---|
${rows.map(([reason, { title, remedy }]) => `| \`${reason}\` | ${title} | ${remedy} |`).join('\n')}
`;
}

/**
 * Path below the root -> text.
 * @returns {Record<string, string>}
 */
export function referencePages() {
  return {
    'docs/reference/api.md': renderApi(),
    'docs/reference/assets.md': renderAssets(),
    'docs/reference/cli.md': renderCli(),
    'docs/reference/configuration.md': renderConfiguration(),
    'docs/reference/detections.md': renderDetections(),
    'docs/reference/guardrails.md': renderGuardrails(),
    'docs/reference/reasons.md': renderReasons(),
  };
}
