import { escapeHtml, page, type Page } from './page.ts';

/** Asks whether to sign out. The form comes back to the same address. */
export function signOutPage({ app, email }: { readonly app: string; readonly email: string | undefined }): Page {
  const who = email === undefined ? 'Nobody is signed in here.' : `You are signed in as ${escapeHtml(email)}.`;
  const body = `<p class="over">${escapeHtml(app)}</p>
<h1>Sign out</h1>
<p>${who} Signing out ends the session on every app, and what is open there.</p>
<form method="post"><button>Sign out</button></form>`;
  return page({ title: `Sign out · ${app}`, body, hasForm: true });
}

/** Says what has ended: the session, or only its cookie on this host. */
export function signedOutPage(app: string, isEverywhere: boolean): Page {
  const body = `<p class="over">${escapeHtml(app)}</p>
<h1>You are signed out</h1>
<p>${isEverywhere ? 'Your session has ended on every app.' : 'Your session has ended on this app.'}</p>
<p><a class="act" href="/">Sign in again</a></p>`;
  return page({ title: `Signed out · ${app}`, body });
}
