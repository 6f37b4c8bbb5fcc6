import { createHmac } from 'node:crypto';
import { err, hashToken, newToken, ok, type Problem, type Result } from '#base';
import type { AppSession } from '#model';
import { cookieValues } from './headers.ts';
import { canonicalTarget, safeReturn } from './path.ts';

/** The listener a request arrived on; each has its own origins. */
export type Transport = 'http' | 'tls';

/** Cookie of an app host or the console host; its value is the token of an app session. */
export const APP_COOKIE = '__Host-cordon_app';
/** Cookie of an app host while a sign-in is under way; its value is a secret that only this browser has. */
const FLOW_COOKIE = '__Host-cordon_flow';
/** Where the id host sends the browser back to, on every app host and the console host. */
export const CALLBACK_PATH = '/.cordon/callback';
/** What other areas know of the hand-off: the cookie, and the path that ends it. */
export const HANDOFF = { cookie: APP_COOKIE, callbackPath: CALLBACK_PATH } as const;
/** Where a browser begins to sign in, on every app host; `return` is the path to come back to. */
export const SIGN_IN_PATH = '/.cordon/sign-in';
/** Where a form that was kept over a sign-in is shown again, on every app host. */
export const SEND_AGAIN_PATH = '/.cordon/send-again';
/** Cookie that finds it; its value is a secret that only this browser has. */
export const FORM_COOKIE = '__Host-cordon_form';
/** Where the keys of assertions are, on every app host. */
export const KEYS_PATH = '/.cordon/jwks.json';
/**
 * Longest way back, escaped. It travels in the address of the callback, and escaped twice in that of the sign-in; what no longer fits there
 * would end the sign-in with an error page.
 */
const LONGEST_BACK = 4096;
/** How long a person may take to sign in. */
const FLOW_SECONDS = 3600;
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** The part of identity that turns a code into an app session: of a browser, or with `program` of a program. */
export interface Redeemer {
  redeem(input: {
    readonly code: string;
    readonly verifier: string;
    readonly host: string;
    readonly client?: { readonly address: string; readonly userAgent: string };
    readonly program?: { readonly keyThumbprint?: string };
  }): Promise<Result<{ readonly token: string; readonly appSession: AppSession }, Problem>>;
}

/** Where to send a browser, and the `Set-Cookie` values that go with it. */
export interface HandoffStep {
  readonly location: string;
  readonly cookies: readonly string[];
}

/**
 * Carries a sign-in from the id host to another host of this installation, as an authorization code with PKCE does. App hosts and
 * the console host use the same one. It writes no response: the caller sends the redirect (303 or 302, `cache-control: no-store`).
 * The verifier is made of the browser's secret and of the way back, so a link that changes the way back carries nothing.
 */
export interface Handoff {
  /** Begins: to the id host, with a fresh verifier in this browser. `returnTo` is a path of this host; anything else becomes `/`. */
  begin(input: {
    readonly host: string;
    readonly transport: Transport;
    readonly returnTo: string;
    /** The `Cookie` field: tabs that begin at the same time share one secret. */
    readonly cookie?: string | undefined;
  }): HandoffStep;
  /** Ends: `target` is the request target of the callback. `err`: `handoff-invalid`; then nothing may be set. */
  callback(input: {
    readonly host: string;
    readonly target: string;
    readonly cookie: string | undefined;
    readonly client: { readonly address: string; readonly userAgent: string };
  }): Promise<Result<HandoffStep, Problem>>;
}

/** Makes the hand-off. `identityOrigin` is the id host's origin on each listener. */
export function createHandoff(options: {
  readonly redeemer: Redeemer;
  readonly identityOrigin: (transport: Transport) => string;
}): Handoff {
  return {
    begin: ({ host, transport, returnTo, cookie }) => {
      const known = oneCookie(cookie, FLOW_COOKIE);
      const secret = known !== undefined && TOKEN.test(known) ? known : newToken();
      const back = wayBack(returnTo);
      const location = new URL('/handoff', options.identityOrigin(transport));
      location.search = new URLSearchParams({
        host,
        challenge: hashToken(verifierOf(secret, host, back)),
        return: back,
      }).toString();
      return { location: location.href, cookies: [ownCookie(FLOW_COOKIE, secret, FLOW_SECONDS)] };
    },
    callback: async ({ host, target, cookie, client }) => {
      const query = readTarget(target);
      const code = oneParameter(query, 'code');
      const presented = oneCookie(cookie, FLOW_COOKIE);
      if (code === undefined || !TOKEN.test(code)) return invalid();
      // Whoever began no sign-in uses the code up as well: it has been in an address now, where a script of the app may read it.
      const secret = presented !== undefined && TOKEN.test(presented) ? presented : newToken();
      const back = oneParameter(query, 'return') ?? '';
      const verifier = verifierOf(secret, host, back);
      const redeemed = await options.redeemer.redeem({ code, verifier, host, client });
      if (!redeemed.ok) return invalid();
      // The secret stays for its hour: other tabs may be on their way with it, and without it theirs would be nobody's code.
      return ok({ location: wayBack(back), cookies: [ownCookie(APP_COOKIE, redeemed.value.token)] });
    },
  };
}

/** A path of this host that a sign-in may lead to; of our own there only the one that shows a kept form. */
function wayBack(path: string): string {
  if (path === SEND_AGAIN_PATH) return path;
  const back = safeReturn(path);
  return encodeURIComponent(back).length > LONGEST_BACK ? '/' : back;
}

/** The verifier (RFC 7636) of one browser, for one host and one way back. */
function verifierOf(secret: string, host: string, back: string): string {
  return createHmac('sha256', secret).update(`${host} ${back}`).digest('base64url');
}

/** The value of a cookie of ours. Two of one name are somebody tossing cookies, and count as none. */
export function oneCookie(header: string | undefined, name: string): string | undefined {
  const values = cookieValues(header, name);
  return values.length === 1 ? values[0] : undefined;
}

/** `Set-Cookie` value that removes one of our cookies. */
export function expiredCookie(name: string): string {
  return ownCookie(name, '', 0);
}

/** `Set-Cookie` value of one of our cookies; without an age it ends with the browser. */
export function ownCookie(name: string, value: string, maxAgeSeconds?: number): string {
  const age = maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`;
  return `${name}=${value}; Path=/; Secure; HttpOnly; SameSite=Lax${age}`;
}

function readTarget(target: string): URLSearchParams {
  const read = canonicalTarget(target);
  return new URLSearchParams(read.ok ? read.value.query : '');
}

/** A parameter given twice could be read differently by two parsers, so it counts as none. */
export function oneParameter(query: URLSearchParams, name: string): string | undefined {
  const values = query.getAll(name);
  return values.length === 1 ? values[0] : undefined;
}

function invalid(): Result<never, Problem> {
  return err({
    code: 'handoff-invalid',
    message: 'the sign-in could not be carried to this host',
    hint: 'open the app again',
  });
}
