import { Secret, TOTP } from 'otpauth';

/** Length of a TOTP time step, seconds (RFC 6238 §4.1). */
const TOTP_PERIOD_SECONDS = 30;

/** What came of checking a code. `step` is the time step it belongs to, to be stored as the last accepted one. */
export type TotpCheck =
  | { readonly outcome: 'accepted'; readonly step: number }
  | { readonly outcome: 'wrong' | 'replayed' };

/** Makes a new secret of 160 random bits in base32 (RFC 4226 §4 R6). */
export function newTotpSecret(): string {
  return new Secret({ size: 20 }).base32;
}

/** The `otpauth://` address an authenticator app reads from a QR code. */
export function totpUri(secret: string, issuer: string, account: string): string {
  return new TOTP({
    issuer,
    label: account,
    secret: Secret.fromBase32(secret),
    digits: 6,
    period: TOTP_PERIOD_SECONDS,
  }).toString();
}

/** The code of a time step. HMAC-SHA-1 (RFC 6238); `digits` is 6 except for the RFC's own vectors. */
export function totpCode(secret: string, step: number, digits: number = 6): string {
  const totp = new TOTP({ secret: Secret.fromBase32(secret), digits, period: TOTP_PERIOD_SECONDS });
  return totp.generate({ timestamp: step * TOTP_PERIOD_SECONDS * 1000 });
}

/**
 * Checks a six-digit code against the present step and one on either side. A step at or before `lastStep` is `replayed`: whoever
 * looked over a shoulder cannot use the same code within its window (RFC 6238 §5.2).
 */
export function checkTotp(input: { secret: string; code: string; now: number; lastStep: number }): TotpCheck {
  const token = input.code.replaceAll(/\s/g, '');
  if (!/^\d{6}$/.test(token)) return { outcome: 'wrong' };
  const totp = new TOTP({ secret: Secret.fromBase32(input.secret), digits: 6, period: TOTP_PERIOD_SECONDS });
  const delta = totp.validate({ token, timestamp: input.now, window: 1 });
  if (delta === null) return { outcome: 'wrong' };
  const step = Math.floor(input.now / 1000 / TOTP_PERIOD_SECONDS) + delta;
  return step <= input.lastStep ? { outcome: 'replayed' } : { outcome: 'accepted', step };
}
