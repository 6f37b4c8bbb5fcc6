import type { ControlOutput } from '../client.ts';
import type { Tone } from '../parts/badges.tsx';

/** A person, as the API gives one. */
export type User = ControlOutput<'users'>['items'][number];

/** What an account's status means for the reader. */
export const STATUS_TONES: Readonly<Record<User['status'], Tone>> = {
  invited: 'note',
  active: 'good',
  disabled: 'bad',
};

/** What a level of risk means for the reader. */
export const RISK_TONES: Readonly<Record<User['risk']['level'], Tone>> = { low: 'calm', medium: 'warn', high: 'bad' };

/** `password, app, 2 passkeys`. */
export function factorsText({ factors }: Pick<User, 'factors'>): string {
  const { password, totp, passkeys } = factors;
  const parts = [
    password ? 'password' : '',
    totp ? 'app' : '',
    passkeys === 0 ? '' : passkeys === 1 ? 'passkey' : `${passkeys} passkeys`,
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'none yet' : parts.join(', ');
}

/** `aal2-phr` for `urn:cordon:aal2-phr`. */
export function acrText(acr: string): string {
  return acr.replace('urn:cordon:', '');
}
