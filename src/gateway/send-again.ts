import { beginSignIn, sendPage, wantsPage } from './answer.ts';
import { type Exchange, type GatewayParts, need, type Refusal, type StageResult } from './exchange.ts';
import { expiredCookie, FORM_COOKIE, oneCookie, ownCookie, SEND_AGAIN_PATH } from './handoff.ts';
import { FORM_MS, type KeptForm, LONGEST_FORM } from './kept-forms.ts';
import { isForm, readOwnBody } from './own-body.ts';
import { lostPage, sendAgainPage } from './pages/send-again.ts';

/** True for a form that a person sent with a browser, which could be sent again as it was once they have proved who they are. */
export function canKeep(exchange: Exchange, { decision }: Refusal): boolean {
  const { remedies = [] } = decision ?? {};
  return (remedies.includes('sign-in') || remedies.includes('step-up')) && isSentForm(exchange);
}

function isSentForm(exchange: Exchange): boolean {
  const { client, asked } = exchange;
  if (asked !== undefined || client.method !== 'POST' || !wantsPage(exchange) || !client.hasBody) return false;
  const length = Number(client.header('content-length') ?? LONGEST_FORM);
  return isForm(client) && length <= LONGEST_FORM;
}

/**
 * Keeps the form of a refused exchange; the cookie that finds it again, or undefined when it cannot be kept. What another site made the
 * browser send does not get here: it was refused before anybody asked who is there.
 */
export async function keepForm(exchange: Exchange, { forms, onError }: GatewayParts): Promise<string | undefined> {
  const read = await readOwnBody(exchange.client, LONGEST_FORM);
  if (typeof read === 'string') return undefined;
  const { text: body } = read;
  // What is not UTF-8 would come back as something else.
  if (fieldsOf(body).some((pair) => pair.join('').includes('\ufffd'))) return undefined;
  const { user, path = '/', query = '' } = exchange;
  const form: KeptForm = {
    host: need(exchange, 'authority').host,
    target: path + query,
    body,
    ...(user === undefined ? {} : { userId: user.id }),
  };
  const secret = await kept(form, exchange, { forms, onError });
  return secret === undefined ? undefined : ownCookie(FORM_COOKIE, secret, FORM_MS / 1000);
}

/** Whoever keeps forms may be gone; the refusal is answered all the same. */
async function kept(
  form: KeptForm,
  { address, correlationId }: Exchange,
  { forms, onError }: Pick<GatewayParts, 'forms' | 'onError'>,
): Promise<string | undefined> {
  try {
    return await forms.keep(form, address);
  } catch (error) {
    onError(error, correlationId);
    return undefined;
  }
}

/** `GET /.cordon/send-again`: shows the form that this browser sent, with a button. */
export async function showForm(exchange: Exchange, parts: GatewayParts): Promise<StageResult> {
  const { user, client } = exchange;
  const app = need(exchange, 'app').name;
  if (user === undefined) {
    // A step-up has made a new session, which this host has not been handed yet.
    beginSignIn(exchange, parts, SEND_AGAIN_PATH);
    return 'answered';
  }
  const secret = oneCookie(client.header('cookie'), FORM_COOKIE);
  const { host } = need(exchange, 'authority');
  const form = secret === undefined ? undefined : await parts.forms.take(secret, { host, userId: user.id });
  const forget = ['set-cookie', expiredCookie(FORM_COOKIE)];
  if (form === undefined) sendPage(exchange, 410, lostPage(app), forget);
  else {
    const { target, body } = form;
    const page = sendAgainPage({ app, email: user.email, target, fields: fieldsOf(body) });
    // The app has to see that the form comes from its own host; the last policy that is sent counts.
    sendPage(exchange, 200, page, [...forget, 'referrer-policy', 'same-origin']);
  }
  return 'answered';
}

function fieldsOf(body: string): [string, string][] {
  return [...new URLSearchParams(body)];
}
