import { TUNNEL } from '#wire';
import { beginSignIn, redirect, send, sendPage } from '../answer.ts';
import { giveToken, TOKEN_PATH } from '../credentials/give-token.ts';
import { type Exchange, type GatewayParts, need, refuse, type Stage, type StageResult } from '../exchange.ts';
import {
  APP_COOKIE,
  CALLBACK_PATH,
  expiredCookie,
  KEYS_PATH,
  oneParameter,
  SEND_AGAIN_PATH,
  SIGN_IN_PATH,
} from '../handoff.ts';
import { signedOutPage, signOutPage } from '../pages/sign-out.ts';
import { kubernetesProblem } from '../kubernetes/impersonate.ts';
import { isOwnPath } from '../path.ts';
import { showForm } from '../send-again.ts';
import { beginSshCertificate, showSshAuthority } from '../tunnel/ssh-certificate.ts';
import { beginTunnel, isTcp, tunnelOnly } from '../tunnel/tunnel.ts';

type Answer = (exchange: Exchange, parts: GatewayParts) => StageResult | Promise<StageResult>;

/** What Cordon answers itself on every app host, by path and method. Nothing below `/.cordon` ever reaches an upstream. */
const ANSWERS: ReadonlyMap<string, Answer> = new Map<string, Answer>([
  [`GET ${CALLBACK_PATH}`, finishSignIn],
  [`GET ${SIGN_IN_PATH}`, signIn],
  [`GET ${SEND_AGAIN_PATH}`, showForm],
  ['GET /.cordon/sign-out', askToSignOut],
  ['POST /.cordon/sign-out', signOut],
  [`GET ${KEYS_PATH}`, showKeys],
  ['GET /.cordon/app', showKind],
  [`POST ${TOKEN_PATH}`, giveToken],
  [`UPGRADE ${TUNNEL.path}`, beginTunnel],
  ['POST /.cordon/ssh-certificate', beginSshCertificate],
  ['GET /.cordon/ssh-ca.pub', showSshAuthority],
]);

const PATHS: ReadonlySet<string> = new Set([...ANSWERS.keys()].map((key) => key.slice(key.indexOf(' ') + 1)));

/** Answers Cordon's own paths, and whoever takes a TCP app for a web site. */
export const own: Stage = {
  name: 'own',
  run: (exchange, parts): StageResult | Promise<StageResult> => {
    const path = need(exchange, 'path');
    if (!isOwnPath(path)) return isTcp(need(exchange, 'app')) ? tunnelOnly(exchange) : kubernetesProblem(exchange);
    const method = exchange.client.webSocket === undefined ? exchange.client.method : 'UPGRADE';
    const answer = ANSWERS.get(`${method} ${path}`);
    if (answer !== undefined) return answer(exchange, parts);
    return PATHS.has(path)
      ? refuse(405, 'request-malformed', 'this page of Cordon takes another method')
      : refuse(404, 'app-unknown', 'Cordon has no such page here');
  },
};

/** For browsers that another proxy sends here. The hand-off makes anything but a path of this host `/`. */
function signIn(exchange: Exchange, parts: GatewayParts): StageResult {
  const query = new URLSearchParams(need(exchange, 'query'));
  beginSignIn(exchange, parts, oneParameter(query, 'return') ?? '/');
  return 'answered';
}

async function finishSignIn(exchange: Exchange, { handoff }: GatewayParts): Promise<StageResult> {
  const { client, address } = exchange;
  const step = await handoff.callback({
    host: need(exchange, 'authority').host,
    target: client.target,
    cookie: client.header('cookie'),
    client: { address, userAgent: client.header('user-agent') ?? '' },
  });
  if (!step.ok) return refuse(400, 'handoff-invalid');
  redirect(exchange, step.value.location, step.value.cookies);
  return 'answered';
}

/** A page with a button: opening a link must not sign anybody out. */
function askToSignOut(exchange: Exchange): StageResult {
  sendPage(exchange, 200, signOutPage({ app: need(exchange, 'app').name, email: exchange.user?.email }));
  return 'answered';
}

async function signOut(exchange: Exchange, { endSession }: GatewayParts): Promise<StageResult> {
  const { session } = exchange;
  if (session !== undefined) await endSession?.({ sessionId: session.id, userId: session.userId });
  const page = signedOutPage(need(exchange, 'app').name, endSession !== undefined);
  sendPage(exchange, 200, page, ['set-cookie', expiredCookie(APP_COOKIE)]);
  return 'answered';
}

/** What the app speaks: refusals show it to everybody anyway. Its name and its servers are not said. */
function showKind(exchange: Exchange): StageResult {
  const app = need(exchange, 'app');
  const tcp = app.ssh === undefined ? 'tcp' : 'ssh';
  const kind = app.kubernetes === undefined ? (isTcp(app) ? tcp : 'http') : 'kubernetes';
  send(exchange, { status: 200, type: 'application/json', body: `${JSON.stringify({ kind })}\n` });
  return 'answered';
}

function showKeys(exchange: Exchange, { assertion }: GatewayParts): StageResult {
  send(exchange, {
    status: 200,
    type: 'application/jwk-set+json',
    body: `${JSON.stringify(assertion.jwks())}\n`,
  });
  return 'answered';
}
