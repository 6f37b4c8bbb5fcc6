import type { FastifyReply } from 'fastify';

/** For answers that are data: nothing in them may run, load or be framed. */
const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/**
 * For the built console. Scripts come from this host only and never stand in the page. Styles may: the component library writes its theme
 * into a style element, whose content depends on the theme and has no fixed hash.
 */
export const CONSOLE_POLICY: string = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

const PERMISSIONS = [
  'camera=()',
  'geolocation=()',
  'microphone=()',
  'payment=()',
  'usb=()',
  'clipboard-write=(self)',
  'publickey-credentials-create=(self)',
  'publickey-credentials-get=(self)',
].join(', ');

/** Sets what every answer of Cordon's own hosts carries. A page sets its own content security policy afterwards. */
export function secureHeaders(
  reply: FastifyReply,
  { isEncrypted, host }: { isEncrypted: boolean; host: string },
): void {
  reply.headers({
    'cache-control': 'no-store',
    'content-security-policy': DATA_POLICY,
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': PERMISSIONS,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
  // A browser that once saw this would refuse plain HTTP there, which is how `*.localhost` is served.
  const isLocal = host === 'localhost' || host.endsWith('.localhost');
  if (isEncrypted && !isLocal) reply.header('strict-transport-security', 'max-age=31536000');
}
