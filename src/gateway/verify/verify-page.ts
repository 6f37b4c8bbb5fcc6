import { escapeHtml, page, type Page } from '../pages/page.ts';
import type { Arrived } from './verify.ts';

const SCRIPT = `
const state = document.getElementById('live');
const show = (text, mark) => { state.textContent = text; state.className = mark; };
const socket = new WebSocket(location.origin.replace(/^http/, 'ws') + '/live');
let opened = 0;
socket.onopen = () => { opened = performance.now(); show('open: you may still be here', 'good'); };
socket.onclose = ({ code, reason }) => {
  const after = opened === 0 ? 'never opened' : 'closed after ' + ((performance.now() - opened) / 1000).toFixed(1) + ' s';
  show((code === 4403 ? 'cut: ' + reason : 'closed (' + code + ') ' + reason) + ' · ' + after, 'deny');
};
`.trim();

/** The page of the verify app. `origin` is the app's own. */
export function verifyPage(arrived: Arrived, origin: string): Page {
  const { user, session, device, decision, assertion, correlationId } = arrived;
  const time = (milliseconds: number): string => new Date(milliseconds).toISOString();
  const body = [
    `<p class="over">${escapeHtml(arrived.app)}</p>`,
    `<h1>You are in, ${escapeHtml(user.name)}</h1>`,
    '<p>This is exactly what an app behind Cordon is told about you.</p>',
    `<p role="status">Live connection: <strong id="live">connecting</strong></p>`,
    table('Person', [
      ['Name', user.name],
      ['E-mail', user.email],
      ['Id', user.id],
      ['Groups', arrived.groups.join(', ')],
    ]),
    table('Session', [
      ['Id', session.id],
      ['Assurance', session.acr],
      ['Methods', session.amr.join(', ')],
      ['Signed in', time(session.authenticatedAt)],
      ['Ends', time(session.expiresAt)],
    ]),
    table('Device', deviceRows(device)),
    table('Decision', [
      ['Effect', decision.effect],
      ['Policies', decision.policies.join(', ')],
      ['Tier', `T${decision.tier}`],
      ['Policy version', String(decision.policyVersion)],
      ['Graph', String(decision.graphSeq)],
    ]),
    table('Headers that arrived', arrived.headers),
    table(
      'Claims of the assertion',
      Object.entries(assertion.claims).map(([claim, value]) => [claim, JSON.stringify(value)] as const),
    ),
    '<p><a href="/.cordon/jwks.json">Keys</a> · <a href="/.cordon/sign-out">Sign out</a></p>',
    `<footer>Correlation id <code>${escapeHtml(correlationId)}</code></footer>`,
  ].join('\n');
  return page({
    title: `You are in · ${arrived.app}`,
    body,
    script: SCRIPT,
    connect: [origin.replace(/^http/, 'ws')],
  });
}

function deviceRows(device: Arrived['device']): (readonly [string, string])[] {
  if (device === undefined) return [['Device', 'not known']];
  return [
    ['Name', device.name],
    ['Id', device.id],
    ['Kind', device.form],
    ['Managed', device.managed ? 'yes' : 'no'],
    ['Health', device.posture],
  ];
}

function table(title: string, rows: readonly (readonly [string, string])[]): string {
  const lines = rows.map(
    ([name, value]) => `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`,
  );
  return `<h2>${escapeHtml(title)}</h2>\n<table>\n${lines.join('\n')}\n</table>`;
}
