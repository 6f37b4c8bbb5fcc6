import { escapeHtml, page, type Page } from './page.ts';

/** Asks whether to send a form again, now that its person has proved who they are. Nothing is sent without the button. */
export function sendAgainPage(input: {
  readonly app: string;
  readonly email: string;
  /** Path and query on this host. */
  readonly target: string;
  readonly fields: readonly (readonly [string, string])[];
}): Page {
  const { app, email, target, fields } = input;
  const hidden = fields.map(
    ([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`,
  );
  const body = `<p class="over">${escapeHtml(app)}</p>
<h1>Send again?</h1>
<p>You sent a form to <code>${escapeHtml(target)}</code>, and had to confirm that it is you. It was not delivered yet.</p>
<form method="post" action="${escapeHtml(target)}" accept-charset="utf-8">${hidden.join('')}<button>Send it now</button></form>
<p class="detail">If you leave this page, what you sent is lost. Signed in as ${escapeHtml(email)}.</p>`;
  return page({ title: `Send again? · ${app}`, body, hasForm: 'followed' });
}

/** Says that what a person sent was not delivered and is not there any more. */
export function lostPage(app: string): Page {
  const body = `<p class="over">${escapeHtml(app)}</p>
<h1 class="deny">What you sent is lost</h1>
<p>It was not delivered to ${escapeHtml(app)}, and it is not kept any more. Open the app and send it again.</p>
<p><a class="act" href="/">Open ${escapeHtml(app)}</a></p>`;
  return page({ title: `Not delivered · ${app}`, body });
}
