import type { FastifyReply } from 'fastify';
import type { SignedIn } from '#identity';
import { SESSION_COOKIE } from './guard.ts';

/** Cookie of the identity host that recognises a browser; not a proof of anybody. */
export const DEVICE_COOKIE = '__Host-cordon_device';
/** As long as browsers keep a cookie. */
const DEVICE_SECONDS = 400 * 86_400;

// `__Host-`: only this host can have set it, over a secure connection, for all paths.
const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Lax';

/** Hands the tokens of a new session to the browser. The session cookie ends with the browser, the session itself sooner. */
export function setSessionCookies(reply: FastifyReply, { sessionToken, deviceToken }: SignedIn): void {
  const cookies = [`${SESSION_COOKIE}=${sessionToken}; ${ATTRIBUTES}`];
  if (deviceToken !== undefined) {
    cookies.push(`${DEVICE_COOKIE}=${deviceToken}; ${ATTRIBUTES}; Max-Age=${DEVICE_SECONDS}`);
  }
  reply.header('set-cookie', cookies);
}

/** `Set-Cookie` value that removes one of our cookies. */
export function clearedCookie(name: string): string {
  return `${name}=; ${ATTRIBUTES}; Max-Age=0`;
}
