import { createHash } from 'node:crypto';

/** Makes text safe inside HTML content and quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Text for HTML, in which what stands between backticks is code. */
export function proseHtml(text: string): string {
  const parts = text.split('`');
  // A backtick that nothing closes is only a character.
  if (parts.length % 2 === 0) return escapeHtml(text);
  return parts.map((part, index) => (index % 2 === 1 ? `<code>${escapeHtml(part)}</code>` : escapeHtml(part))).join('');
}

const STYLE = `
:root{color-scheme:light dark;--ink:#1a1c21;--soft:#5c6270;--line:#d9dce3;--paper:#fff;--ground:#f4f5f8;--mark:#b42318;--good:#146c43;--link:#1f4fbf}
@media (prefers-color-scheme:dark){:root{--ink:#e8eaf0;--soft:#a2a9b8;--line:#343945;--paper:#1b1e25;--ground:#121419;--mark:#ff9b8f;--good:#7bd8a5;--link:#9dbcff}}
*{box-sizing:border-box}
body{margin:0;padding:2rem 1rem;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
main{max-width:44rem;margin:0 auto;padding:2rem;background:var(--paper);border:1px solid var(--line);border-radius:12px}
h1{margin:.25rem 0 1rem;font-size:1.5rem;line-height:1.25}
h2{margin:1.75rem 0 .5rem;font-size:1rem}
p{margin:.5rem 0}
form+p{margin-top:1rem}
.over{margin:0;color:var(--soft);font-size:.875rem}
ul{margin:.5rem 0;padding-left:1.25rem}
li{margin:.4rem 0}
.detail{color:var(--soft)}
.deny{color:var(--mark)}
.good{color:var(--good)}
a{color:var(--link)}
a.act,button{display:inline-block;margin:.5rem .5rem 0 0;padding:.55rem 1rem;border:0;border-radius:8px;background:var(--link);color:var(--paper);font:inherit;text-decoration:none;cursor:pointer}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
table{width:100%;border-collapse:collapse;font-size:.9rem}
th,td{padding:.35rem .75rem .35rem 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
th{width:34%;color:var(--soft);font-weight:500}
code{font:.875em ui-monospace,monospace}
footer{margin-top:2rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--soft);font-size:.875rem}
`.trim();

/** A whole page with its policy. `body` is HTML that was made with `escapeHtml`. */
export interface Page {
  readonly html: string;
  /** Value of `content-security-policy`: nothing is loaded, and only this very style and script run. */
  readonly contentSecurityPolicy: string;
}

/** Puts content into a page that loads nothing from anywhere. `connect` lists sources the script may open connections to. */
export function page(input: {
  readonly title: string;
  readonly body: string;
  readonly script?: string;
  readonly connect?: readonly string[];
  /** `followed`: what answers the form may lead anywhere, which `form-action` would stop after the form was delivered. */
  readonly hasForm?: boolean | 'followed';
}): Page {
  const script = input.script === undefined ? '' : `<script>${input.script}</script>`;
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex">
<title>${escapeHtml(input.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${input.body}
</main>
${script}
</body>
</html>
`;
  const sources = [
    "default-src 'none'",
    `style-src ${hashSource(STYLE)}`,
    ...(input.script === undefined ? [] : [`script-src ${hashSource(input.script)}`]),
    ...(input.connect === undefined ? [] : [`connect-src ${input.connect.join(' ')}`]),
    ...(input.hasForm === 'followed' ? [] : [`form-action ${input.hasForm === true ? "'self'" : "'none'"}`]),
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  return { html, contentSecurityPolicy: sources.join('; ') };
}

function hashSource(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
